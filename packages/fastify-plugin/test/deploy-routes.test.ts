import { memoryState, type StateStore } from '@consentry/core'
import { createClock, signIn } from '@consentry/testing'
import t from 'tap'
import { createApiKey } from '../src/index.ts'
import { hostileServer } from './hostile-server.ts'
import { call, codeOf, secret, startServer } from './server.ts'

const isCallback = (url: URL): boolean => url.pathname.startsWith('/auth/callback/')

t.test('seed C: deploy routes: login, callback, status, userinfo, refresh, logout, by the cookie that the login set and nothing else', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser()
  const get = (path: string) => fetch(server.url + path, { headers: { cookie: alice.cookieHeader(server.url) } })
  t.same(await (await get('/auth/status')).json(), { authenticated: false })
  t.equal((await get('/auth/userinfo')).status, 401)

  const stopped = await signIn(await alice.open(`${server.url}/auth/login`), 'alice', { stopAt: isCallback })
  t.same(await (await get('/auth/status')).json(), { authenticated: false }, 'nobody is signed in before the callback')
  t.equal((await stopped.follow()).url, `${server.url}/`)

  const status = await (await get('/auth/status')).json() as { authenticated: boolean, userId: string, csrfToken: string }
  t.equal(status.authenticated, true)
  t.match(await (await get('/auth/userinfo')).json(), { userId: status.userId, source: 'session', verified: true, preferredUsername: 'alice' })
  const post = (path: string) => fetch(server.url + path, { method: 'POST', headers: { cookie: alice.cookieHeader(server.url), origin: server.url, 'x-csrf-token': status.csrfToken } })
  t.match(await (await post('/auth/refresh')).json(), { userId: status.userId })
  t.equal(server.op.ledger.token.refresh_token, 1, 'the provider was asked')
  const cookie = alice.cookieHeader(server.url)
  t.match(await (await post('/auth/logout')).json(), { redirectTo: /^http/ })
  for (const path of ['/auth/userinfo', '/auth/status']) t.notMatch(await (await fetch(server.url + path, { headers: { cookie } })).text(), status.userId)
})

t.test('seed C: deploy routes: a login is completed by the browser that began it, and by no other', async (t) => {
  const server = await startServer(t)
  const [mallory, victim] = [await server.browser(), await server.browser()]
  const stopped = await signIn(await mallory.open(`${server.url}/auth/login`), 'bob', { stopAt: isCallback })
  const exchanges = server.op.ledger.token.authorization_code
  const page = await victim.open(stopped.next ?? '')
  t.equal(page.status, 400)
  t.equal(codeOf(page), 'CONSENTRY_ERR_BINDING_MISMATCH')
  t.equal(server.op.ledger.token.authorization_code, exchanges, 'nothing was exchanged')
  t.same((await call(victim, server, '/auth/status')).json(), { authenticated: false })
  t.equal((await stopped.follow()).status, 200, 'and whoever began it is not disturbed')
})

t.test('seed C: deploy routes: without a userinfo there is no session, so that nobody becomes the same unknown person', async (t) => {
  const server = await startServer(t)
  for (const name of ['alice', 'bob']) {
    const browser = await server.browser()
    const stopped = await signIn(await browser.open(`${server.url}/auth/login`), name, { stopAt: isCallback })
    server.op.fail('userinfo', 'status500')
    t.equal(codeOf(await stopped.follow()), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE')
    server.op.fail('userinfo')
    t.same((await call(browser, server, '/auth/status')).json(), { authenticated: false }, name)
  }
  const hostile = await hostileServer(t)
  for (const body of [{}, { sub: '' }, { sub: 'unknown' }, { sub: null }]) {
    hostile.op.overrides.userinfo = () => ({ body })
    const browser = await hostile.server.browser()
    t.ok((await browser.open(`${hostile.server.url}/auth/login`)).status >= 400, JSON.stringify(body))
    t.same((await call(browser, hostile.server, '/auth/status')).json(), { authenticated: false })
  }
})

t.test('seed C: admin users, default roles: by claims that the provider vouches for, never by an e-mail', async (t) => {
  const { op, server } = await hostileServer(t, { routes: (app) => {
    app.get('/admin', { config: { auth: { roles: ['admin'] } } }, async () => 'admin')
    app.get('/owner', { config: { auth: { check: ({ email, emailVerified }) => email === 'admin@example.com' && emailVerified === true } } }, async () => 'owner')
  } })
  for (const [account, admin, owner] of [
    [{ email: 'admin@example.com', email_verified: false, roles: [] }, 403, 403],
    [{ email: 'admin@example.com', email_verified: 'true', roles: 'admin' }, 403, 403],
    [{ email: 'admin@example.com', roles: undefined }, 403, 403],
    [{ email: 'admin@example.com', email_verified: true, roles: ['admin'] }, 200, 200]
  ] as const) {
    Object.assign(op.account, { email_verified: undefined, ...account })
    const browser = await server.browser()
    await browser.open(`${server.url}/auth/login`)
    t.equal((await call(browser, server, '/admin')).status, admin, JSON.stringify(account))
    t.equal((await call(browser, server, '/owner')).status, owner, JSON.stringify(account))
  }
})

t.test('seed C: rate limit 10 per minute per IP: with Retry-After, over all nodes, and what was counted goes by itself', async (t) => {
  const clock = createClock()
  const inner = memoryState({ clock })
  const counts = new Set<string>()
  const stateStore: StateStore = {
    ...inner,
    append (key, value, options) {
      if (key.startsWith('rate:')) counts.add(key)
      return inner.append(key, value, options)
    }
  }
  const options = { clock, stateStore, rateLimit: { max: 10, timeWindow: 60_000 } }
  const nodes = [await startServer(t, { options }), await startServer(t, { options })]
  // Into the middle of a window.
  await clock.advance(60_000 - clock.now() % 60_000 + 30_000)
  const ask = async (n: number, remoteAddress: string) => nodes[n % 2]?.app.inject({ url: '/auth/login/corp', remoteAddress })
  for (let n = 0; n < 10; n++) t.equal((await ask(n, '203.0.113.1'))?.statusCode, 303)
  for (let n = 0; n < 2; n++) {
    const refused = await ask(n, '203.0.113.1')
    t.equal(refused?.statusCode, 429)
    t.match(refused?.json(), { code: 'CONSENTRY_ERR_TOO_MANY_REQUESTS', retryable: true })
    t.equal(refused?.headers['retry-after'], '30')
  }
  t.equal((await ask(0, '203.0.113.2'))?.statusCode, 303, 'others need not wait')
  await clock.advance(30_000)
  t.equal(counts.size, 2)
  for (const key of counts) t.same(await inner.read(key, 0, 1), [], 'nothing is left of a window that is over')
  t.equal((await ask(0, '203.0.113.1'))?.statusCode, 303)
})

t.test('seed C: same-origin check on POST, force_https', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const { csrfToken } = (await call(alice, server, '/auth/status')).json<{ csrfToken: string }>()
  for (const path of ['/auth/refresh', '/auth/logout']) {
    const answer = await fetch(server.url + path, { method: 'POST', headers: { cookie: alice.cookieHeader(server.url), origin: 'https://evil.example', 'x-csrf-token': csrfToken } })
    t.equal(answer.status, 403, path)
  }
  t.equal((await call(alice, server, '/auth/userinfo')).status, 200)
  await t.rejects(startServer(t, { options: { baseUrl: 'http://app.example.com' } }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
})

t.test('seed C: errors: each has a code, and says whether to try again', async (t) => {
  const { key, hash } = createApiKey(secret)
  const server = await startServer(t, { options: { identity: { apiKey: { secret, find: (found) => found === hash ? { id: 'robot', expiresAt: 1 } : undefined } } } })
  const alice = await server.browser('alice')
  server.op.fail('token', 'status500')
  const unavailable = await call(alice, server, '/auth/refresh', { method: 'POST' })
  server.op.fail('token')
  server.op.endGrants()
  const ended = await call(alice, server, '/auth/refresh', { method: 'POST' })
  const expired = await fetch(`${server.url}/auth/userinfo`, { headers: { 'x-api-key': key } })
  for (const [status, problem, expected] of [
    [unavailable.status, unavailable.json(), { status: 503, code: 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE', retryable: true }],
    [ended.status, ended.json(), { status: 401, code: 'CONSENTRY_ERR_AUTHENTICATION_REQUIRED', retryable: false }],
    [expired.status, await expired.json(), { status: 401, code: 'CONSENTRY_ERR_CREDENTIAL_INVALID', retryable: false }]
  ] as const) {
    t.match(problem, expected)
    t.equal(status, expected.status)
  }
  t.ok(unavailable.headers.get('retry-after'))
})
