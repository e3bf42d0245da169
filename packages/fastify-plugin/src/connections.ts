import { defaultProfile } from '@consentry/core'
import type { FastifyInstance } from 'fastify'
import { ownerOf, providerOf, type Context } from './context.ts'
import { authenticationError } from './identity.ts'

/** A user's grants: the list, and the way to end one. */
export function connections (app: FastifyInstance, context: Context): void {
  const { grants } = context

  app.get('/connections', { config: { auth: false } }, async (request, reply) => {
    if (request.userInfo === null) throw authenticationError(request)
    return reply.header('cache-control', 'no-store').send({ connections: await grants.list(ownerOf(context, request.userInfo)) })
  })

  app.delete<{ Params: { provider: string }, Querystring: { profile?: string } }>('/connections/:provider', {
    config: { auth: false },
    schema: { querystring: { type: 'object', properties: { profile: { type: 'string', minLength: 1, maxLength: 200 } } } }
  }, async (request, reply) => {
    if (request.userInfo === null) throw authenticationError(request)
    context.csrf.verify(request)
    const { provider } = request.params
    const { profile = defaultProfile } = request.query
    const ended = await grants.disconnect({ ...ownerOf(context, request.userInfo), provider, profile })
    // A provider that was taken out of the configuration may have left grants behind.
    if (ended === undefined) providerOf(context, provider)
    // What is gone is gone, whoever removed it.
    return reply.send({ provider, profile, disconnected: ended !== undefined, revoked: ended?.revoked ?? false, ...(ended?.error !== undefined && { error: ended.error }) })
  })
}
