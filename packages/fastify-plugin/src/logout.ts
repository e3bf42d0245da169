import { randomId } from '@consentry/core'
import type { FastifyInstance } from 'fastify'
import { redirectProviderOf, type BrowserSession, type Context } from './context.ts'
import { clearSessionCookie, sessionCookies } from './cookies.ts'
import { isOwnPage } from './csrf.ts'
import { httpError, loggable } from './errors.ts'
import { refusalOf, sessionOf } from './identity.ts'
import { giveBackLoginTokens, openLoginTokens } from './login-tokens.ts'
import { leave } from './leave.ts'
import { limited } from './rate-limit.ts'
import { wantsHtml } from './wants-html.ts'

/** Signing out: here, everywhere if asked, and at the provider where it has a way. */
export function logout (app: FastifyInstance, context: Context): void {
  const { identity, sessions, settings } = context

  app.post<{ Querystring: { everywhere?: boolean, revoke?: boolean } }>('/logout', {
    config: limited,
    schema: { querystring: { type: 'object', properties: { everywhere: { type: 'boolean' }, revoke: { type: 'boolean' } } } }
  }, async (request, reply) => {
    const { everywhere, revoke } = request.query
    // Whatever the session: a browser that is made to come here without its cookie would obey the deletion all the same (T3).
    if (!isOwnPage(request, settings.allowedOrigins)) throw httpError('CONSENTRY_ERR_CROSS_ORIGIN')
    const refusal = refusalOf(request)
    // Who cannot be told is not signed out, and must not believe it.
    if (refusal !== null && refusal.staleSession !== 'over') throw refusal
    const session = sessionOf(request)
    context.csrf.verify(request)
    // First here: it must not wait for the provider.
    const own = session === null ? undefined : await sessions.revoke(session.id)
    const others = session === null || everywhere !== true ? [] : await sessions.revokeAll(session.owner)
    if (session !== null && everywhere === true) identity.forget(session.data.userInfo.userId)
    const ended = own === undefined ? others : [own, ...others]
    const idToken = own && openLoginTokens(context, own)?.idToken
    const [redirectTo] = await Promise.all([endSessionUrl(context, session, idToken), revoke === true ? giveBackLoginTokens(context, ended) : undefined])
    if (sessionCookies(request).length > 0) clearSessionCookie(reply)
    // A page goes where the provider signs people out; a script is told where that is.
    return wantsHtml(request) ? leave(reply, redirectTo ?? '/') : reply.header('cache-control', 'no-store').send({ redirectTo: redirectTo ?? null })
  })
}

/** Where the provider ends its own session (OpenID Connect RP-Initiated Logout 1.0). */
async function endSessionUrl (context: Context, session: BrowserSession | null, idToken: string | undefined): Promise<string | undefined> {
  const { settings, log } = context
  if (session === null || !Object.hasOwn(settings.providers, session.data.provider)) return undefined
  try {
    const url = await redirectProviderOf(context, session.data.provider).endSessionUrl?.({
      ...(idToken !== undefined && { idToken }),
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
