import type { Owner } from './grant.ts'
import { ownerId } from './keys.ts'
import type { Clock, StateStore } from './ports.ts'
import { createTurns } from './turns.ts'

/** What of one kind an owner has: ids, each until its time is over. */
export interface OwnerIndex {
  list (owner: Owner): Promise<string[]>
  /** `mayAdd` is told how many there are, and throws when that is enough. Twice the same is once. Resolves to the others. */
  add (owner: Owner, id: string, mayAdd?: (count: number) => void): Promise<string[]>
  remove (owner: Owner, ...ids: string[]): Promise<void>
}

interface Entry {
  id: string
  /** Milliseconds since the epoch. */
  until: number
}

export interface OwnerIndexOptions {
  state: StateStore
  clock: Clock
  /** The kind, which begins the key. */
  kind: string
  /** How long an entry counts when nobody removes it, in milliseconds. */
  lifetime: number
}

/** A change that waits for its turn. */
interface Change {
  apply: (entries: Entry[]) => Entry[]
  done: (refusal?: { error: unknown }) => void
}

/**
 * An index in the state store, changed by one writer at a time: by turns in this process, by compare-and-set between nodes.
 * Changes that wait for the same turn are written together, in their order.
 */
export function createOwnerIndex ({ state, clock, kind, lifetime }: OwnerIndexOptions): OwnerIndex {
  const inTurn = createTurns()
  const waiting = new Map<string, Change[]>()
  const keyOf = (owner: Owner): string => `${kind}:${ownerId(owner)}`

  function current (json: string | undefined): Entry[] {
    const entries = json === undefined ? [] : JSON.parse(json) as Entry[]
    return entries.filter(({ until }) => until > clock.now())
  }

  function change (owner: Owner, apply: Change['apply']): Promise<void> {
    const key = keyOf(owner)
    return new Promise((resolve, reject) => {
      const one: Change = { apply, done: (refusal) => { if (refusal === undefined) resolve(); else reject(refusal.error) } }
      const others = waiting.get(key)
      others?.push(one)
      if (others !== undefined) return
      waiting.set(key, [one])
      void inTurn(key, () => write(key))
    })
  }

  async function write (key: string): Promise<void> {
    const changes = waiting.get(key) ?? []
    waiting.delete(key)
    try {
      for (;;) {
        const json = await state.get(key)
        const refusals = new Map<Change, { error: unknown }>()
        const entries = changes.reduce((before, change) => {
          try {
            return change.apply(before)
          } catch (error) {
            refusals.set(change, { error })
            return before
          }
        }, current(json))
        const value = entries.length === 0 ? undefined : JSON.stringify(entries)
        if (value !== json && !await state.compareAndSet(key, json, value, lifetime)) continue
        for (const change of changes) change.done(refusals.get(change))
        return
      }
    } catch (error) {
      for (const { done } of changes) done({ error })
    }
  }

  return {
    async list (owner) {
      return current(await state.get(keyOf(owner))).map(({ id }) => id)
    },
    async add (owner, id, mayAdd) {
      let others: Entry[] = []
      await change(owner, (entries) => {
        mayAdd?.(entries.length)
        others = entries.filter((entry) => entry.id !== id)
        return [...others, { id, until: clock.now() + lifetime }]
      })
      return others.map((entry) => entry.id)
    },
    async remove (owner, ...ids) {
      if (ids.length > 0) await change(owner, (entries) => entries.filter(({ id }) => !ids.includes(id)))
    }
  }
}
