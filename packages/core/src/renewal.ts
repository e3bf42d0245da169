import { ConsentryError } from './errors.ts'
import type { Grant } from './grant-handle.ts'
import type { GrantKey, GrantRecord, TokenSet } from './grant.ts'
import type { DirectProvider, Provider } from './provider.ts'
import { missingScopes, unionScopes } from './scopes.ts'

/** A request that needs no person. */
export interface RenewalRequest {
  /** What is granted unless the answer says otherwise. */
  scopes: readonly string[]
  requestedScopes: readonly string[]
  /** The grant that the answer is derived from. */
  derivedFrom?: string
  request: () => Promise<TokenSet>
}

/** A provider that gives tokens for those of another. */
export type ExchangingProvider = DirectProvider & Required<Pick<DirectProvider, 'subject'>>

export function hasSubject (provider: Provider): provider is ExchangingProvider {
  return provider.kind === 'direct' && provider.subject !== undefined
}

/** The grant of a person that another is derived from. */
export interface Subject {
  grant: Grant
  lineage: string
}

/** How a grant is renewed without its person: by its refresh token, or as it was obtained. */
export interface Renewal {
  /** Rejects with `CONSENTRY_ERR_REAUTH_REQUIRED` when only the person can. */
  plan (key: GrantKey, stored: GrantRecord | undefined, scopes: readonly string[]): Promise<RenewalRequest>
  /** Whether what another caller stored is what this one would ask for. */
  suffices (key: GrantKey, stored: GrantRecord, scopes: readonly string[]): boolean
}

export interface RenewalOptions {
  provider: (name: string) => Provider
  /** `undefined` when the person has to be asked. */
  subject: (key: GrantKey, provider: ExchangingProvider) => Promise<Subject | undefined>
}

export function createRenewal ({ provider, subject }: RenewalOptions): Renewal {
  async function direct (key: GrantKey, from: DirectProvider, stored: GrantRecord | undefined, needed: readonly string[]): Promise<RenewalRequest> {
    const scopes = unionScopes(stored?.requestedScopes ?? [], needed)
    if (!hasSubject(from)) return { scopes, requestedScopes: scopes, request: () => from.obtain({ scopes }) }
    const source = await subject(key, from)
    if (source === undefined) throw new ConsentryError('CONSENTRY_ERR_REAUTH_REQUIRED')
    return {
      scopes,
      requestedScopes: scopes,
      derivedFrom: source.lineage,
      request: async () => from.obtain({ scopes, subjectToken: await source.grant.accessToken() })
    }
  }

  return {
    async plan (key, stored, needed) {
      const from = provider(key.provider)
      if (from.kind === 'direct') return direct(key, from, stored, needed)
      if (stored === undefined || stored.endedAt !== undefined || stored.refreshToken === undefined || from.refresh === undefined) {
        throw new ConsentryError('CONSENTRY_ERR_REAUTH_REQUIRED')
      }
      const { refreshToken, scopes, requestedScopes, account } = stored
      const refresh = from.refresh.bind(from)
      return { scopes, requestedScopes, request: () => refresh({ refreshToken, scopes, ...(account !== undefined && { account }) }) }
    },

    suffices (key, stored, needed) {
      const { kind, coveredScopes } = provider(key.provider)
      return kind !== 'direct' || missingScopes(stored, needed, coveredScopes).length === 0
    }
  }
}
