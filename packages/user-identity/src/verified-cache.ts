import type { Clock } from '@consentry/core'
import type { Client } from './client.ts'
import { invalid } from './refused.ts'
import type { UserInfo } from './user-info.ts'

/** How long and how many verified credentials are remembered. Either at 0 turns it off. */
export interface CacheOptions {
  /** Default 10,000. The oldest makes room, unless it was used since it last should have. */
  maxEntries?: number
  /** In seconds; default 60. A credential that was withdrawn goes on working in this process for so long, unless `forget` is called. */
  lifetime?: number
}

/** A check under way, and all who wait for it. */
interface Running {
  answer: Promise<UserInfo>
  clients: Client[]
}

/** Remembers who a verified credential is (T18). */
export interface VerifiedCache {
  /** What is remembered for this key. */
  get (key: string): UserInfo | undefined
  /** What `verify` resolved to for this key, or resolves to now: callers of the same key at the same time share one check. Failures are not remembered. */
  check (key: string, verify: (client: Client) => Promise<UserInfo>, client?: Client): Promise<UserInfo>
  /** Forgets whom `matches` picks, everyone without it, and whatever is being checked at the moment. */
  forget (matches?: (userInfo: UserInfo) => boolean): void
}

interface Entry {
  userInfo: UserInfo
  /** By the monotonic clock, in milliseconds. */
  until: number
  /** Whether it is worth keeping when it is the oldest. */
  used: boolean
}

export function verifiedCache ({ maxEntries = 10_000, lifetime = 60 }: CacheOptions, clock: Pick<Clock, 'now' | 'monotonic'>): VerifiedCache {
  if (!Number.isSafeInteger(maxEntries) || maxEntries < 0) throw invalid('cache.maxEntries must be a whole number, 0 or more')
  if (!Number.isFinite(lifetime) || lifetime < 0) throw invalid('cache.lifetime must be a number of seconds, 0 or more')
  // The oldest first. A use only marks an entry: moving it to the end would cost every request more than finding it.
  const entries = new Map<string, Entry>()
  let running = new Map<string, Running>()

  const alive = ({ userInfo, until }: Entry) => clock.monotonic() < until && clock.now() < (userInfo.expiresAt ?? Infinity) * 1000

  function store (key: string, entry: Entry): void {
    if (maxEntries === 0 || !alive(entry)) return
    entries.delete(key)
    for (const [oldest, other] of entries) {
      if (entries.size < maxEntries && alive(other)) break
      entries.delete(oldest)
      if (!other.used || !alive(other)) continue
      other.used = false
      entries.set(oldest, other)
    }
    entries.set(key, entry)
  }

  function get (key: string): UserInfo | undefined {
    const entry = entries.get(key)
    if (entry === undefined || !alive(entry)) return undefined
    entry.used = true
    return entry.userInfo
  }

  return {
    get,

    check (key, verify, client = {}) {
      const known = get(key)
      if (known !== undefined) return Promise.resolve(known)
      const shared = running.get(key)
      if (shared !== undefined) {
        shared.clients.push(client)
        return shared.answer
      }
      const generation = running
      const until = clock.monotonic() + lifetime * 1000
      const clients = [client]
      const answer = verify(together(clients)).then((userInfo) => {
        // What was forgotten meanwhile may be what this check still believed.
        if (generation === running) store(key, { userInfo, until, used: false })
        return userInfo
      }).finally(() => { generation.delete(key) })
      generation.set(key, { answer, clients })
      return answer
    },

    forget (matches) {
      running = new Map()
      if (matches === undefined) return entries.clear()
      for (const [key, { userInfo }] of entries) if (matches(userInfo)) entries.delete(key)
    }
  }
}

/** The first of them, who is gone when all are. */
function together (clients: readonly Client[]): Client {
  const [first] = clients
  return {
    ...(first?.isKnown !== undefined && { isKnown: first.isKnown }),
    get address () { return first?.address },
    isGone: () => clients.every((client) => client.isGone?.() === true)
  }
}
