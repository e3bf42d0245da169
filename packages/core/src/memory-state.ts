import { systemClock } from './clock.ts'
import { createDeadlines, type Deadline } from './deadlines.ts'
import { ConsentryError } from './errors.ts'
import type { Clock, LogEntry, StateStore } from './ports.ts'

/** How much the store in memory holds. */
export interface MemoryStateOptions {
  clock?: Clock
  /** How many values and logs it holds; beyond that it refuses new ones and evicts nobody's. 1,000,000 unless given. */
  maxEntries?: number
}

type Slots<Value> = Map<string, Slot<Value>>

interface Slot<Value> {
  readonly home: Slots<Value>
  readonly key: string
  value: Value
  expiresAt: number
  deadline: Deadline | undefined
}

interface Log {
  entries: string[]
  /** The sequence number of the newest entry. */
  last: number
}

/** The state of one process, for as long as it runs. */
export function memoryState (options: MemoryStateOptions = {}): StateStore {
  const { clock = systemClock, maxEntries = 1_000_000 } = options
  const deadlines = createDeadlines(clock)
  const values: Slots<string> = new Map()
  const logs: Slots<Log> = new Map()
  const locks: Slots<object> = new Map()
  const listeners = new Map<string, Set<(message: string) => void>>()
  let fence = 0

  /** Reads never see what has expired, though the sweep may come for it a little later. */
  function live<Value> (home: Slots<Value>, key: string): Value | undefined {
    const slot = home.get(key)
    return slot !== undefined && slot.expiresAt > clock.monotonic() ? slot.value : undefined
  }

  function put<Value> (home: Slots<Value>, key: string, value: Value, ttl: number): void {
    const expiresAt = clock.monotonic() + ttl
    const slot = home.get(key)
    if (slot === undefined) {
      if (values.size + logs.size + locks.size >= maxEntries) {
        throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE', { cause: new RangeError('the memory store is full') })
      }
      const added: Slot<Value> = { home, key, value, expiresAt, deadline: undefined }
      added.deadline = deadlines.add(ttl, sweep, added)
      home.set(key, added)
      return
    }
    // A deadline that comes too early finds out for itself.
    if (expiresAt < slot.expiresAt) {
      slot.deadline?.cancel()
      slot.deadline = deadlines.add(ttl, sweep, slot)
    }
    slot.value = value
    slot.expiresAt = expiresAt
  }

  function remove<Value> (home: Slots<Value>, key: string): void {
    home.get(key)?.deadline?.cancel()
    home.delete(key)
  }

  function sweep (slot: Slot<unknown>): void {
    const left = slot.expiresAt - clock.monotonic()
    if (left > 0) slot.deadline = deadlines.add(left, sweep, slot)
    else slot.home.delete(slot.key)
  }

  return {
    async get (key) {
      return live(values, key)
    },

    async set (key, value, ttl) {
      put(values, key, value, ttl)
    },

    async take (key) {
      const value = live(values, key)
      remove(values, key)
      return value
    },

    async compareAndSet (key, expected, value, ttl) {
      if (live(values, key) !== expected) return false
      if (value === undefined) remove(values, key)
      else put(values, key, value, ttl)
      return true
    },

    async append (name, value, { ttl, limit, after }) {
      let log = live(logs, name) ?? { entries: [], last: 0 }
      if (after !== undefined && log.last > after) return 0
      // Its writer knows of entries that are lost: the numbers go on, and what was before them is of no use.
      if (after !== undefined && log.last < after) log = { entries: [], last: after }
      put(logs, name, log, ttl)
      log.entries.push(value)
      if (log.entries.length > limit) log.entries.splice(0, log.entries.length - limit)
      return ++log.last
    },

    async read (name, after, limit = Infinity) {
      const log = live(logs, name)
      if (log === undefined) return []
      const before = log.last - log.entries.length
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
      if (live(locks, name) !== undefined) return undefined
      const holder = {}
      put(locks, name, holder, ttl)
      return {
        fence: ++fence,
        async renew (ttl) {
          if (live(locks, name) !== holder) return false
          put(locks, name, holder, ttl)
          return true
        },
        async release () {
          if (live(locks, name) === holder) remove(locks, name)
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
