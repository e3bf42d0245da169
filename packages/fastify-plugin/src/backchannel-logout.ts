import { ConsentryError, type LogoutToken } from '@consentry/core'
import { userId } from '@consentry/user-identity'
import type { FastifyInstance } from 'fastify'
import { redirectProviderOf, type Context } from './context.ts'
import { httpError } from './errors.ts'

/** How long a logout token is remembered, in milliseconds: longer than one is taken. */
const remembered = 10 * 60_000

/** The names under which a session is found that a provider wants to end. */
export function sessionNames (issuer: string, subject: string, sessionId: unknown): string[] {
  return [subjectName(issuer, subject), ...typeof sessionId === 'string' ? [sessionIdName(issuer, sessionId)] : []]
}

const sessionIdPrefix = '["sid",'
const subjectName = (issuer: string, subject: string): string => JSON.stringify(['sub', issuer, subject])
const sessionIdName = (issuer: string, sessionId: string): string => JSON.stringify(['sid', issuer, sessionId])

/** The provider signs people out here (OpenID Connect Back-Channel Logout 1.0 section 2.5). */
export function backchannelLogout (app: FastifyInstance, context: Context): void {
  const { settings } = context

  // Not limited by address: the provider has one, and signs many people out at once. A token that is none costs a signature.
  app.post<{ Params: { provider: string }, Body: { logout_token?: unknown } | undefined }>('/backchannel-logout/:provider', { config: { auth: false } }, async (request, reply) => {
    const provider = redirectProviderOf(context, request.params.provider)
    const token = request.body?.logout_token
    if (provider.logoutToken === undefined || typeof token !== 'string') throw httpError('CONSENTRY_ERR_MESSAGE_INVALID')
    const logout = await provider.logoutToken(token).catch((error: unknown) => {
      // Section 2.8: a token that fails the checks is a bad request, not a provider that fails.
      throw ConsentryError.is(error, 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID') ? httpError('CONSENTRY_ERR_MESSAGE_INVALID', { cause: error }) : error
    })
    reply.header('cache-control', 'no-store')
    // The same token again changes nothing: the person may have signed in anew.
    const seen = `logout-token:${logout.issuer} ${logout.id}`
    if (await settings.stateStore.get(seen) !== undefined) return reply.send()
    const ended = await end(context, logout)
    if (logout.subject !== undefined) context.identity.forget(userId({ issuer: logout.issuer, subject: logout.subject }, settings.identity))
    // After it is done, so that a failure is tried again.
    await settings.stateStore.set(seen, '1', remembered)
    request.log.info({ provider: request.params.provider, sessions: ended.length }, 'signed out by the provider')
    return reply.send()
  })
}

/**
 * Without a `sid` all sessions of the person (section 2.4), with one the session that it names (section 2.7), if it is the
 * person's. A session whose ID token had no `sid` may be the one that is meant, so it ends too. When none is left, the
 * person was signed out already, which section 2.7 takes for done.
 */
async function end ({ sessions }: Context, { issuer, subject, sessionId }: LogoutToken): Promise<unknown[]> {
  const bySessionId = sessionIdName(issuer, sessionId ?? '')
  if (subject === undefined) return sessions.revokeNamed(bySessionId)
  return sessions.revokeNamed(subjectName(issuer, subject), ({ names }) =>
    sessionId === undefined || names.includes(bySessionId) || !names.some((name) => name.startsWith(sessionIdPrefix)))
}
