import type { Owner } from './grant.ts'
import { createOwnerIndex, type OwnerIndex } from './owner-index.ts'
import type { Clock, StateStore } from './ports.ts'
import type { Session } from './sessions.ts'

/** Whose sessions there are, and under which names. */
export interface SessionIndexes<Data> {
  /** Enters it, and resolves to the owner's others. */
  add (session: Session<Data>): Promise<Array<Session<Data>>>
  remove (session: Session<Data>): Promise<void>
  /** Oldest first. */
  ofOwner (owner: Owner): Promise<Array<Session<Data>>>
  ofName (name: string): Promise<Array<Session<Data>>>
}

export interface SessionIndexesOptions<Data> {
  state: StateStore
  clock: Clock
  /** Milliseconds. */
  absoluteLifetime: number
  /** The session under this id or under the one that it has by now, if it is alive. */
  follow: (id: string) => Promise<Session<Data> | undefined>
}

const asOwner = (name: string): Owner => ({ tenant: 'name', userId: name })

/** A session that ran out tells nobody. Whoever reads a list, or adds to it, drops the ids of those that are over (T16). */
export function createSessionIndexes<Data> ({ state, clock, absoluteLifetime: lifetime, follow }: SessionIndexesOptions<Data>): SessionIndexes<Data> {
  const owners = createOwnerIndex({ state, clock, kind: 'sessions', lifetime })
  const named = createOwnerIndex({ state, clock, kind: 'session-names', lifetime })

  /** Those of `ids` in the list that are alive, oldest first. */
  async function alive (index: OwnerIndex, of: Owner, ids: readonly string[]): Promise<Array<Session<Data>>> {
    const found = new Map<string, Session<Data>>()
    for (const session of await Promise.all(ids.map(follow))) if (session !== undefined) found.set(session.id, session)
    // A session that moved was entered under its new id before it did.
    await index.remove(of, ...ids.filter((id) => !found.has(id)))
    return [...found.values()].toSorted((a, b) => a.createdAt - b.createdAt)
  }

  async function enter (index: OwnerIndex, of: Owner, { id }: Session<Data>): Promise<Array<Session<Data>>> {
    return alive(index, of, await index.add(of, id))
  }

  async function list (index: OwnerIndex, of: Owner): Promise<Array<Session<Data>>> {
    return alive(index, of, await index.list(of))
  }

  return {
    async add (session) {
      for (const name of session.names) await enter(named, asOwner(name), session)
      return enter(owners, session.owner, session)
    },
    async remove ({ id, owner, names }) {
      await owners.remove(owner, id)
      for (const name of names) await named.remove(asOwner(name), id)
    },
    ofOwner: (owner) => list(owners, owner),
    ofName: (name) => list(named, asOwner(name))
  }
}
