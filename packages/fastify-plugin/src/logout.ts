import { randomId } from '@consentry/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { redirectProviderOf, type Context } from './context.ts'
import { clearSessionCookie } from './cookies.ts'
import { loggable } from './errors.ts'
import { sessionOf } from './identity.ts'
import { takeLoginTokens } from './login-tokens.ts'
import { wantsHtml } from './pages.ts'

/** Signing out: here, everywhere if asked, and at the provider where it has a way. */
export function logout (app: FastifyInstance, context: Context): void {
  const { identity, sessions } = context

  app.post<{ Querystring: { everywhere?: boolean, revoke?: boolean } }>('/logout', {
    config: { auth: false },
    schema: { querystring: { type: 'object', properties: { everywhere: { type: 'boolean' }, revoke: { type: 'boolean' } } } }
  }, async (request, reply) => {
    const session = sessionOf(request)
    // First here: it must not wait for the provider.
    if (session !== null) await sessions.revoke(session.id)
    if (session !== null && request.query.everywhere === true) {
      await sessions.revokeAll(session.owner)
      identity.forget(session.data.userInfo.userId)
    }
    const redirectTo = await leaveProvider(context, request, request.query.revoke === true)
    clearSessionCookie(reply)
    reply.header('cache-control', 'no-store')
    // A page goes where the provider signs people out; a script is told where that is.
    return wantsHtml(request) ? reply.redirect(redirectTo ?? '/', 303) : reply.send({ redirectTo: redirectTo ?? null })
  })
}

/** Gives the tokens of the sign-in back, if asked, and tells where the provider ends its own session (OpenID Connect RP-Initiated Logout 1.0). */
async function leaveProvider (context: Context, request: FastifyRequest, revoke: boolean): Promise<string | undefined> {
  const { settings, log } = context
  const session = sessionOf(request)
  if (session === null || !Object.hasOwn(settings.providers, session.data.provider)) return undefined
  try {
    const provider = redirectProviderOf(context, session.data.provider)
    const tokens = await takeLoginTokens(context, session.id)
    if (revoke && tokens !== undefined) await provider.revoke(tokens)
    const url = await provider.endSessionUrl?.({
      ...(tokens?.idToken !== undefined && { idToken: tokens.idToken }),
      postLogoutRedirectUri: `${settings.origin}/`,
      state: randomId(16, settings.randomBytes)
    })
    return url?.href
  } catch (error) {
    // Signing out here must not depend on the provider.
    log.warn({ ...loggable(error), provider: session.data.provider }, 'signing out at the provider failed')
    return undefined
  }
}
