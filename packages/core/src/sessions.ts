import { createHash } from 'node:crypto'
import type { Owner } from './grant.ts'
import { createOwnerIndex } from './owner-index.ts'
import type { Clock, RandomBytes, StateStore } from './ports.ts'
import { randomId } from './random.ts'
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

export interface Sessions<Data = unknown> {
  /** A new session, and the secret that only its browser may hold. */
  create (owner: Owner, data: Data, names?: readonly string[]): Promise<{ secret: string, session: Session<Data> }>
  /** The session of the browser with this secret, kept alive by the look. */
  find (secret: string): Promise<Session<Data> | undefined>
  /** When it ends unless it is seen again, in milliseconds since the epoch; `undefined` when it has. Does not keep it alive. */
  endOf (id: string): Promise<number | undefined>
  /** The owner's sessions, oldest first. */
  list (owner: Owner): Promise<Array<Session<Data>>>
  /** Replaces what is known of who signed in. `false` when the session is over. */
  update (id: string, data: Data): Promise<boolean>
  /** Ends it. `false` when there was none. */
  revoke (id: string): Promise<boolean>
  /** Ends all of the owner's, but for the one named. Resolves to how many there were. */
  revokeAll (owner: Owner, except?: string): Promise<number>
  /** Ends all that were created under this name. Resolves to how many there were. */
  revokeNamed (name: string): Promise<number>
  /** Calls `listener` when the session is revoked, on whichever node. */
  onRevoked (id: string, listener: () => void): () => void
}

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

const key = (id: string): string => `session:${id}`
const nameKey = (name: string): Owner => ({ tenant: 'name', userId: name })
const idOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url')

/** Sessions in the state store, under the hash of their secret: who reads the store cannot use them. */
export function createSessions<Data> (options: SessionsOptions): Sessions<Data> {
  const { state, wakeups, clock, randomBytes, idleLifetime, absoluteLifetime } = options
  const index = createOwnerIndex({ state, clock, kind: 'sessions', lifetime: absoluteLifetime })
  const named = createOwnerIndex({ state, clock, kind: 'session-names', lifetime: absoluteLifetime })

  function alive (json: string | undefined): Session<Data> | undefined {
    const session = json === undefined ? undefined : JSON.parse(json) as Session<Data>
    const now = clock.now()
    return session !== undefined && session.expiresAt > now && session.seenAt + idleLifetime > now ? session : undefined
  }

  async function revoke (id: string): Promise<boolean> {
    const json = await state.take(key(id))
    wakeups.wake(`session:${id}`)
    if (json === undefined) return false
    const { owner, names } = JSON.parse(json) as Session<Data>
    await index.remove(owner, id)
    for (const name of names) await named.remove(nameKey(name), id)
    return true
  }

  return {
    async create (owner, data, names = []) {
      const secret = randomId(32, randomBytes)
      const now = clock.now()
      const session: Session<Data> = { v: 1, id: idOf(secret), owner, data, names: [...names], createdAt: now, seenAt: now, expiresAt: now + absoluteLifetime }
      await state.set(key(session.id), JSON.stringify(session), Math.min(idleLifetime, absoluteLifetime))
      const others = await index.list(owner)
      await index.add(owner, session.id)
      for (const name of names) await named.add(nameKey(name), session.id)
      // Who signs in again and again does not fill the store. One that ran out by itself is still in the index.
      for (const oldest of others.slice(0, Math.max(0, others.length + 1 - mostPerOwner))) {
        if (!await revoke(oldest)) await index.remove(owner, oldest)
      }
      return { secret, session }
    },

    async find (secret) {
      const id = idOf(secret)
      const json = await state.get(key(id))
      const session = alive(json)
      if (session === undefined) return undefined
      const now = clock.now()
      if (now - session.seenAt > idleLifetime / 10) {
        // If it changed meanwhile it was revoked, or another request kept it alive.
        await state.compareAndSet(key(id), json, JSON.stringify({ ...session, seenAt: now }), Math.min(idleLifetime, session.expiresAt - now))
      }
      return session
    },

    async endOf (id) {
      const session = alive(await state.get(key(id)))
      return session && Math.min(session.expiresAt, session.seenAt + idleLifetime)
    },

    async list (owner) {
      const sessions = await Promise.all((await index.list(owner)).map(async (id) => alive(await state.get(key(id)))))
      return sessions.filter((session) => session !== undefined)
    },

    async update (id, data) {
      for (;;) {
        const json = await state.get(key(id))
        const session = alive(json)
        if (session === undefined) return false
        const left = Math.min(session.seenAt + idleLifetime, session.expiresAt) - clock.now()
        if (await state.compareAndSet(key(id), json, JSON.stringify({ ...session, data }), left)) return true
      }
    },

    revoke,

    async revokeAll (owner, except) {
      const ids = (await index.list(owner)).filter((id) => id !== except)
      const revoked = await Promise.all(ids.map(revoke))
      return revoked.filter(Boolean).length
    },

    async revokeNamed (name) {
      const revoked = await Promise.all((await named.list(nameKey(name))).map(revoke))
      return revoked.filter(Boolean).length
    },

    onRevoked (id, listener) {
      return wakeups.on(`session:${id}`, listener)
    }
  }
}
