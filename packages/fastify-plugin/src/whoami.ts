import type { FastifyInstance } from 'fastify'
import type { Context } from './context.ts'
import { clearSessionCookie } from './cookies.ts'
import { authenticationError, refusalOf, sessionOf } from './identity.ts'

/** Who is calling, for pages and scripts. */
export function whoami (app: FastifyInstance, { csrf }: Context): void {
  app.get('/userinfo', { config: { auth: false } }, async (request, reply) => {
    if (request.userInfo === null) throw authenticationError(request)
    return reply.header('cache-control', 'no-store').send(request.userInfo)
  })

  app.get('/status', { config: { auth: false } }, async (request, reply) => {
    const { userInfo } = request
    const refusal = refusalOf(request)
    // Who cannot be told now is not the same as nobody.
    if (refusal !== null && refusal.statusCode !== 401) throw refusal
    reply.header('cache-control', 'no-store')
    if (refusal?.staleSession === 'over') clearSessionCookie(reply)
    if (userInfo === null) return reply.send({ authenticated: false })
    const session = sessionOf(request)
    return reply.send({ authenticated: true, userId: userInfo.userId, ...(session !== null && { csrfToken: csrf.create(session) }) })
  })
}
