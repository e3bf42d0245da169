import type { FastifyReply, FastifyRequest } from 'fastify'
import { ownerOf, type BrowserSession, type Context, type SessionData } from './context.ts'
import { setSessionCookie } from './cookies.ts'
import { sessionOf } from './identity.ts'

/** Always a new session: what was there before the sign-in is not carried over (B19). */
export async function beginSession (context: Context, request: FastifyRequest, reply: FastifyReply, data: SessionData, names?: readonly string[]): Promise<BrowserSession> {
  const { sessions, settings } = context
  const before = sessionOf(request)
  if (before !== null) await sessions.revoke(before.id)
  const { secret, session } = await sessions.create(ownerOf(context, data.userInfo), data, names)
  setSessionCookie(reply, secret, settings.absoluteLifetime)
  return session
}
