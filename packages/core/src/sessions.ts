import { hash } from 'node:crypto'
import type { Owner } from './grant.ts'
import type { Clock, RandomBytes, StateStore } from './ports.ts'
import { randomId } from './random.ts'
import { createSessionIndexes } from './session-indexes.ts'
import { createSessionRecords, visible, type SessionRecord } from './session-records.ts'
import type { Wakeups } from './wakeups.ts'

/** A signed-in browser. Times are milliseconds since the epoch. */
export interface Session<Data = unknown> {
  /** The version of this shape. */
  v: 1
  /** Names the session in the store and in logs; the browser's secret cannot be found from it. */
  id: string
  owner: Owner
  /** What the application knows of who signed in. */
  data: Data
  /** Other names under which it can be ended. */
  names: string[]
  createdAt: number
  /** When it was last seen, roughly: it is written again after a tenth of the idle lifetime. */
  seenAt: number
  /** When it ends whatever happens. */
  expiresAt: number
}

/** A session that is over, and what was attached to it. */
export interface EndedSession<Data = unknown> extends Session<Data> {
  attachment?: string
}

/** A session and the secret that only its browser may hold. */
export interface OpenedSession<Data = unknown> {
  secret: string
  session: Session<Data>
}

/** What a session begins with. */
export interface NewSession {
  /** Other names under which it can be ended. */
  names?: readonly string[]
  /** Makes what is attached to it, for its id. */
  attachment?: (id: string) => string
}

/** What a session becomes. */
export interface SessionChange<Data> {
  data: Data
  /** Takes the place of what was attached. */
  attachment?: string
}

/**
 * An attachment is text that lives and ends with the session: it is part of the session's own record, so that no
 * sign-out leaves it behind and nothing that comes late brings it back. Only `attachment` and an ended session show it.
 */
export interface Sessions<Data = unknown> {
  /** A new session. */
  create (owner: Owner, data: Data, options?: NewSession): Promise<OpenedSession<Data>>
  /** The session of the browser with this secret, kept alive by the look. */
  find (secret: string): Promise<Session<Data> | undefined>
  /** Whether the session of this secret goes on under another, which only its browser is told. */
  hasMoved (secret: string): Promise<boolean>
  /** When it ends unless it is seen again, in milliseconds since the epoch; `undefined` when it has. Does not keep it alive. */
  endOf (id: string): Promise<number | undefined>
  /** What is attached to it; `undefined` when nothing is, or it is over. Does not keep it alive. */
  attachment (id: string): Promise<string | undefined>
  /** The owner's sessions, oldest first. */
  list (owner: Owner): Promise<Array<Session<Data>>>
  /** Replaces what is known of who signed in. `false` when the session is over. */
  update (id: string, change: SessionChange<Data>): Promise<boolean>
  /**
   * Gives it another secret and id, and replaces what is known: its names and its end stay. `change` is told the new id. The
   * old id is over, and who listens for its end is told. `undefined` when it ended, also if it ends meanwhile: a sign-out wins.
   */
  rotate (id: string, change: (newId: string) => SessionChange<Data>): Promise<OpenedSession<Data> | undefined>
  /** Ends it, also under an id that it had before. Resolves to what it was, or `undefined` when there was none. */
  revoke (id: string): Promise<EndedSession<Data> | undefined>
  /** Ends all of the owner's, but for the one named. Resolves to what they were. */
  revokeAll (owner: Owner, except?: string): Promise<Array<EndedSession<Data>>>
  /** Ends all that were created under this name and that `which` is true of. Resolves to what they were. */
  revokeNamed (name: string, which?: (session: Session<Data>) => boolean): Promise<Array<EndedSession<Data>>>
  /** Calls `listener` when the session is revoked or gets another id, on whichever node. */
  onRevoked (id: string, listener: () => void): () => void
}

/** What sessions stand on, and how long they live. */
export interface SessionsOptions {
  state: StateStore
  wakeups: Wakeups
  clock: Clock
  randomBytes: RandomBytes
  /** Ends this long after it was last seen, in milliseconds. */
  idleLifetime: number
  /** Ends this long after the sign-in, in milliseconds. */
  absoluteLifetime: number
}

/** How many sessions one owner may have before the oldest ends. */
const mostPerOwner = 100

const idOf = (secret: string): string => hash('sha256', secret, 'base64url')

/** Sessions in the state store, under the hash of their secret: who reads the store cannot use them. */
export function createSessions<Data> (options: SessionsOptions): Sessions<Data> {
  const { wakeups, clock, randomBytes, idleLifetime, absoluteLifetime } = options
  const records = createSessionRecords<Data>(options)
  const indexes = createSessionIndexes<Data>({ ...options, follow: (id) => records.follow(id) })

  function newSecret (): { secret: string, id: string } {
    const secret = randomId(32, randomBytes)
    return { secret, id: idOf(secret) }
  }

  async function revoke (id: string): Promise<EndedSession<Data> | undefined> {
    const stored = await records.take(id)
    wakeups.wake(`session:${id}`)
    if (stored === undefined) return undefined
    if ('movedTo' in stored) return revoke(stored.movedTo)
    await indexes.remove(stored)
    return stored
  }

  async function revokeEach (sessions: ReadonlyArray<Session<Data>>): Promise<Array<EndedSession<Data>>> {
    const ended = await Promise.all(sessions.map(({ id }) => revoke(id)))
    return ended.filter((session) => session !== undefined)
  }

  return {
    async create (owner, data, { names = [], attachment } = {}) {
      const { secret, id } = newSecret()
      const now = clock.now()
      const session: Session<Data> = { v: 1, id, owner, data, names: [...names], createdAt: now, seenAt: now, expiresAt: now + absoluteLifetime }
      const stored: SessionRecord<Data> = { ...session, ...(attachment !== undefined && { attachment: attachment(id) }) }
      await records.add(stored)
      const others = await indexes.add(stored)
      // Who signs in again and again does not fill the store.
      await revokeEach(others.slice(0, Math.max(0, others.length + 1 - mostPerOwner)))
      return { secret, session }
    },

    async find (secret) {
      const id = idOf(secret)
      const { json, session } = await records.read(id)
      if (session === undefined) return undefined
      const now = clock.now()
      // If it changed meanwhile it was revoked, or another request kept it alive.
      if (now - session.seenAt > idleLifetime / 10) await records.replace(json, { ...session, seenAt: now })
      return visible(session)
    },

    async hasMoved (secret) {
      const id = idOf(secret)
      const session = await records.follow(id)
      return session !== undefined && session.id !== id
    },

    async endOf (id) {
      const session = await records.get(id)
      return session && Math.min(session.expiresAt, session.seenAt + idleLifetime)
    },

    async attachment (id) {
      return (await records.get(id))?.attachment
    },

    async list (owner) {
      return (await indexes.ofOwner(owner)).map(visible)
    },

    async update (id, change) {
      for (;;) {
        const { json, session } = await records.read(id)
        if (session === undefined) return false
        if (await records.replace(json, { ...session, ...change })) return true
      }
    },

    async rotate (id, change) {
      const { secret, id: newId } = newSecret()
      const changed = change(newId)
      for (;;) {
        const { json, session } = await records.read(id)
        if (session === undefined) {
          await revoke(newId)
          return undefined
        }
        const next = { ...session, ...changed, id: newId, seenAt: clock.now() }
        // In the indexes before the old one leaves: who ends all of them finds one of the two, or the way to the new.
        await records.add(next)
        await indexes.add(next)
        if (!await records.move(id, json, next)) continue
        wakeups.wake(`session:${id}`)
        await indexes.remove(session)
        return await records.get(newId) === undefined ? undefined : { secret, session: visible(next) }
      }
    },

    revoke,

    async revokeAll (owner, except) {
      return revokeEach((await indexes.ofOwner(owner)).filter(({ id }) => id !== except))
    },

    async revokeNamed (name, which = () => true) {
      return revokeEach((await indexes.ofName(name)).filter(which))
    },

    onRevoked (id, listener) {
      const topic = `session:${id}`
      const revocation = {
        hear: listener,
        miss () {
          records.get(id).then((session) => { if (session === undefined) listener() }).catch(() => {})
        }
      }
      wakeups.add(topic, revocation)
      return () => { wakeups.remove(topic, revocation) }
    }
  }
}
