import { ConsentryError } from './errors.ts'
import type { GrantKey } from './grant.ts'
import { isExpired, isStale } from './grant-state.ts'
import { grantKeyId } from './keys.ts'
import type { Clock, Provider, TokenStore, VersionedGrant } from './ports.ts'
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

/**
 * One token request per refresh token: callers of this process share one, and other processes are kept out by the
 * store's lock and found out by its compare-and-set.
 *
 * Rejects with `CONSENTRY_ERR_REAUTH_REQUIRED` when the provider ended the grant (`invalid_grant`) or it is gone, and
 * with the provider's error when it fails otherwise and the access token is no longer valid.
 */
export function createRefresh ({ tokens, clock, refreshBuffer, provider }: RefreshOptions): Refresh {
  const inFlight = new Map<string, Promise<VersionedGrant>>()

  async function renew (key: GrantKey, seen: VersionedGrant, force: boolean): Promise<VersionedGrant> {
    const stored = await tokens.load(key)
    if (stored === undefined || stored.record.endedAt !== undefined) throw new ConsentryError('CONSENTRY_ERR_REAUTH_REQUIRED')
    // Another was faster: its tokens are the ones to use.
    if (stored.version !== seen.version && !isStale(stored.record, clock.now(), refreshBuffer)) return stored
    const { refreshToken, account } = stored.record
    if (refreshToken === undefined) throw new ConsentryError('CONSENTRY_ERR_REAUTH_REQUIRED')
    try {
      const answer = await provider(key.provider).refresh({ refreshToken, ...(account !== undefined && { account }) })
      return await keep(key, stored, answer)
    } catch (error) {
      if (ConsentryError.is(error, 'CONSENTRY_ERR_REAUTH_REQUIRED')) return await lost(key, stored, error)
      // An outage is no reason to withhold a token that still works.
      if (!force && !isExpired(stored.record, clock.now())) return stored
      throw error
    }
  }

  /** Saves before anything else is done with the answer: the old refresh token may already be spent. */
  async function keep (key: GrantKey, before: VersionedGrant, answer: Awaited<ReturnType<Provider['refresh']>>): Promise<VersionedGrant> {
    const record = grantRecord(answer, { before: before.record, requestedScopes: before.record.scopes, now: clock.now() })
    record.requestedScopes = before.record.requestedScopes
    const version = await tokens.save(key, record, before.version)
    if (version !== undefined) return { record, version }
    const newer = await tokens.load(key)
    if (newer !== undefined) return newer
    // Disconnected while the answer was under way: it must not come back.
    await provider(key.provider).revoke(answer).catch(() => false)
    throw new ConsentryError('CONSENTRY_ERR_REAUTH_REQUIRED')
  }

  /** `invalid_grant` may only mean that another process used the refresh token first. */
  async function lost (key: GrantKey, before: VersionedGrant, error: ConsentryError): Promise<VersionedGrant> {
    const { refreshToken: _spent, ...rest } = before.record
    const ended = { ...rest, endedAt: clock.now(), updatedAt: clock.now() }
    if (await tokens.save(key, ended, before.version) !== undefined) throw error
    const newer = await tokens.load(key)
    if (newer === undefined || newer.record.endedAt !== undefined) throw error
    return newer
  }

  return (key, seen, { force = false } = {}) => {
    const id = grantKeyId(key)
    let flight = inFlight.get(id)
    if (flight === undefined) {
      flight = tokens.withLock(key, () => renew(key, seen, force)).finally(() => inFlight.delete(id))
      inFlight.set(id, flight)
    }
    return flight
  }
}
