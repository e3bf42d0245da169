import type { Clock, StateStore } from './ports.ts'
import { rememberedJson } from './remembered-json.ts'
import type { EndedSession, Session } from './sessions.ts'

/** A session as it is stored, with what is attached to it. */
export type SessionRecord<Data> = EndedSession<Data>

/** What stays under an id that a session had before. */
interface Moved {
  v: 1
  movedTo: string
}

type Stored<Data> = SessionRecord<Data> | Moved

/** Sessions in the store, one key for each. */
export interface SessionRecords<Data> {
  add (session: SessionRecord<Data>): Promise<void>
  /** The session if it is alive, and the text to compare with when it is replaced. */
  read (id: string): Promise<{ json: string | undefined, session: SessionRecord<Data> | undefined }>
  get (id: string): Promise<SessionRecord<Data> | undefined>
  /** The session under this id or under the one that it has by now. */
  follow (id: string): Promise<SessionRecord<Data> | undefined>
  /** `false` when it is not `json` any more that is stored. */
  replace (json: string | undefined, session: SessionRecord<Data>): Promise<boolean>
  /** Leaves the way to the next one under the old id. `false` when it is not `json` any more that is stored. */
  move (id: string, json: string | undefined, next: SessionRecord<Data>): Promise<boolean>
  /** Reads and deletes in one step. */
  take (id: string): Promise<Stored<Data> | undefined>
}

const key = (id: string): string => `session:${id}`

export function createSessionRecords<Data> ({ state, clock, idleLifetime }: { state: StateStore, clock: Clock, idleLifetime: number }): SessionRecords<Data> {
  // The same session comes with every request of its browser.
  const remembered = rememberedJson<Stored<Data>>()
  const lifeOf = ({ seenAt, expiresAt }: Session): number => Math.min(seenAt + idleLifetime, expiresAt) - clock.now()

  /** The lifetimes hold by the clock, whatever the store still has. */
  function alive (stored: Stored<Data> | undefined): SessionRecord<Data> | undefined {
    return stored !== undefined && !('movedTo' in stored) && lifeOf(stored) > 0 ? stored : undefined
  }

  async function follow (id: string): Promise<SessionRecord<Data> | undefined> {
    const stored = remembered.parse(id, await state.get(key(id)))
    return stored !== undefined && 'movedTo' in stored ? follow(stored.movedTo) : alive(stored)
  }

  return {
    async add (session) {
      await state.set(key(session.id), JSON.stringify(session), lifeOf(session))
    },
    async read (id) {
      const json = await state.get(key(id))
      return { json, session: alive(remembered.parse(id, json)) }
    },
    async get (id) {
      return alive(remembered.parse(id, await state.get(key(id))))
    },
    follow,
    replace (json, session) {
      return state.compareAndSet(key(session.id), json, JSON.stringify(session), lifeOf(session))
    },
    move (id, json, { id: movedTo, expiresAt }) {
      return state.compareAndSet(key(id), json, JSON.stringify({ v: 1, movedTo } satisfies Moved), expiresAt - clock.now())
    },
    async take (id) {
      const stored = remembered.parse(id, await state.take(key(id)))
      remembered.parse(id, undefined)
      return stored
    }
  }
}

const shown = new WeakMap<object, object>()

/** The session without what is attached to it. Of one record it is made once, and cannot be changed. */
export function visible<Data> (record: SessionRecord<Data>): Session<Data> {
  const known = shown.get(record) as Session<Data> | undefined
  if (known !== undefined) return known
  const { attachment: _attachment, ...session } = record
  shown.set(record, Object.freeze(session))
  return session
}
