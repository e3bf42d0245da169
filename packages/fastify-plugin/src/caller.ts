import type { Deadline } from '@consentry/core'
import type { Client, UserInfo } from '@consentry/user-identity'
import type { FastifyRequest } from 'fastify'
import { ConnectionClient } from './client.ts'
import type { BrowserSession, Context } from './context.ts'
import { sessionOf } from './identity.ts'

/** Who is at the other end of a connection that lasts. */
export interface Caller {
  userInfo: UserInfo
  session: BrowserSession | null
  /** Whose credential it is now. Sessions say themselves when they end. */
  verify?: () => Promise<UserInfo | undefined>
}

/** The caller that a request named by its headers, which are read again to verify it again. The rest of it is not kept. */
export function callerOf ({ identity }: Context, request: FastifyRequest, userInfo: UserInfo): Caller {
  const session = sessionOf(request)
  if (session !== null) return { userInfo, session }
  const { cookie, authorization, 'x-api-key': key } = request.headers
  const headers = { cookie, authorization, 'x-api-key': key }
  const client = asKnown(new ConnectionClient(request))
  return { userInfo, session, verify: async () => (await identity.identify({ headers }, client))?.userInfo }
}

/** The client of a credential that is checked again. */
export function asKnown ({ address }: Client): Client {
  return { address, isKnown: true }
}

/**
 * Calls `onEnd` once when the caller's credential ends: it expires or is withdrawn, the person signs out, or the session
 * is revoked or was not used for too long (B20). An open connection does not keep a session alive.
 */
export function watchCaller (context: Context, caller: Caller, onEnd: () => void): () => void {
  const watch = new Watch(context, caller, onEnd)
  return () => { watch.stop() }
}

/** An object, since there is one for each of many connections, and closures would cost several times as much. */
class Watch {
  readonly #context: Context
  readonly #sessionId: string | undefined
  readonly #onEnd: () => void
  readonly #stopWatching: (() => void) | undefined
  #deadline: Deadline | undefined
  #stopped = false

  constructor (context: Context, { userInfo, session, verify }: Caller, onEnd: () => void) {
    this.#context = context
    this.#sessionId = session?.id
    this.#onEnd = onEnd
    if (session !== null) {
      this.#stopWatching = context.sessions.onRevoked(session.id, onEnd)
      this.#lookAgain()
    } else {
      this.#stopWatching = verify && context.reverification.watch(userInfo, verify, onEnd)
      if (userInfo.expiresAt !== undefined) this.#at(userInfo.expiresAt * 1000, (watch) => { watch.#onEnd() })
    }
  }

  stop (): void {
    this.#stopped = true
    this.#deadline?.cancel()
    this.#stopWatching?.()
  }

  #at (time: number, fn: (watch: Watch) => void): void {
    const { deadlines, settings: { clock } } = this.#context
    if (!this.#stopped) this.#deadline = deadlines.add(time - clock.now(), fn, this)
  }

  /** Nobody can say that the session is alive, so it counts as over. */
  #lookAgain (): void {
    this.#look().catch(this.#onEnd)
  }

  /** A session has a life of its own, which the token that began it has not. */
  async #look (): Promise<void> {
    const end = await this.#context.sessions.endOf(this.#sessionId ?? '')
    if (end === undefined) this.#onEnd()
    else this.#at(end, (watch) => { watch.#lookAgain() })
  }
}
