import { ConsentryError, type ErrorCode } from './errors.ts'
import { sameAccount, type AccountId, type GrantKey } from './grant.ts'
import type { TokenStore } from './ports.ts'
import type { Provider } from './provider.ts'

/** Tokens that end, and whose they are. */
export interface Given {
  accessToken: string
  refreshToken?: string
  account?: AccountId
}

/** What the provider said when tokens were given back. */
export interface GivenBack {
  /** Whether the provider confirmed that they are void. */
  revoked: boolean
  /** Why it did not; absent too when it has no way to revoke, or another grant lives by the same consent. */
  error?: ErrorCode
}

/** Ends tokens at their provider. Never rejects. */
export type GiveBack = (key: GrantKey, tokens: Given) => Promise<GivenBack>

export interface GiveBackOptions {
  tokens: TokenStore
  provider: (name: string) => Provider
  onError: (error: unknown, doing: string) => void
}

export function createGiveBack ({ tokens, provider, onError }: GiveBackOptions): GiveBack {
  /** Where one revocation ends everything of the account, another profile of the person may still need it. */
  async function isNeeded (key: GrantKey, { account }: Given): Promise<boolean> {
    const others = (await tokens.listKeys(key)).filter(({ provider }) => provider === key.provider)
    const grants = await Promise.all(others.map((other) => tokens.load(other)))
    return grants.some((grant) => grant !== undefined && (account === undefined || grant.record.account === undefined || sameAccount(grant.record.account, account)))
  }

  return async (key, given) => {
    try {
      const from = provider(key.provider)
      if (from.revokesAll === true && await isNeeded(key, given)) return { revoked: false }
      return { revoked: await from.revoke(given) }
    } catch (error) {
      onError(error, 'revoking tokens')
      return { revoked: false, error: ConsentryError.is(error) ? error.code : 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE' }
    }
  }
}
