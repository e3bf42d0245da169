import type { Audit } from './audit.ts'
import { durably } from './durable.ts'
import { ConsentryError } from './errors.ts'
import type { GiveBack } from './give-back.ts'
import { accountId, sameGrant, type GrantKey, type GrantRecord, type TokenSet } from './grant.ts'
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
  giveBack: GiveBack
  /** The provider ended the grant. Told once, by the node that found out. */
  onReauthRequired: (key: GrantKey, ended: VersionedGrant) => void
}

/** Renews the grant that was read in version `seen`, or obtains what needs no person, whoever else is about to. */
export type Refresh = (key: GrantKey, seen: VersionedGrant | undefined, options?: RefreshCall) => Promise<VersionedGrant>

export interface RefreshCall {
  /** The provider's API refused the token, whatever its expiry says. */
  force?: boolean
  /** What is needed, of a provider that gives it without the person. */
  scopes?: readonly string[]
}

interface Look {
  plan: RenewalRequest
  derivesAnew: boolean
  /** What is stored, while its access token works. */
  usable: VersionedGrant | undefined
  answer?: VersionedGrant
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
export function createRefresh ({ tokens, clock, refreshBuffer, renewal, audit, giveBack, onReauthRequired }: RefreshOptions): Refresh {
  const inFlight = new Map<string, Promise<VersionedGrant>>()
  const limits = new Map<string, Limit>()
  const rests = createRests(clock)
  const providerRests = createRests(clock)

  function limitOf (provider: string): Limit {
    const limit = limits.get(provider) ?? createLimit(perProvider)
    limits.set(provider, limit)
    return limit
  }

  const isFresh = ({ record }: VersionedGrant): boolean => record.endedAt === undefined && !isStale(record, clock.now(), refreshBuffer)

  /** What to ask for; `answer` when there is no need to. */
  async function look (key: GrantKey, id: string, stored: VersionedGrant | undefined, seen: VersionedGrant | undefined, { force = false, scopes = [] }: RefreshCall): Promise<Look> {
    const plan = await renewal.plan(key, stored?.record, scopes)
    const derivesAnew = stored !== undefined && stored.record.derivedFrom !== plan.derivedFrom
    const usable = force || derivesAnew || stored === undefined || isExpired(stored.record, clock.now()) ? undefined : stored
    const found: Look = { plan, derivesAnew, usable }
    // Another was faster: its tokens are the ones to use.
    if (stored !== undefined && stored.version !== seen?.version && !derivesAnew && isFresh(stored) && renewal.suffices(key, stored.record, scopes)) return { ...found, answer: stored }
    const resting = rests.failure(id) ?? providerRests.failure(key.provider)
    if (resting === undefined) return found
    if (usable === undefined) throw resting.error
    return { ...found, answer: usable }
  }

  /** `undefined` when the lock ended while this process was busy: another may have begun to use the same refresh token. */
  async function renew (key: GrantKey, id: string, stored: VersionedGrant | undefined, seen: VersionedGrant | undefined, call: RefreshCall, stillHeld?: () => Promise<boolean>): Promise<VersionedGrant | undefined> {
    const { answer: known, plan, usable, derivesAnew } = await look(key, id, stored, seen, call)
    if (known !== undefined) return known
    if (await stillHeld?.() === false) return undefined
    let answer: TokenSet
    try {
      answer = await plan.request()
    } catch (error) {
      if (ConsentryError.is(error, 'CONSENTRY_ERR_REAUTH_REQUIRED')) return lost(key, stored, error)
      rests.rest(id, error)
      // Who says how long means all that we ask.
      if (ConsentryError.is(error) && error.retryAfter !== undefined) providerRests.rest(key.provider, error)
      audit(key, { type: 'failed', scopes: plan.scopes, code: ConsentryError.is(error) ? error.code : 'CONSENTRY_ERR_INTERNAL' })
      if (usable !== undefined) return usable
      throw error
    }
    rests.over(id)
    return keep(key, stored, answer, plan, derivesAnew)
  }

  /** The lock is taken when it is this one's turn, and so is not held for as long as others are asked for. */
  async function inTurn (key: GrantKey, id: string, seen: VersionedGrant | undefined, call: RefreshCall): Promise<VersionedGrant> {
    const limit = limitOf(key.provider)
    if (limit.busy) {
      const { answer, usable } = await look(key, id, await tokens.load(key), seen, call)
      // A token that works is worth more than a place in the queue.
      const found = answer ?? usable
      if (found !== undefined) return found
    }
    return limit.run(async () => {
      for (let known = seen; ;) {
        const stored = known
        const locked = await tokens.withLock(key, stored?.version, (stillHeld) => renew(key, id, stored, seen, call, stillHeld))
        if ('stored' in locked) {
          known = locked.stored
          const { answer } = await look(key, id, known, seen, call)
          if (answer !== undefined) return answer
        } else if (locked.result !== undefined) return locked.result
      }
    })
  }

  /** Saves before anything else is done with the answer: the old refresh token may already be spent. */
  async function keep (key: GrantKey, before: VersionedGrant | undefined, answer: TokenSet, { scopes, requestedScopes, derivedFrom }: RenewalRequest, derivesAnew: boolean): Promise<VersionedGrant> {
    let expected = before
    let record: GrantRecord = {
      ...grantRecord(answer, { before: derivesAnew ? undefined : before?.record, requestedScopes: scopes, now: clock.now() }),
      requestedScopes: [...requestedScopes],
      ...(derivedFrom !== undefined && { derivedFrom })
    }
    for (;;) {
      const version = await durably(clock, () => tokens.save(key, record, expected?.version))
      if (version !== undefined) {
        audit(key, { type: 'refreshed', scopes: record.scopes, ...(record.account !== undefined && { account: accountId(record.account) }) })
        return { record, version }
      }
      const newer = await durably(clock, () => tokens.load(key))
      const same = newer !== undefined && (before === undefined || sameGrant(before.record, newer.record))
      if (!same) {
        // Disconnected while the answer was under way, and perhaps given anew since: it must not come back.
        await giveBack(key, record)
        if (newer !== undefined && newer.record.endedAt === undefined) return newer
        throw new ConsentryError('CONSENTRY_ERR_REAUTH_REQUIRED')
      }
      if (newer.record.endedAt === undefined) {
        // The person consented to more meanwhile, and that brought no refresh token: the one it holds is spent by now.
        const { refreshToken } = answer
        if (refreshToken === undefined || newer.record.refreshToken !== before?.record.refreshToken) return newer
        record = { ...newer.record, refreshToken }
      }
      // Otherwise another process used the same refresh token a moment later, and was told that it is spent.
      expected = newer
    }
  }

  /** `invalid_grant` may only mean that another process used the refresh token first. */
  async function lost (key: GrantKey, before: VersionedGrant | undefined, error: ConsentryError): Promise<VersionedGrant> {
    if (before?.record.refreshToken === undefined) throw error
    const { refreshToken: _spent, ...kept } = before.record
    const record = { ...kept, endedAt: clock.now(), updatedAt: clock.now() }
    const version = await tokens.save(key, record, before.version)
    if (version !== undefined) {
      audit(key, { type: 'failed', scopes: record.scopes, code: error.code, ...(record.account !== undefined && { account: accountId(record.account) }) })
      onReauthRequired(key, { record, version })
      throw error
    }
    const newer = await tokens.load(key)
    if (newer === undefined || newer.record.endedAt !== undefined) throw error
    return newer
  }

  return (key, seen, call = {}) => {
    const id = grantKeyId(key)
    // What is asked for is part of the request only where nobody consented to it before.
    const flightId = JSON.stringify([id, seen?.record.refreshToken === undefined ? call.scopes : undefined])
    const current = inFlight.get(flightId)
    if (current !== undefined) return current
    const flight = inTurn(key, id, seen, call).finally(() => inFlight.delete(flightId))
    inFlight.set(flightId, flight)
    return flight
  }
}
