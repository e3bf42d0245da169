import { systemClock } from './clock.ts'
import { createDeadlines, type Deadline } from './deadlines.ts'
import { ConsentryError } from './errors.ts'
import type { Clock, Lock, LogEntry, StateStore } from './ports.ts'

export interface MemoryStateOptions {
  clock?: Clock
  /** How many values and logs it holds; beyond that it refuses new ones and evicts nobody's. 1,000,000 unless given. */
  maxEntries?: number
}

interface Slot {
  key: string
  expiresAt: number
  deadline: Deadline
}
interface ValueSlot extends Slot { value: string }
interface LogSlot extends Slot { entries: string[], last: number }
interface LockSlot extends Slot { holder: object }

type Slots<S extends Slot> = Map<string, S>

function remove<S extends Slot> ([slots, key]: readonly [Slots<S>, string]): void {
  slots.get(key)?.deadline.cancel()
  slots.delete(key)
}

/** The state of one process, for as long as it runs. */
export function memoryState (options: MemoryStateOptions = {}): StateStore {
  const { clock = systemClock, maxEntries = 1_000_000 } = options
  const deadlines = createDeadlines(clock)
  const values = new Map<string, ValueSlot>()
  const logs = new Map<string, LogSlot>()
  const locks = new Map<string, LockSlot>()
  const listeners = new Map<string, Set<(message: string) => void>>()
  let fence = 0

  /** Reads never see an expired slot, though the sweep may come for it a little later. */
  function live<S extends Slot> (slots: Map<string, S>, key: string): S | undefined {
    const slot = slots.get(key)
    return slot !== undefined && slot.expiresAt > clock.monotonic() ? slot : undefined
  }

  function timing<S extends Slot> (slots: Map<string, S>, key: string, ttl: number): Omit<Slot, 'key'> {
    const old = slots.get(key)
    if (old !== undefined) old.deadline.cancel()
    else if (values.size + logs.size + locks.size >= maxEntries) {
      throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE', { cause: new RangeError('the memory store is full') })
    }
    return { expiresAt: clock.monotonic() + ttl, deadline: deadlines.add<readonly [Slots<S>, string]>(ttl, remove, [slots, key]) }
  }

  function put (key: string, value: string, ttl: number): void {
    values.set(key, { key, value, ...timing(values, key, ttl) })
  }

  return {
    async get (key) {
      return live(values, key)?.value
    },

    async set (key, value, ttl) {
      put(key, value, ttl)
    },

    async take (key) {
      const value = live(values, key)?.value
      remove([values, key])
      return value
    },

    async compareAndSet (key, expected, value, ttl) {
      if (live(values, key)?.value !== expected) return false
      if (value === undefined) remove([values, key])
      else put(key, value, ttl)
      return true
    },

    async append (log, value, { ttl, limit }) {
      const { entries, last } = live(logs, log) ?? { entries: new Array<string>(), last: 0 }
      entries.push(value)
      if (entries.length > limit) entries.splice(0, entries.length - limit)
      logs.set(log, { key: log, entries, last: last + 1, ...timing(logs, log, ttl) })
      return last + 1
    },

    async read (log, after) {
      const slot = live(logs, log)
      if (slot === undefined) return []
      const before = slot.last - slot.entries.length
      const found: LogEntry[] = []
      for (let index = Math.max(0, after - before); index < slot.entries.length; index++) {
        found.push({ seq: before + index + 1, value: slot.entries[index] as string })
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
        if (heard.size === 0) listeners.delete(channel)
      }
    },

    async lock (name, ttl) {
      if (live(locks, name) !== undefined) return undefined
      const holder = {}
      const held = (): boolean => live(locks, name)?.holder === holder
      locks.set(name, { key: name, holder, ...timing(locks, name, ttl) })
      const lock: Lock = {
        fence: ++fence,
        async renew (ttl) {
          if (!held()) return false
          locks.set(name, { key: name, holder, ...timing(locks, name, ttl) })
          return true
        },
        async release () {
          if (held()) remove([locks, name])
        }
      }
      return lock
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
