import type { Audit } from './audit.ts'
import { ConsentryError, type ErrorCode } from './errors.ts'
import type { Flows } from './flows.ts'
import type { GiveBack, GivenBack } from './give-back.ts'
import { isExpired } from './grant-state.ts'
import { accountId, type GrantKey, type GrantRecord } from './grant.ts'
import { grantKeyId } from './keys.ts'
import type { Clock, TokenStore } from './ports.ts'
import type { Provider } from './provider.ts'
import type { Wakeups } from './wakeups.ts'

/** What became of a grant that was disconnected. It is gone here in any case. */
export type Disconnected = GivenBack

/** Where executions hear, on whichever node, that a grant they hold is no more; the detail is its key as one string. */
export const disconnectedTopic = 'disconnected'

export interface DisconnectOptions {
  providers: Readonly<Record<string, Provider>>
  tokens: TokenStore
  flows: Pick<Flows, 'pending' | 'revoke'>
  wakeups: Wakeups
  clock: Clock
  audit: Audit
  giveBack: GiveBack
}

/** Forgets a grant and what was derived from it, ends the executions that hold one of them, then ends it at the provider. */
export function createDisconnect ({ providers, tokens, flows, wakeups, clock, audit, giveBack }: DisconnectOptions): (key: GrantKey) => Promise<Disconnected | undefined> {
  /** What is deleted is what is revoked, also when a refresh comes in between. */
  async function forget (key: GrantKey): Promise<GrantRecord | ErrorCode | undefined> {
    try {
      for (;;) {
        const grant = await tokens.load(key)
        if (grant === undefined) return undefined
        if (await tokens.delete(key, grant.version)) return grant.record
      }
    } catch (error) {
      // What nobody can read must not stay for ever.
      if (!ConsentryError.is(error, 'CONSENTRY_ERR_RECORD_UNREADABLE')) throw error
      return await tokens.delete(key) ? error.code : undefined
    }
  }

  /** Some providers end nothing by a token that is over; a fresh one they do. `invalid_grant`: there is nothing left to end. */
  async function revoke (key: GrantKey, record: GrantRecord): Promise<Disconnected> {
    const { refreshToken, scopes, account } = record
    const from = Object.hasOwn(providers, key.provider) ? providers[key.provider] : undefined
    if (from?.refresh === undefined || refreshToken === undefined || !isExpired(record, clock.now())) return giveBack(key, record)
    try {
      return await giveBack(key, { ...record, ...await from.refresh({ refreshToken, scopes, ...(account !== undefined && { account }) }) })
    } catch (error) {
      return ConsentryError.is(error, 'CONSENTRY_ERR_REAUTH_REQUIRED') ? { revoked: true } : giveBack(key, record)
    }
  }

  return async function disconnect (key) {
    const tell = (): void => { wakeups.wake(disconnectedTopic, grantKeyId(key)) }
    const asked = await flows.pending(key)
    let overtaken = false
    if (asked?.status === 'claimed') {
      tell()
      // What the person has just consented to is not stored any more, or was, and is found below.
      overtaken = await flows.revoke(asked.id)
    }
    const forgotten = await forget(key)
    if (forgotten === undefined && !overtaken) return undefined
    tell()
    // A question that asks for more of it, held to its account, has lost its ground.
    const flow = await flows.pending(key)
    if (flow !== undefined) await flows.revoke(flow.id)
    for (const [name, from] of Object.entries(providers)) {
      if (from.kind === 'direct' && from.subject?.provider === key.provider) await disconnect({ ...key, provider: name })
    }
    // Whoever works on the answer gives back what it brings.
    if (forgotten === undefined) return { revoked: false }
    const record = typeof forgotten === 'string' ? undefined : forgotten
    const result = record === undefined ? { revoked: false, error: forgotten as ErrorCode } : await revoke(key, record)
    audit(key, {
      type: 'revoked',
      scopes: record?.scopes ?? [],
      confirmed: result.revoked,
      ...(result.error !== undefined && { code: result.error }),
      ...(record?.account !== undefined && { account: accountId(record.account) })
    })
    return result
  }
}
