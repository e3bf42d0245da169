import { ConsentryError, memoryState, type StateStore } from '@consentry/core'
import { oauth2 } from '@consentry/providers'
import Fastify from 'fastify'
import t from 'tap'
import consentry from '../src/index.ts'
import { call, codeOf, pendingOf, readEvents, secret, startReport, startServer } from './server.ts'
import { openSocket } from './socket.ts'

t.test('closing ends runs, tells who listens, and closes sockets with 1012', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const socket = await openSocket(server, { browser: alice })
  const started = await startReport(alice, server)
  const stream = readEvents(alice, server, started.executionId)
  await socket.until(({ event }) => event?.type === 'oauth_required')
  await new Promise((resolve) => setTimeout(resolve, 100))
  await server.app.close()
  t.match(await socket.closed, { code: 1012 })
  t.match(socket.events.at(-1), { type: 'failed', data: { code: 'CONSENTRY_ERR_SHUTDOWN' } })
  t.match((await stream).events.at(-1), { type: 'failed', data: { code: 'CONSENTRY_ERR_SHUTDOWN' } })
})

t.test('seed D: two applications in one process share nothing', async (t) => {
  const one = await startServer(t)
  const two = await startServer(t)
  const alice = await one.browser('alice')
  const started = await startReport(alice, one)
  const session = alice.cookies(one.url).find(({ name }) => name.endsWith('session'))?.value ?? ''
  t.equal((await fetch(`${two.url}/auth/userinfo`, { headers: { cookie: `__Host-consentry-session=${session}` } })).status, 401)
  const other = await two.browser('alice')
  t.equal((await call(other, two, `/executions/${started.executionId}`)).status, 404)
  t.equal(codeOf(await other.open(pendingOf(started).connectUrl.replace(one.url, two.url))), 'CONSENTRY_ERR_FLOW_NOT_FOUND')
})

t.test('it lives beside the plugins and handlers that the application has', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(import('@fastify/cookie'))
  await app.register(import('@fastify/formbody'))
  await app.register(import('@fastify/websocket'))
  app.setErrorHandler(async (error: Error, _request, reply) => reply.code(418).send({ own: error.message }))
  await app.register(consentry, { baseUrl: 'https://app.example.com', secret, providers: {} })
  await app.register(async (scope) => {
    scope.setErrorHandler(async (_error, _request, reply) => reply.code(419).send({ scope: true }))
    scope.get('/scope', async () => { throw new Error('mine') })
  })
  app.get('/own', async () => { throw new Error('mine') })
  app.get('/theirs', async (request) => request.authorize('nobody'))
  app.get('/custom', { errorHandler: async (error, _request, reply) => reply.code(418).send({ own: error.code }) }, async (request) => request.authorize('nobody'))
  t.same((await app.inject('/scope')).json(), { scope: true })
  t.same((await app.inject('/own')).json(), { own: 'mine' }, 'errors of the application go where they went')
  t.match((await app.inject('/theirs')).json(), { code: 'CONSENTRY_ERR_AUTHENTICATION_REQUIRED', status: 401 }, 'ours are problem documents')
  t.same((await app.inject('/custom')).json(), { own: 'CONSENTRY_ERR_AUTHENTICATION_REQUIRED' }, 'unless a route wants them')
})

t.test('both import() and require() of it work', async (t) => {
  const { createRequire } = await import('node:module')
  const app = Fastify()
  t.teardown(() => app.close())
  const required = createRequire(import.meta.url)('@consentry/fastify-plugin') as { default: typeof consentry }
  t.type(required.default, 'function')
  await app.register(import('@consentry/fastify-plugin'), { baseUrl: 'https://app.example.com', secret, providers: {} })
  t.ok(app.hasPlugin('@consentry/fastify-plugin'))
})

t.test('T17 a store that is down is a 503, never open', async (t) => {
  const inner = memoryState()
  let down = false
  let failure: Error = new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE', { cause: new Error('ECONNREFUSED 10.0.0.1') })
  const stateStore = new Proxy(inner, {
    get: (target, name: keyof StateStore) => down && name !== 'close' ? async () => { throw failure } : target[name]
  })
  const server = await startServer(t, { options: { stateStore } })
  const alice = await server.browser('alice')
  down = true
  for (const [path, method] of [['/auth/userinfo', 'GET'], ['/auth/logout', 'POST'], ['/', 'GET'], ['/report', 'POST'], ['/auth/login/corp', 'GET'], ['/executions/x', 'GET'], ['/auth/connect/x', 'GET']] as const) {
    const answer = await call(alice, server, path, { method })
    t.equal(answer.status, 503, path)
    t.equal(codeOf(answer), 'CONSENTRY_ERR_STORE_UNAVAILABLE')
    t.notMatch(answer.text, /ECONNREFUSED/)
  }
  await t.rejects(openSocket(server, { browser: alice }), { message: '503' })
  failure = new TypeError('a store that breaks its contract at 10.0.0.1')
  for (const path of ['/auth/userinfo', '/auth/login/corp']) {
    const answer = await call(alice, server, path)
    t.match(answer.status, /^50[03]$/, path)
    t.notMatch(answer.text, /10\.0\.0\.1/)
  }
  down = false
  t.equal((await call(alice, server, '/auth/userinfo')).status, 200)
})

t.test('it works below a prefix, with another validator, and beside a cookie plugin that does not parse', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.setValidatorCompiler(() => { throw new Error('a compiler of the application for schemas of its own') })
  await app.register(import('@fastify/cookie'), { hook: false })
  const github = oauth2({ clientId: 'id', authorizationEndpoint: 'https://github.example/authorize', tokenEndpoint: 'https://github.example/token' })
  await app.register(async (scope) => { await scope.register(consentry, { baseUrl: 'https://app.example.com', secret, providers: { github }, login: ['github'] }) }, { prefix: '/api' })
  const choice = await app.inject('/api/auth/login?return_to=/x')
  t.equal(choice.headers.location, '/api/auth/login/github?return_to=%2Fx')
  const start = await app.inject({ url: String(choice.headers.location), headers: { cookie: 'a=b; c' } })
  t.equal(start.statusCode, 303)
  t.equal(new URL(String(start.headers.location)).searchParams.get('redirect_uri'), 'https://app.example.com/api/auth/callback/github')
  t.match(start.headers['set-cookie'], /__Host-consentry-flow-/)
})
