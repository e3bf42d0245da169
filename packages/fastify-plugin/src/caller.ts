import type { Deadline } from '@consentry/core'
import type { Client, UserInfo } from '@consentry/user-identity'
import type { FastifyRequest } from 'fastify'
import { RequestClient } from './client.ts'
import type { BrowserSession, Context } from './context.ts'
import { sessionOf } from './identity.ts'

/** Who is at the other end of a connection that lasts. */
export interface Caller {
  userInfo: UserInfo
  session: BrowserSession | null
  /** Whose credential it is now. Sessions say themselves when they end. */
  verify?: () => Promise<UserInfo | undefined>
}

/** The caller that a request named by its headers, which are read again to verify it again. */
export function callerOf ({ identity }: Context, request: FastifyRequest, userInfo: UserInfo): Caller {
  const session = sessionOf(request)
  if (session !== null) return { userInfo, session }
  return { userInfo, session, verify: async () => (await identity.identify(request.raw, asKnown(new RequestClient(request))))?.userInfo }
}

/** The client of a credential that is checked again. */
export function asKnown ({ address }: Client): Client {
  return { address, isKnown: true }
}

/**
 * Calls `onEnd` once when the caller's credential ends: it expires or is withdrawn, the person signs out, or the session
 * is revoked or was not used for too long (B20). An open connection does not keep a session alive.
 */
export function watchCaller ({ sessions, settings: { clock }, deadlines, reverification }: Context, { userInfo, session, verify }: Caller, onEnd: () => void): () => void {
  let deadline: Deadline | undefined
  let stopped = false
  const stopListening = session === null ? undefined : sessions.onRevoked(session.id, onEnd)
  const stopVerifying = verify && reverification.watch(userInfo, verify, onEnd)

  function at (time: number, fn: () => void): void {
    if (!stopped) deadline = deadlines.add(time - clock.now(), fn, undefined)
  }

  /** A session has a life of its own, which the token that began it has not. */
  async function look (id: string): Promise<void> {
    const end = await sessions.endOf(id)
    if (end === undefined) onEnd()
    else at(end, () => { lookAgain(id) })
  }

  function lookAgain (id: string): void {
    // Nobody can say that the session is alive, so it counts as over.
    look(id).catch(onEnd)
  }

  if (session !== null) lookAgain(session.id)
  else if (userInfo.expiresAt !== undefined) at(userInfo.expiresAt * 1000, onEnd)
  return () => {
    stopped = true
    deadline?.cancel()
    stopListening?.()
    stopVerifying?.()
  }
}
