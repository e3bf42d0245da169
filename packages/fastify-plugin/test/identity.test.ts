import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import fc from 'fast-check'
import consentry, { createApiKey, hashPassword, passwordTable, type ConsentryOptions } from '../src/index.ts'
import { audience, issuer, tokenIssuer } from './jwt.ts'
import { call, codeOf, secret, startServer } from './server.ts'
import { openSocket } from './socket.ts'

async function start (t: Test, identity: ConsentryOptions['identity'], logger?: { stream: { write: (line: string) => void } }): Promise<FastifyInstance> {
  const app = Fastify(logger === undefined ? {} : { logger })
  t.teardown(() => app.close())
  await app.register(consentry, { baseUrl: 'https://app.example.com', secret, providers: {}, ...(identity !== undefined && { identity }) })
  app.get('/me', { config: { auth: true } }, async (request) => request.userInfo)
  app.get('/staff', { config: { auth: { groups: ['staff'] } } }, async () => 'staff')
  return app
}

const basic = (username: string, password: string): string => `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

t.test('seed B: every credential that is configured counts, over HTTP', async (t) => {
  const { jwks, sign } = await tokenIssuer()
  const { key, hash } = createApiKey(secret, 'ck_')
  const app = await start(t, {
    jwt: { issuers: [{ issuer, audience, jwks }] },
    apiKey: { secret, find: (found) => found === hash ? { id: 'robot', claims: { groups: ['staff'] } } : undefined },
    basic: { realm: 'files', check: passwordTable({ alice: { hash: await hashPassword('pass:word'), claims: { groups: ['staff'] } } }) }
  })
  const get = (headers: Record<string, string>, url = '/me') => app.inject({ url, headers })
  t.match((await get({ 'x-api-key': key })).json(), { source: 'api_key', subject: 'robot', verified: true })
  t.match((await get({ authorization: `Bearer ${key}` })).json(), { source: 'api_key', subject: 'robot' })
  t.match((await get({ authorization: basic('alice', 'pass:word') })).json(), { source: 'basic', subject: 'alice' })
  t.match((await get({ authorization: `Bearer ${await sign()}` })).json(), { source: 'jwt', subject: 'carol' })
  t.equal((await get({ 'x-api-key': key }, '/staff')).statusCode, 200)
  t.equal((await get({ authorization: basic('alice', 'pass:word') }, '/staff')).statusCode, 200)
  for (const headers of [{ 'x-api-key': `${key}x` }, { authorization: `Bearer ${key}x` }, { authorization: basic('alice', 'wrong') }, { authorization: basic('bob', 'pass:word') }, { authorization: 'Basic !' }, { authorization: 'Digest x' }] as Array<Record<string, string>>) {
    const answer = await get(headers)
    t.equal(answer.statusCode, 401, JSON.stringify(headers))
    t.equal(answer.json<{ code: string }>().code, 'CONSENTRY_ERR_CREDENTIAL_INVALID')
  }
  t.equal((await get({ 'x-api-key': key, authorization: `Bearer ${await sign()}` })).json<{ code: string }>().code, 'CONSENTRY_ERR_CREDENTIAL_CONFLICT')
})

t.test('a kind of credential that is not configured is refused', async (t) => {
  const app = await start(t, undefined)
  for (const headers of [{ 'x-api-key': 'k' }, { authorization: 'Bearer k' }, { authorization: 'Bearer a.b.c' }, { authorization: basic('a', 'b') }] as Array<Record<string, string>>) {
    t.equal((await app.inject({ url: '/me', headers })).statusCode, 401)
  }
})

t.test('trust in a proxy is asked for, said at start, and marked', async (t) => {
  const lines: string[] = []
  const app = await start(t, { trust: 'upstream' }, { stream: { write: (line) => { lines.push(line) } } })
  t.ok(lines.some((line) => line.includes('"level":40') && line.includes('upstream')), 'a warning')
  const { sign } = await tokenIssuer()
  t.match((await app.inject({ url: '/me', headers: { authorization: `Bearer ${await sign()}` } })).json(), { subject: 'carol', verified: false })
})

t.test('options of credentials that make no sense refuse to start (T17)', async (t) => {
  for (const [identity, named] of [
    [{ apiKey: { secret: 'short', find: () => undefined } }, /identity\.apiKey\.secret/],
    [{ apiKey: { secret } }, /identity\.apiKey\.find is required/],
    [{ basic: { realm: '', check: () => undefined } }, /identity\.basic\.realm/],
    [{ basic: { realm: 'x', check: true } }, /identity\.basic\.check must be a function/],
    [{ trust: 'everyone' }, /identity\.trust/],
    [{ cache: { maxEntries: -1 } }, /identity\.cache\.maxEntries/],
    [{ introspection: { issuer: 'https://i.example' } }, /identity: introspection/],
    [{ introspection: { issuer: 'https://i.example', introspectionEndpoint: 'http://i.example/introspect', clientId: 'c', clientSecret: 's', audience: 'a' } }, /introspection/],
    [{ apikey: {} }, /no option identity\.apikey/]
  ] as const) {
    const error = await start(t, identity as unknown as ConsentryOptions['identity']).then(() => undefined, (error: unknown) => error as Error)
    t.match(error?.message, named)
  }
})

t.test('seed B: a WebSocket signs in by message with a JWT, a key or a password, each verified, and a second sign-in replaces the first', async (t) => {
  const { key, hash } = createApiKey(secret)
  const { jwks, sign } = await tokenIssuer()
  const server = await startServer(t, {
    options: {
      identity: {
        jwt: { issuers: [{ issuer, audience, jwks }] },
        apiKey: { secret, find: (found) => found === hash ? { id: 'robot' } : undefined },
        basic: { realm: 'files', check: (username, password) => password === 'right' && { preferred_username: username } }
      }
    }
  })
  const socket = await openSocket(server)
  socket.send({ type: 'auth', method: 'basic', username: 'alice', password: 'wrong' })
  t.match(await socket.until(({ status }) => status === 'error'), { error: { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' } })
  const forger = await tokenIssuer()
  const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${(await sign()).split('.')[1]}.`
  for (const token of [await forger.sign(), unsigned, await sign({ exp: 1 })]) {
    socket.messages.length = 0
    socket.send({ type: 'auth', method: 'jwt', token })
    t.match(await socket.until(({ type }) => type === 'auth_result'), { status: 'error', error: { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' } }, 'a JWT is verified')
  }
  socket.send({ type: 'auth', method: 'jwt', token: await sign() })
  const carol = await socket.until(({ status }) => status === 'success')
  socket.messages.length = 0
  socket.send({ type: 'auth', method: 'api_key', token: key })
  const robot = await socket.until(({ status }) => status === 'success')
  t.not(robot.userId, carol.userId)
  t.equal(robot.userId, (await (await fetch(`${server.url}/auth/userinfo`, { headers: { 'x-api-key': key } })).json() as { userId: string }).userId)
  const mine = await (await fetch(`${server.url}/report`, { method: 'POST', headers: { 'x-api-key': key } })).json() as { executionId: string }
  await socket.until(({ event }) => event?.executionId === mine.executionId)
  const heard = socket.messages.length
  socket.send({ type: 'auth', method: 'basic', username: 'alice', password: 'right' })
  const alice = await socket.until((message) => message.status === 'success' && message.userId !== robot.userId)
  t.ok(alice.userId)
  socket.send({ type: 'subscribe', executionId: mine.executionId })
  t.match(await socket.until(({ type }) => type === 'error'), { code: 'CONSENTRY_ERR_EXECUTION_NOT_FOUND' })
  await fetch(`${server.url}/executions/${mine.executionId}/cancel`, { method: 'POST', headers: { 'x-api-key': key } })
  socket.send({ type: 'ping', id: 1 })
  await socket.until(({ type }) => type === 'pong')
  t.ok(socket.messages.slice(heard).every(({ event }) => event === undefined), 'nothing of the first one any more')
  socket.close()
})

t.test('seed B: a cookie does not win silently over a header that names someone else', async (t) => {
  const { key, hash } = createApiKey(secret)
  const server = await startServer(t, { options: { identity: { apiKey: { secret, find: (found) => found === hash ? { id: 'robot' } : undefined } } } })
  const alice = await server.browser('alice')
  t.equal(codeOf(await call(alice, server, '/auth/userinfo', { headers: { 'x-api-key': key } })), 'CONSENTRY_ERR_CREDENTIAL_CONFLICT')
  t.equal(codeOf(await call(alice, server, '/auth/userinfo', { headers: { 'x-api-key': `${key}x` } })), 'CONSENTRY_ERR_CREDENTIAL_INVALID')
})

t.test('B1 trust in a proxy is trust in its headers, not in what a frame says', async (t) => {
  const server = await startServer(t, { options: { identity: { trust: 'upstream' } } })
  const { sign } = await tokenIssuer()
  const socket = await openSocket(server)
  for (const message of [{ method: 'jwt', token: await sign() }, { method: 'basic', username: 'alice', password: 'x' }, { method: 'api_key', token: 'k' }]) {
    socket.send({ type: 'auth', ...message })
    await socket.until(() => socket.messages.length > 0)
    t.match(socket.messages.splice(0)[0], { status: 'error' }, message.method)
  }
  socket.close()
})

t.test('seed B: neither the password nor the cookie is in the id of a person', async (t) => {
  let password = 'old'
  const server = await startServer(t, { options: { login: ['basic'], identity: { basic: { realm: 'files', check: (_username, given) => given === password } } } })
  const ids = new Set<string>()
  for (const next of ['old', 'old', 'new']) {
    password = next
    const browser = await server.browser()
    await (await browser.open(`${server.url}/auth/login`)).submit({ username: 'alice', password })
    ids.add((await call(browser, server, '/auth/userinfo')).json<{ userId: string }>().userId)
    ids.add((await (await fetch(`${server.url}/auth/userinfo`, { headers: { authorization: basic('alice', password) } })).json() as { userId: string }).userId)
  }
  t.equal(ids.size, 1)
})

t.test('T15: no headers make anything but an answer of ours', async (t) => {
  const app = await start(t, { apiKey: { secret, find: () => undefined }, basic: { realm: 'files', check: () => false }, attempts: false })
  // What an HTTP parser lets through.
  const value = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(';', '=', ',', ' ', '.', '"', '\\', 'a', '\u00e9', '\t') }))
  const headers = fc.record({
    authorization: fc.tuple(fc.constantFrom('Bearer ', 'Basic ', ''), value).map((parts) => parts.join('')),
    cookie: fc.tuple(fc.constantFrom('__Host-consentry-session=', '__Host-consentry-flow-x=', ''), value).map((parts) => parts.join('')),
    'x-api-key': value,
    'last-event-id': value,
    prefer: value,
    origin: value,
    'sec-fetch-site': value,
    accept: value
  }, { requiredKeys: [] })
  await fc.assert(fc.asyncProperty(headers, fc.constantFrom('/auth/status', '/auth/userinfo', '/me', '/executions/x/events', '/auth/connect/x', '/auth/callback/x?state=y', '/auth/logout'), async (given, url) => {
    const { statusCode, body } = await app.inject({ url, method: url === '/auth/logout' ? 'POST' : 'GET', headers: given })
    return statusCode < 500 && (statusCode < 400 || body.includes('CONSENTRY_ERR_'))
  }), { numRuns: 1500 })
})
