import { randomId, type TokenSet } from '@consentry/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ownerOf, providerOf, type Context } from './context.ts'
import { clearSessionCookie } from './cookies.ts'
import { loggable } from './errors.ts'
import { sessionOf } from './identity.ts'
import { wantsHtml } from './pages.ts'

const loginKey = (sessionId: string): string => `login:${sessionId}`

/** Keeps what signing out at the provider takes, beside the session that every request reads. */
export async function rememberLogin ({ settings }: Context, sessionId: string, { idToken }: TokenSet): Promise<void> {
  if (idToken !== undefined) await settings.stateStore.set(loginKey(sessionId), idToken, settings.absoluteLifetime)
}

/** Signing out: here, everywhere if asked, and at the provider where it has a way. */
export function logout (app: FastifyInstance, context: Context): void {
  const { sessions } = context

  app.post<{ Querystring: { everywhere?: boolean } }>('/logout', {
    config: { auth: false },
    schema: { querystring: { type: 'object', properties: { everywhere: { type: 'boolean' } } } }
  }, async (request, reply) => {
    const redirectTo = await endSessionUrl(context, request)
    const session = sessionOf(request)
    if (session !== null) await sessions.revoke(session.id)
    if (session !== null && request.query.everywhere === true) await sessions.revokeAll(ownerOf(context, session.data.userInfo))
    clearSessionCookie(reply)
    reply.header('cache-control', 'no-store')
    // A page goes where the provider signs people out; a script is told where that is.
    return wantsHtml(request) ? reply.redirect(redirectTo ?? '/', 303) : reply.send({ redirectTo: redirectTo ?? null })
  })
}

/** Where the provider ends its own session (OpenID Connect RP-Initiated Logout 1.0). */
async function endSessionUrl (context: Context, request: FastifyRequest): Promise<string | undefined> {
  const { settings, log } = context
  const session = sessionOf(request)
  if (session === null) return undefined
  try {
    const idToken = await settings.stateStore.take(loginKey(session.id))
    const url = await providerOf(context, session.data.provider).endSessionUrl?.({
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
