import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Fastify from 'fastify'
import t from 'tap'
import consentry, { type Consentry, type ConsentryOptions, type Execution, type Grant, type RouteAuth, type UserInfo } from '../src/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
const same = <A, B>(equal: Equal<A, B>): boolean => equal

t.test('the plugin tells TypeScript what it adds', async (t) => {
  t.ok(same<FastifyRequest['userInfo'], UserInfo | null>(true), 'null is part of the type')
  t.ok(same<FastifyInstance['consentry'], Consentry>(true))
  t.ok(same<ReturnType<FastifyRequest['authorize']>, Promise<Grant>>(true))
  t.ok(same<Parameters<FastifyReply['execution']>[0], (execution: Execution) => unknown>(true))
  t.ok(same<Awaited<ReturnType<Grant['accessToken']>>, string>(true))
})

t.test('what is wrong does not compile', async (t) => {
  const app = Fastify()
  const never = (): void => {
    // @ts-expect-error a secret is required
    void app.register(consentry, { baseUrl: 'https://app.example.com', providers: {} })
    // @ts-expect-error there is no such option
    void app.register(consentry, { baseUrl: 'https://app.example.com', secret: '', providers: {}, nonsense: true })
    // @ts-expect-error a provider is no string
    void app.register(consentry, { baseUrl: 'https://app.example.com', secret: '', providers: { github: 'github' } })
    // @ts-expect-error groups is a list
    app.get('/a', { config: { auth: { groups: 'admins' } } }, async () => 1)
    // @ts-expect-error nobody may be signed in
    app.get('/b', async (request) => request.userInfo.userId)
    // @ts-expect-error scopes is a list
    app.get('/c', async (request) => request.authorize('github', { scopes: 'repo' }))
    // @ts-expect-error a grant shows no token
    app.get('/d', async (request) => (await request.authorize('github')).token)
    // @ts-expect-error who is calling cannot be replaced
    app.get('/e', async (request) => { if (request.userInfo !== null) request.userInfo.userId = 'x' })
    app.get('/f', { config: { auth: { groups: ['admins'], check: async (userInfo, request) => userInfo.email === request.ip } } }, async (_request, reply) =>
      reply.execution(async (execution) => {
        const grant = await execution.authorize('github', { scopes: ['repo'], profile: 'work', timeout: 1000, signal: execution.signal })
        execution.progress({ scopes: grant.scopes })
        return grant.account?.email
      }))
  }
  t.type(never, 'function', 'compiled, not run')
  const auth: RouteAuth = { scopes: ['a'], verified: true }
  const options: ConsentryOptions = { baseUrl: 'https://app.example.com', secret: ['a', 'b'], providers: {}, defaultAuth: auth }
  t.ok(options)
})
