import { createHash } from 'node:crypto'
import type { Clock, RandomBytes, StateStore } from './ports.ts'
import { randomId } from './random.ts'
import type { Wakeups } from './wakeups.ts'

/** A signed-in browser. Times are milliseconds since the epoch. */
export interface Session<Data = unknown> {
  /** The version of this shape. */
  v: 1
  /** Names the session in the store and in logs; the browser's secret cannot be found from it. */
  id: string
  /** Who signed in. */
  data: Data
  createdAt: number
  /** When it was last seen, roughly: it is written again after a tenth of the idle lifetime. */
  seenAt: number
  /** When it ends whatever happens. */
  expiresAt: number
}

export interface Sessions<Data = unknown> {
  /** A new session, and the secret that only its browser may hold. */
  create (data: Data): Promise<{ secret: string, session: Session<Data> }>
  /** The session of the browser with this secret, kept alive by the look. */
  find (secret: string): Promise<Session<Data> | undefined>
  /** Ends it. `false` when there was none. */
  revoke (id: string): Promise<boolean>
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

const key = (id: string): string => `session:${id}`
const idOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url')

/** Sessions in the state store, under the hash of their secret: who reads the store cannot use them. */
export function createSessions<Data> (options: SessionsOptions): Sessions<Data> {
  const { state, wakeups, clock, randomBytes, idleLifetime, absoluteLifetime } = options

  return {
    async create (data) {
      const secret = randomId(32, randomBytes)
      const now = clock.now()
      const session: Session<Data> = { v: 1, id: idOf(secret), data, createdAt: now, seenAt: now, expiresAt: now + absoluteLifetime }
      await state.set(key(session.id), JSON.stringify(session), Math.min(idleLifetime, absoluteLifetime))
      return { secret, session }
    },

    async find (secret) {
      const id = idOf(secret)
      const json = await state.get(key(id))
      if (json === undefined) return undefined
      const session = JSON.parse(json) as Session<Data>
      const now = clock.now()
      if (session.expiresAt <= now || session.seenAt + idleLifetime <= now) return undefined
      if (now - session.seenAt > idleLifetime / 10) {
        // If it changed meanwhile it was revoked, or another request kept it alive.
        await state.compareAndSet(key(id), json, JSON.stringify({ ...session, seenAt: now }), Math.min(idleLifetime, session.expiresAt - now))
      }
      return session
    },

    async revoke (id) {
      const json = await state.take(key(id))
      wakeups.wake(`session:${id}`)
      return json !== undefined
    },

    onRevoked (id, listener) {
      return wakeups.on(`session:${id}`, listener)
    }
  }
}
