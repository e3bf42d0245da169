import { durably } from './durable.ts'
import { ConsentryError } from './errors.ts'
import type { GrantKey, TokenSet } from './grant.ts'
import { isExpired, isStale } from './grant-state.ts'
import { grantKeyId } from './keys.ts'
import type { Clock, TokenStore, VersionedGrant } from './ports.ts'
import type { Provider } from './provider.ts'
import { grantRecord } from './token-set.ts'

export interface RefreshOptions {
  tokens: TokenStore
  clock: Clock
  /** Milliseconds. */
  refreshBuffer: number
  provider: (name: string) => Provider
}

/** Renews the grant that was read in version `seen`, whoever else is about to. */
export type Refresh = (key: GrantKey, seen: VersionedGrant, options?: { force?: boolean }) => Promise<VersionedGrant>

/** After a failure the provider is left alone for a second at first, for a minute at most; milliseconds. */
const shortestRest = 1_000
const longestRest = 60_000
/** How many grants are remembered to rest; beyond that the oldest is asked for again. */
const mostResting = 10_000

interface Rest {
  until: number
  length: number
  error: unknown
}

/**
 * One token request per refresh token: callers of this process share one, and other processes are kept out by the
 * store's lock and found out by its compare-and-set.
 *
 * Rejects with `CONSENTRY_ERR_REAUTH_REQUIRED` when the provider ended the grant (`invalid_grant`) or it is gone, and
 * with the provider's error when it fails otherwise and the access token is no longer valid.
 */
export function createRefresh ({ tokens, clock, refreshBuffer, provider }: RefreshOptions): Refresh {
  const inFlight = new Map<string, Promise<VersionedGrant>>()
  const resting = new Map<string, Rest>()

  async function renew (key: GrantKey, id: string, seen: VersionedGrant, force: boolean): Promise<VersionedGrant> {
    const stored = await tokens.load(key)
    if (stored === undefined || stored.record.endedAt !== undefined) throw new ConsentryError('CONSENTRY_ERR_REAUTH_REQUIRED')
    // Another was faster: its tokens are the ones to use.
    if (stored.version !== seen.version && !isStale(stored.record, clock.now(), refreshBuffer)) return stored
    const { refreshToken, scopes, account } = stored.record
    const from = provider(key.provider)
    if (refreshToken === undefined || from.refresh === undefined) throw new ConsentryError('CONSENTRY_ERR_REAUTH_REQUIRED')
    let answer: TokenSet
    try {
      const rest = resting.get(id)
      if (rest !== undefined && clock.monotonic() < rest.until) throw rest.error
      answer = await from.refresh({ refreshToken, scopes, ...(account !== undefined && { account }) })
    } catch (error) {
      if (ConsentryError.is(error, 'CONSENTRY_ERR_REAUTH_REQUIRED')) return lost(key, stored, error)
      leaveAlone(id, error)
      // An outage is no reason to withhold a token that still works.
      if (!force && !isExpired(stored.record, clock.now())) return stored
      throw error
    }
    resting.delete(id)
    return keep(key, stored, answer)
  }

  /** Twice as long after every failure, a little less by chance, and as long as the provider said. */
  function leaveAlone (id: string, error: unknown): void {
    const before = resting.get(id)
    if (before?.error === error) return
    const length = Math.min(before === undefined ? shortestRest : before.length * 2, longestRest)
    const asked = ConsentryError.is(error) ? error.retryAfter ?? 0 : 0
    resting.delete(id)
    resting.set(id, { until: clock.monotonic() + Math.max(length * (0.75 + Math.random() / 4), Math.min(asked, longestRest)), length, error })
    const [oldest] = resting.keys()
    if (resting.size > mostResting) resting.delete(oldest as string)
  }

  /** Saves before anything else is done with the answer: the old refresh token may already be spent. */
  async function keep (key: GrantKey, before: VersionedGrant, answer: TokenSet): Promise<VersionedGrant> {
    const { scopes, requestedScopes } = before.record
    const record = { ...grantRecord(answer, { before: before.record, requestedScopes: scopes, now: clock.now() }), requestedScopes }
    let expected = before.version
    for (;;) {
      const version = await durably(clock, () => tokens.save(key, record, expected))
      if (version !== undefined) return { record, version }
      const newer = await durably(clock, () => tokens.load(key))
      if (newer === undefined) break
      if (newer.record.endedAt === undefined) return newer
      // Another process used the same refresh token a moment later, and was told that it is spent.
      expected = newer.version
    }
    // Disconnected while the answer was under way: it must not come back.
    await provider(key.provider).revoke(answer).catch(() => false)
    throw new ConsentryError('CONSENTRY_ERR_REAUTH_REQUIRED')
  }

  /** `invalid_grant` may only mean that another process used the refresh token first. */
  async function lost (key: GrantKey, before: VersionedGrant, error: ConsentryError): Promise<VersionedGrant> {
    const { refreshToken: _spent, ...kept } = before.record
    const ended = { ...kept, endedAt: clock.now(), updatedAt: clock.now() }
    if (await tokens.save(key, ended, before.version) !== undefined) throw error
    const newer = await tokens.load(key)
    if (newer === undefined || newer.record.endedAt !== undefined) throw error
    return newer
  }

  return (key, seen, { force = false } = {}) => {
    const id = grantKeyId(key)
    let flight = inFlight.get(id)
    if (flight === undefined) {
      flight = tokens.withLock(key, () => renew(key, id, seen, force)).finally(() => inFlight.delete(id))
      inFlight.set(id, flight)
    }
    return flight
  }
}
