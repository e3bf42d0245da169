import type { Deadline } from '@consentry/core'
import type { UserInfo } from '@consentry/user-identity'
import type { BrowserSession, Context } from './context.ts'

/** Who is at the other end of a connection that lasts. */
export interface Caller {
  userInfo: UserInfo
  session: BrowserSession | null
}

/**
 * Calls `onEnd` once when the caller's credential ends: it expires, the person signs out, or the session is revoked or
 * was not used for too long (B20). An open connection does not keep a session alive.
 */
export function watchCaller ({ sessions, settings: { clock }, deadlines }: Context, { userInfo, session }: Caller, onEnd: () => void): () => void {
  let deadline: Deadline | undefined
  let stopped = false
  const stopListening = session === null ? undefined : sessions.onRevoked(session.id, onEnd)

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
  }
}
