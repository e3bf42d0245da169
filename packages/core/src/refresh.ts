import type { Audit } from './audit.ts'
import { durably } from './durable.ts'
import { ConsentryError } from './errors.ts'
import type { GrantKey, GrantRecord, TokenSet } from './grant.ts'
import { isExpired, isStale } from './grant-state.ts'
import { grantKeyId } from './keys.ts'
import { createLimit, type Limit } from './limit.ts'
import type { Clock, TokenStore, VersionedGrant } from './ports.ts'
import type { Renewal, RenewalRequest } from './renewal.ts'
import { createRests } from './rests.ts'
import { grantRecord } from './token-set.ts'

export interface RefreshOptions {
  tokens: TokenStore
  clock: Clock
  /** Milliseconds. */
  refreshBuffer: number
  renewal: Renewal
  audit: Audit
  /** The provider ended the grant. Told once, by the node that found out. */
  onReauthRequired?: ((key: GrantKey, ended: VersionedGrant) => void) | undefined
}

/** Renews the grant that was read in version `seen`, or obtains what needs no person, whoever else is about to. */
export type Refresh = (key: GrantKey, seen: VersionedGrant | undefined, options?: RefreshCall) => Promise<VersionedGrant>

export interface RefreshCall {
  /** The provider's API refused the token, whatever its expiry says. */
  force?: boolean
  /** What is needed, of a provider that gives it without the person. */
  scopes?: readonly string[]
}

/** Of one provider, from this process: so many requests at once, and so many more that wait (R12). */
const perProvider = { atOnce: 16, waiting: 10_000 }

/**
 * One token request per refresh token: callers of this process share one, and other processes are kept out by the
 * store's lock and found out by its compare-and-set.
 *
 * Rejects with `CONSENTRY_ERR_REAUTH_REQUIRED` when the provider ended the grant (`invalid_grant`) or it is gone, and
 * with the provider's error when it fails otherwise and the access token is no longer valid.
 */
export function createRefresh ({ tokens, clock, refreshBuffer, renewal, audit, onReauthRequired }: RefreshOptions): Refresh {
  const inFlight = new Map<string, Promise<VersionedGrant>>()
  const limits = new Map<string, Limit>()
  const rests = createRests(clock)

  function limited<T> (provider: string, fn: () => Promise<T>): Promise<T> {
    let limit = limits.get(provider)
    if (limit === undefined) limits.set(provider, limit = createLimit(perProvider))
    return limit(fn)
  }

  async function renew (key: GrantKey, id: string, seen: VersionedGrant | undefined, { force = false, scopes = [] }: RefreshCall): Promise<VersionedGrant> {
    const stored = await tokens.load(key)
    // Another was faster: its tokens are the ones to use.
    if (stored !== undefined && stored.record.endedAt === undefined && stored.version !== seen?.version && !isStale(stored.record, clock.now(), refreshBuffer)) return stored
    const ask = renewal(key, stored?.record, scopes)
    let answer: TokenSet
    try {
      rests.assertRested(id)
      answer = await limited(key.provider, ask.request)
    } catch (error) {
      if (ConsentryError.is(error, 'CONSENTRY_ERR_REAUTH_REQUIRED')) return lost(key, stored, error)
      if (rests.rest(id, error)) audit(key, { type: 'failed', scopes: ask.scopes, code: ConsentryError.is(error) ? error.code : 'CONSENTRY_ERR_INTERNAL' })
      // An outage is no reason to withhold a token that still works.
      if (!force && stored !== undefined && !isExpired(stored.record, clock.now())) return stored
      throw error
    }
    rests.over(id)
    return keep(key, stored, answer, ask)
  }

  /** Saves before anything else is done with the answer: the old refresh token may already be spent. */
  async function keep (key: GrantKey, before: VersionedGrant | undefined, answer: TokenSet, { scopes, requestedScopes }: RenewalRequest): Promise<VersionedGrant> {
    const record: GrantRecord = { ...grantRecord(answer, { before: before?.record, requestedScopes: scopes, now: clock.now() }), requestedScopes: [...requestedScopes] }
    let expected = before?.version
    for (;;) {
      const version = await durably(clock, () => tokens.save(key, record, expected))
      if (version !== undefined) {
        audit(key, { type: 'refreshed', scopes: record.scopes, ...(record.account !== undefined && { account: accountId(record.account) }) })
        return { record, version }
      }
      const newer = await durably(clock, () => tokens.load(key))
      if (newer === undefined) break
      if (newer.record.endedAt === undefined) return newer
      // Another process used the same refresh token a moment later, and was told that it is spent.
      expected = newer.version
    }
    // Disconnected while the answer was under way: it must not come back.
    await renewal.giveBack(key, answer)
    throw new ConsentryError('CONSENTRY_ERR_REAUTH_REQUIRED')
  }

  /** `invalid_grant` may only mean that another process used the refresh token first. */
  async function lost (key: GrantKey, before: VersionedGrant | undefined, error: ConsentryError): Promise<VersionedGrant> {
    if (before?.record.refreshToken === undefined) throw error
    const { refreshToken: _spent, ...kept } = before.record
    const record = { ...kept, endedAt: clock.now(), updatedAt: clock.now() }
    const version = await tokens.save(key, record, before.version)
    if (version !== undefined) {
      audit(key, { type: 'failed', scopes: record.scopes, code: error.code, ...(record.account !== undefined && { account: accountId(record.account) }) })
      onReauthRequired?.(key, { record, version })
      throw error
    }
    const newer = await tokens.load(key)
    if (newer === undefined || newer.record.endedAt !== undefined) throw error
    return newer
  }

  return (key, seen, call = {}) => {
    const id = grantKeyId(key)
    let flight = inFlight.get(id)
    if (flight === undefined) {
      flight = tokens.withLock(key, () => renew(key, id, seen, call)).finally(() => inFlight.delete(id))
      inFlight.set(id, flight)
    }
    return flight
  }
}

function accountId ({ issuer, subject }: NonNullable<GrantRecord['account']>): { issuer: string, subject: string } {
  return { issuer, subject }
}
