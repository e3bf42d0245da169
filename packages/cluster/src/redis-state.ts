import { randomId, systemRandomBytes, type Entry, type StateStore } from '@consentry/core'
import { checkEviction } from './eviction.ts'
import { invalid, milliseconds } from './options.ts'
import { createCommands, isCluster, readsReplicas, type RedisClient } from './redis-client.ts'
import { append, compareAndSet, lock, nameLength, release, renew } from './redis-scripts.ts'
import { createSubscription } from './subscription.ts'

/** How state is kept in Redis. */
export interface RedisStateOptions {
  /** Begins the name of every key and channel; `consentry:` unless given. Two applications on one server need different ones. */
  prefix?: string
  /** How long a command may take, in milliseconds; 5000 unless given. */
  timeout?: number
  /** Works on a server that may evict flows and sessions when its memory is full. */
  dangerouslyAllowEviction?: boolean
}

/** A state store in Redis. */
export interface RedisState extends StateStore {
  /**
   * Asks the server whether state is safe there; the first `subscribe` does too. Rejects with
   * `CONSENTRY_ERR_OPTIONS_INVALID` when its eviction policy may remove state.
   */
  ready: () => Promise<void>
  /** Ends what was opened here: the connection that listens. The client is the application's. */
  close: () => Promise<void>
}

/**
 * State that many nodes share, through a client of the application: `ioredis` with one server, Sentinel or Cluster, of
 * Redis 7.
 *
 * Each command works on one key, or in one slot. Every method rejects with `CONSENTRY_ERR_STORE_UNAVAILABLE` when Redis does not answer in
 * time, or with an error; a command that timed out may still be carried out. Throws `CONSENTRY_ERR_OPTIONS_INVALID` for a
 * wrong option.
 */
export function redisState (redis: RedisClient, options: RedisStateOptions = {}): RedisState {
  const { prefix = 'consentry:', dangerouslyAllowEviction = false } = options
  if (typeof prefix !== 'string') throw invalid('prefix must be a string')
  if (readsReplicas(redis)) throw invalid('the client reads from replicas (scaleReads), which may be behind: state is read from masters')
  const commands = createCommands(redis, milliseconds('timeout', options.timeout, 5_000))
  const { run, script } = commands
  const subscription = createSubscription(redis, commands)
  const valueKey = (key: string): string => `${prefix}value:${key}`
  const logKey = (log: string): string => `${prefix}log:${log}`
  const lockKey = (name: string): string => `${prefix}lock:${name}`

  async function swap (key: string, expected: string | undefined, value: string | undefined, ttl: number, first?: Entry): Promise<boolean> {
    const keys = [valueKey(key)]
    const args = [newName(), ...given(expected), ...given(value), String(lifetime(ttl))]
    if (first !== undefined) {
      keys.push(valueKey(first.key))
      args.push(first.value, String(lifetime(first.ttl)))
    }
    return Number(await script(compareAndSet, keys, ...args)) === 1
  }

  let checked: Promise<void> | undefined
  const ready = (): Promise<void> => {
    checked ??= dangerouslyAllowEviction ? Promise.resolve() : checkEviction(redis, commands).catch((error: unknown) => {
      checked = undefined
      throw error
    })
    return checked
  }

  return {
    ready,

    async get (key) {
      return valueOf(await run(() => redis.get(valueKey(key))))
    },

    async set (key, value, ttl) {
      const ms = lifetime(ttl)
      await run(() => ms === 0 ? redis.del(valueKey(key)) : redis.set(valueKey(key), newName() + value, 'PX', ms))
    },

    async take (key) {
      return valueOf(await run(() => redis.getdel(valueKey(key))))
    },

    async compareAndSet (key, expected, value, ttl) {
      return swap(key, expected, value, ttl)
    },

    async compareAndSetWith (first, key, expected, value, ttl) {
      // What has no time left is not kept.
      if (lifetime(first.ttl) === 0) return swap(key, expected, value, ttl)
      if (!isCluster(redis)) return swap(key, expected, value, ttl, first)
      // In another slot, as a rule. It is not taken back: who swaps at the same moment may have found it there.
      await swap(first.key, undefined, first.value, first.ttl)
      return swap(key, expected, value, ttl)
    },

    async append (log, value, { ttl, limit, after, last = false }) {
      const seq = await script(append, [logKey(log)], newName(), value, String(lifetime(ttl)), String(limit), after === undefined ? '' : String(after), last ? '1' : '')
      return Number(seq)
    },

    async read (log, after, limit) {
      const from = `(${Math.max(after, 0)}-0`
      const entries = await run(() => limit === undefined || limit === Infinity
        ? redis.xrange(logKey(log), from, '+')
        : redis.xrange(logKey(log), from, '+', 'COUNT', limit))
      return entries.map(([id, [, value = '']]) => ({ seq: Number.parseInt(id, 10), value }))
    },

    async publish (channel, message) {
      await run(() => redis.publish(prefix + channel, message))
    },

    async subscribe (channel, listener, onMissed) {
      await ready()
      return subscription.add(prefix + channel, listener, onMissed)
    },

    async lock (name, ttl) {
      const holder = newName()
      const fence = Number(await script(lock, [lockKey(name)], holder, String(lifetime(ttl))))
      if (fence === 0) return undefined
      return {
        fence,
        renew: async (ttl) => Number(await script(renew, [lockKey(name)], holder, String(lifetime(ttl)))) === 1,
        release: async () => { await script(release, [lockKey(name)], holder) }
      }
    },

    async close () {
      subscription.close()
    }
  }
}

/** A write's name, of `nameLength`. */
function newName (): string {
  return randomId(8, systemRandomBytes)
}

function valueOf (stored: string | null): string | undefined {
  return stored?.slice(nameLength)
}

/** As two arguments of a script. */
function given (text: string | undefined): [string, string] {
  return text === undefined ? ['0', ''] : ['1', text]
}

/** Whole milliseconds for Redis; what has no time left gets 0, what is endless some thousands of years. */
function lifetime (ttl: number): number {
  return ttl > 0 ? Math.ceil(Math.min(ttl, 2 ** 48)) : 0
}
