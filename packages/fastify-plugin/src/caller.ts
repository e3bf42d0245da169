import type { UserInfo } from '@consentry/user-identity'
import type { BrowserSession, Context } from './context.ts'

/** Who is at the other end of a connection that lasts. */
export interface Caller {
  userInfo: UserInfo
  session: BrowserSession | null
}

/** Calls `onEnd` once when the caller's credential ends: it expires, the person signs out, or the session is revoked (B20). */
export function watchCaller ({ sessions, settings: { clock }, deadlines }: Context, { userInfo, session }: Caller, onEnd: () => void): () => void {
  // A session has a life of its own, which the token that began it has not.
  const expiresAt = session?.expiresAt ?? (userInfo.expiresAt === undefined ? undefined : userInfo.expiresAt * 1000)
  const deadline = expiresAt === undefined ? undefined : deadlines.add(expiresAt - clock.now(), onEnd, undefined)
  const stopListening = session === null ? undefined : sessions.onRevoked(session.id, onEnd)
  return () => {
    deadline?.cancel()
    stopListening?.()
  }
}
