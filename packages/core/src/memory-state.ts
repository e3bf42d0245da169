import { systemClock } from './clock.ts'
import { createDeadlines } from './deadlines.ts'
import { ConsentryError } from './errors.ts'
import { ExpiringMap } from './expiring-map.ts'
import { inOnePiece } from './one-piece.ts'
import type { Clock, LogEntry, StateStore } from './ports.ts'

/** How much the store in memory holds. */
export interface MemoryStateOptions {
  clock?: Clock
  /** How many values and logs it holds; beyond that it refuses new ones and evicts nobody's. 1,000,000 unless given. */
  maxEntries?: number
}

interface Log {
  entries: string[]
  /** The sequence number of the newest entry. */
  newest: number
  /** Nothing comes after it. */
  closed: boolean
}

/** The state of one process, for as long as it runs. */
export function memoryState (options: MemoryStateOptions = {}): StateStore {
  const { clock = systemClock, maxEntries = 1_000_000 } = options
  const deadlines = createDeadlines(clock)
  const values = new ExpiringMap<string>({ clock, deadlines })
  const logs = new ExpiringMap<Log>({ clock, deadlines })
  const locks = new ExpiringMap<object>({ clock, deadlines })
  const listeners = new Map<string, Set<(message: string) => void>>()
  let fence = 0

  function put<Value> (home: ExpiringMap<Value>, key: string, value: Value, ttl: number): void {
    if (!home.has(key) && values.size + logs.size + locks.size >= maxEntries) {
      throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE', { cause: new RangeError('the memory store is full') })
    }
    home.set(key, value, ttl)
  }

  function swap (key: string, expected: string | undefined, value: string | undefined, ttl: number): boolean {
    if (values.get(key) !== expected) return false
    if (value === undefined) values.delete(key)
    else put(values, key, inOnePiece(value), ttl)
    return true
  }

  return {
    async get (key) {
      return values.get(key)
    },

    async set (key, value, ttl) {
      put(values, key, inOnePiece(value), ttl)
    },

    async take (key) {
      const value = values.get(key)
      values.delete(key)
      return value
    },

    async compareAndSet (key, expected, value, ttl) {
      return swap(key, expected, value, ttl)
    },

    async compareAndSetWith (first, key, expected, value, ttl) {
      if (values.get(key) !== expected) return false
      if (values.get(first.key) === undefined) put(values, first.key, inOnePiece(first.value), first.ttl)
      return swap(key, expected, value, ttl)
    },

    async append (name, value, { ttl, limit, after, last = false }) {
      let log = logs.get(name) ?? { entries: [], newest: 0, closed: false }
      if (log.closed || (after !== undefined && log.newest > after)) return 0
      // Its writer knows of entries that are lost: the numbers go on, and what was before them is of no use.
      if (after !== undefined && log.newest < after) log = { entries: [], newest: after, closed: false }
      put(logs, name, log, ttl)
      const { entries } = log
      // A list of just this length while it is short, as most are: `push` makes room for many more.
      if (entries.length < 16) log.entries = entries.concat(inOnePiece(value))
      else entries.push(inOnePiece(value))
      if (log.entries.length > limit) log.entries.splice(0, log.entries.length - limit)
      log.closed = last
      return ++log.newest
    },

    async read (name, after, limit = Infinity) {
      const log = logs.get(name)
      if (log === undefined) return []
      const before = log.newest - log.entries.length
      const found: LogEntry[] = []
      const first = Math.max(0, after - before)
      for (let index = first; index < Math.min(log.entries.length, first + limit); index++) {
        found.push({ seq: before + index + 1, value: log.entries[index] as string })
      }
      return found
    },

    async publish (channel, message) {
      const heard = listeners.get(channel)
      if (heard === undefined) return
      // As over a network: never inside the caller's own step.
      queueMicrotask(() => { for (const listener of heard) listener(message) })
    },

    async subscribe (channel, listener) {
      let heard = listeners.get(channel)
      if (heard === undefined) listeners.set(channel, heard = new Set())
      heard.add(listener)
      return async () => {
        heard.delete(listener)
        if (heard.size === 0 && listeners.get(channel) === heard) listeners.delete(channel)
      }
    },

    async lock (name, ttl) {
      if (locks.get(name) !== undefined) return undefined
      const holder = {}
      put(locks, name, holder, ttl)
      return {
        fence: ++fence,
        async renew (ttl) {
          if (locks.get(name) !== holder) return false
          put(locks, name, holder, ttl)
          return true
        },
        async release () {
          if (locks.get(name) === holder) locks.delete(name)
        }
      }
    },

    async close () {
      deadlines.close()
      values.clear()
      logs.clear()
      locks.clear()
      listeners.clear()
    }
  }
}
