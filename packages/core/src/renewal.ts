import { ConsentryError } from './errors.ts'
import type { Grant } from './grant-handle.ts'
import type { GrantKey, GrantRecord, TokenSet } from './grant.ts'
import type { DirectProvider, Provider } from './provider.ts'
import { unionScopes } from './scopes.ts'

/** A request that needs no person. */
export interface RenewalRequest {
  /** What is granted unless the answer says otherwise. */
  scopes: readonly string[]
  requestedScopes: readonly string[]
  request: () => Promise<TokenSet>
}

/** A provider that gives tokens for those of another. */
export type ExchangingProvider = DirectProvider & Required<Pick<DirectProvider, 'subject'>>

export function hasSubject (provider: Provider): provider is ExchangingProvider {
  return provider.kind === 'direct' && provider.subject !== undefined
}

/** How a grant is renewed without its person: by its refresh token, or as it was obtained. */
export interface Renewal {
  /** Throws `CONSENTRY_ERR_REAUTH_REQUIRED` when only the person can. */
  (key: GrantKey, stored: GrantRecord | undefined, scopes: readonly string[]): RenewalRequest
  /** Ends tokens that came too late. Never rejects. */
  giveBack (key: GrantKey, tokens: TokenSet): Promise<void>
}

export interface RenewalOptions {
  provider: (name: string) => Provider
  /** The grant of the same person that is exchanged; `undefined` when they have to be asked. */
  subject: (key: GrantKey, provider: ExchangingProvider) => Promise<Grant | undefined>
  onError: (error: unknown, doing: string) => void
}

export function createRenewal ({ provider, subject, onError }: RenewalOptions): Renewal {
  function renewal (key: GrantKey, stored: GrantRecord | undefined, needed: readonly string[]): RenewalRequest {
    const from = provider(key.provider)
    if (from.kind === 'direct') {
      const scopes = unionScopes(stored?.requestedScopes ?? [], needed)
      return { scopes, requestedScopes: scopes, request: async () => from.obtain({ scopes, ...hasSubject(from) && { subjectToken: await subjectToken(key, from) } }) }
    }
    if (stored === undefined || stored.endedAt !== undefined || stored.refreshToken === undefined || from.refresh === undefined) {
      throw new ConsentryError('CONSENTRY_ERR_REAUTH_REQUIRED')
    }
    const { refreshToken, scopes, requestedScopes, account } = stored
    const refresh = from.refresh.bind(from)
    return { scopes, requestedScopes, request: () => refresh({ refreshToken, scopes, ...(account !== undefined && { account }) }) }
  }

  async function subjectToken (key: GrantKey, from: ExchangingProvider): Promise<string> {
    const grant = await subject(key, from)
    if (grant === undefined) throw new ConsentryError('CONSENTRY_ERR_REAUTH_REQUIRED')
    return grant.accessToken()
  }

  async function giveBack ({ provider: name }: GrantKey, tokens: TokenSet): Promise<void> {
    try {
      await provider(name).revoke(tokens)
    } catch (error) {
      onError(error, 'revoking what is not kept')
    }
  }

  return Object.assign(renewal, { giveBack })
}
