import { ConsentryError, createDeadlines, memoryState } from '@consentry/core'
import { createClock, signIn, type ManualClock } from '@consentry/testing'
import { basicIssuer, userId, userInfoFromClaims, type UserInfo } from '@consentry/user-identity'
import { once } from 'node:events'
import { createServer } from 'node:http'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { createApiKey } from '../src/index.ts'
import { createReverification } from '../src/reverification.ts'
import { call, secret, startServer, type Status, type TestServer, type TestServerOptions } from './server.ts'
import { openSocket } from './socket.ts'

const { key, hash } = createApiKey(secret)
const authorization = `Basic ${Buffer.from('alice:right').toString('base64')}`

/** An issuer of opaque tokens, one of which it may revoke. */
async function opaqueIssuer (t: Test) {
  const revoked = { now: false, down: false }
  const server = createServer((_request, response) => {
    if (revoked.down) return response.writeHead(503).end()
    response.setHeader('content-type', 'application/json').end(JSON.stringify(revoked.now ? { active: false } : { active: true, sub: 'carol', aud: 'api', token_type: 'Bearer' }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  return { revoked, introspection: { issuer: 'https://issuer.example.com', introspectionEndpoint: `http://127.0.0.1:${port}`, clientId: 'api', clientSecret: 's', audience: 'api' } }
}

async function setup (t: Test, options: TestServerOptions['options'] = {}) {
  const { revoked, introspection } = await opaqueIssuer(t)
  const withdrawn = { key: false, password: false, groups: ['staff'] }
  const clock = createClock()
  const server = await startServer(t, {
    options: {
      clock,
      login: ['corp', 'basic'],
      identity: {
        introspection,
        apiKey: { secret, find: (found) => found === hash && !withdrawn.key ? { id: 'robot', claims: { groups: withdrawn.groups } } : undefined },
        basic: { realm: 'files', check: (username, password) => username === 'alice' && password === 'right' && !withdrawn.password }
      },
      ...options
    },
    routes: (app) => { app.get('/own', { websocket: true, config: { auth: true } }, (socket) => { socket.send('open') }) }
  })
  return { server, clock, revoked, withdrawn }
}

/** Lets the interval pass, to the sixteenth that deadlines may be late. */
const interval = (clock: ManualClock): Promise<void> => clock.advance(64_000)

async function openOwn (server: TestServer, headers: Record<string, string>): Promise<{ socket: WebSocket, closed: Promise<number> }> {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/own`, { headers })
  await once(socket, 'message')
  return { socket, closed: once(socket, 'close').then(([code]) => code as number) }
}

/** Reads a stream until it ends. */
async function openStream (server: TestServer, headers: Record<string, string>): Promise<Promise<string>> {
  const { executionId } = await (await fetch(`${server.url}/report`, { method: 'POST', headers })).json() as Status
  const response = await fetch(`${server.url}/executions/${executionId}/events`, { headers })
  return Promise.resolve(response.text())
}

for (const [what, headers, message] of [
  ['API key', { 'x-api-key': key }, { method: 'api_key', token: key }],
  ['password', { authorization }, { method: 'basic', username: 'alice', password: 'right' }],
  ['opaque token', { authorization: 'Bearer opaque' }, undefined]
] as Array<[string, Record<string, string>, object | undefined]>) {
  t.test(`B20: a withdrawn ${what} closes what it opened`, async (t) => {
    const { server, clock, revoked, withdrawn } = await setup(t)
    const upgraded = await openSocket(server, { headers })
    const own = await openOwn(server, headers)
    const stream = openStream(server, headers)
    const told = await openSocket(server)
    if (message !== undefined) {
      told.send({ type: 'auth', ...message })
      await told.until(({ status }) => status === 'success')
    }
    await upgraded.until(({ event }) => event?.type === 'oauth_required')
    await interval(clock)
    upgraded.send({ type: 'ping' })
    await upgraded.until(({ type }) => type === 'pong')
    t.equal(own.socket.readyState, WebSocket.OPEN, 'one that is good stays')
    Object.assign(withdrawn, { key: true, password: true })
    revoked.now = true
    await interval(clock)
    await interval(clock)
    t.match(await upgraded.closed, { code: 4401 })
    t.equal(await own.closed, 4401)
    if (message !== undefined) t.match(await told.closed, { code: 4401 })
    t.match(await stream, /oauth_required/, 'the stream ends')
    told.close()
  })
}

t.test('T16 B20: attempts of others from the same address do not close it', async (t) => {
  const { server, clock } = await setup(t, { login: ['corp'], identity: { apiKey: { secret, find: (found) => found === hash ? { id: 'robot' } : undefined }, attempts: { address: { max: 2, window: 86_400 } } } })
  const socket = await openSocket(server, { headers: { 'x-api-key': key } })
  const ask = async (given: string) => (await fetch(`${server.url}/auth/userinfo`, { headers: { 'x-api-key': given } })).status
  t.same([await ask('guess-1'), await ask('guess-2'), await ask('guess-3')], [401, 401, 429])
  for (let turn = 0; turn < 5; turn++) await interval(clock)
  socket.send({ type: 'ping' })
  await socket.until(({ type }) => type === 'pong')
  t.equal(await ask(key), 200, 'and what was verified again is remembered')
  socket.close()
})

t.test('B20: with other rights comes another connection', async (t) => {
  const { server, clock, withdrawn } = await setup(t)
  const socket = await openSocket(server, { headers: { 'x-api-key': key } })
  withdrawn.groups = []
  await interval(clock)
  await interval(clock)
  t.match(await socket.closed, { code: 4401 })
})

t.test('B20: who is forgotten is checked at once, on every node, and no other', async (t) => {
  const stateStore = memoryState()
  const one = await setup(t, { stateStore })
  const two = await setup(t, { stateStore })
  const robot = await openSocket(one.server, { headers: { 'x-api-key': key } })
  const elsewhere = await openSocket(two.server, { headers: { 'x-api-key': key } })
  const alice = await openSocket(two.server, { headers: { authorization } })
  const { userId: robotId } = await (await fetch(`${one.server.url}/auth/userinfo`, { headers: { 'x-api-key': key } })).json() as UserInfo
  for (const node of [one, two]) Object.assign(node.withdrawn, { key: true, password: true })
  await one.server.app.consentry.forget(robotId)
  t.match(await robot.closed, { code: 4401 })
  t.match(await elsewhere.closed, { code: 4401 })
  t.equal((await fetch(`${two.server.url}/auth/userinfo`, { headers: { 'x-api-key': key } })).status, 401)
  alice.send({ type: 'ping' })
  await alice.until(({ type }) => type === 'pong')
  alice.close()
})

t.test('B20: the sessions that a password began end when it is withdrawn', async (t) => {
  const { server } = await setup(t)
  const browser = await server.browser()
  await (await browser.open(`${server.url}/auth/login`)).submit({ username: 'alice', password: 'right' })
  const other = await server.browser()
  await signIn(await other.open(`${server.url}/auth/login/corp`), 'alice')
  const socket = await openSocket(server, { browser })
  await server.app.consentry.forget(userId({ issuer: basicIssuer('files'), subject: 'alice' }))
  t.match(await socket.closed, { code: 4401 })
  t.equal((await call(browser, server, '/auth/userinfo')).status, 401)
  t.equal((await call(other, server, '/auth/userinfo')).status, 200, 'not those that a provider began')
})

t.test('B20 R14: while nobody can tell a connection stays, but not for long', async (t) => {
  const { server, clock, revoked } = await setup(t)
  const socket = await openSocket(server, { headers: { authorization: 'Bearer opaque' } })
  const closed: unknown[] = []
  void socket.closed.then((how) => { closed.push(how) })
  const turn = async (): Promise<void> => {
    await interval(clock)
    // The question to the issuer takes its own time.
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  for (const down of [false, true, true, false, true, true]) {
    revoked.down = down
    await turn()
  }
  t.same(closed, [])
  await turn()
  t.match(await socket.closed, { code: 4401 })
})

t.test('two are checked at once, in turn, and who hurries comes once', async (t) => {
  const clock = createClock()
  const deadlines = createDeadlines(clock)
  const reverification = createReverification(deadlines, 1000)
  const person = (sub: string): UserInfo => userInfoFromClaims({ iss: 'i', sub }, { source: 'jwt', verified: true })
  const asked: string[] = []
  const ended: string[] = []
  const answers: Array<(userInfo: UserInfo | Error) => void> = []
  const stops = ['a', 'b', 'c', 'd'].map((name) => reverification.watch(person(name), () => {
    asked.push(name)
    return new Promise((resolve, reject) => { answers.push((answer) => { if (answer instanceof Error) reject(answer); else resolve(answer) }) })
  }, () => { ended.push(name) }))
  const answer = async (userInfo: UserInfo | Error): Promise<void> => {
    answers.shift()?.(userInfo)
    await clock.advance(0)
  }
  await clock.advance(1100)
  t.same(asked, ['a', 'b'])
  await answer(person('a'))
  await answer(person('x'))
  t.same(asked, ['a', 'b', 'c', 'd'])
  t.same(ended, ['b'], 'another person')
  stops[2]?.()
  await answer(new ConsentryError('CONSENTRY_ERR_CREDENTIAL_INVALID'))
  await answer(new Error('a check that breaks'))
  t.same(ended, ['b', 'd'], 'nobody waits for c any more')
  reverification.hurry(person('a').userId)
  reverification.hurry(person('a').userId)
  t.same(asked.slice(4), ['a'])
  await answer(person('a'))
  t.same(asked.slice(4), ['a', 'a'], 'asked again, since the first answer may be from before')
  await answer(person('a'))
  t.equal(deadlines.size, 1)
  stops[0]?.()
  t.equal(deadlines.size, 0)
})
