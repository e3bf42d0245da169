import type { Audit } from './audit.ts'
import { ConsentryError, type ErrorCode } from './errors.ts'
import type { GrantKey } from './grant.ts'
import { grantKeyId } from './keys.ts'
import type { TokenStore } from './ports.ts'
import type { Provider } from './provider.ts'
import type { Wakeups } from './wakeups.ts'

/** What became of a grant that was disconnected. It is gone here in any case. */
export interface Disconnected {
  /** Whether the provider confirmed that its tokens are void. */
  revoked: boolean
  /** Why it did not; absent too when it has no way to revoke. */
  error?: ErrorCode
}

/** Where executions hear, on whichever node, that a grant they hold is no more; the detail is its key as one string. */
export const disconnectedTopic = 'disconnected'

export interface DisconnectOptions {
  tokens: TokenStore
  wakeups: Wakeups
  provider: (name: string) => Provider
  audit: Audit
  onError: (error: unknown, doing: string) => void
}

/** Forgets a grant, ends the executions that hold it, then ends it at the provider. */
export function createDisconnect ({ tokens, wakeups, provider, audit, onError }: DisconnectOptions): (key: GrantKey) => Promise<Disconnected | undefined> {
  async function revoke (key: GrantKey, grant: { accessToken: string, refreshToken?: string }): Promise<Disconnected> {
    try {
      return { revoked: await provider(key.provider).revoke(grant) }
    } catch (error) {
      onError(error, 'revoking a grant')
      return { revoked: false, error: ConsentryError.is(error) ? error.code : 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE' }
    }
  }

  return async (key) => {
    let grant = await tokens.load(key)
    // What is deleted is what is revoked, also when a refresh comes in between.
    while (grant !== undefined && !await tokens.delete(key, grant.version)) grant = await tokens.load(key)
    if (grant === undefined) return undefined
    wakeups.wake(disconnectedTopic, grantKeyId(key))
    const { account, scopes } = grant.record
    const result = await revoke(key, grant.record)
    audit(key, {
      type: 'revoked',
      scopes,
      confirmed: result.revoked,
      ...(result.error !== undefined && { code: result.error }),
      ...(account !== undefined && { account: { issuer: account.issuer, subject: account.subject } })
    })
    return result
  }
}
