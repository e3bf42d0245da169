import type { FastifyReply, FastifyRequest } from 'fastify'
import { ownerOf, type BrowserSession, type Context, type SessionData } from './context.ts'
import { setSessionCookie } from './cookies.ts'
import { sessionOf } from './identity.ts'
import { sealLoginTokens, type LoginTokens } from './login-tokens.ts'

interface SignIn {
  /** Under which the provider may end the session. */
  names?: readonly string[]
  tokens?: LoginTokens
}

/** Always a new session: what was there before the sign-in is not carried over (B19). */
export async function beginSession (context: Context, request: FastifyRequest, reply: FastifyReply, data: SessionData, { names = [], tokens }: SignIn = {}): Promise<BrowserSession> {
  const { sessions, settings } = context
  const before = sessionOf(request)
  if (before !== null) await sessions.revoke(before.id)
  const { secret, session } = await sessions.create(ownerOf(context, data.userInfo), data, {
    names,
    ...(tokens !== undefined && { attachment: (id: string) => sealLoginTokens(context, id, tokens) })
  })
  setSessionCookie(reply, secret, settings.absoluteLifetime)
  return session
}
