import { ConsentryError, memoryState, type StateStore } from '@consentry/core'
import { oidc } from '@consentry/providers'
import { createClock, startHostileProvider, type Browser } from '@consentry/testing'
import t from 'tap'
import { audience, issuer, tokenIssuer } from './jwt.ts'
import { call, codeOf, startServer, type TestServer } from './server.ts'
import { openSocket } from './socket.ts'

const isSignedIn = async (browser: Browser, server: TestServer): Promise<boolean> =>
  (await call(browser, server, '/auth/status')).json<{ authenticated: boolean }>().authenticated

t.test('signing out here and at the provider, by a script', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const { redirectTo } = (await call(alice, server, '/auth/logout', { method: 'POST' })).json<{ redirectTo: string }>()
  t.equal(await isSignedIn(alice, server), false)
  const parameters = new URL(redirectTo).searchParams
  t.match(Object.fromEntries(parameters), { client_id: 'corp', post_logout_redirect_uri: `${server.url}/`, state: /^[\w-]{22}$/ })
  t.equal(parameters.get('id_token_hint'), null, 'B17 no token in a URL, unless the provider needs it')
  const atProvider = await alice.open(redirectTo)
  const back = await atProvider.submit({}, { button: 'Sign out' })
  t.equal(new URL(back.url).origin + new URL(back.url).pathname, `${server.url}/`)

  const again = await alice.open(`${server.url}/auth/login`)
  t.match(again.title, /sign in/i, 'the provider asks who it is, too')
  for (const secret of server.op.ledger.secrets) t.notOk(alice.history.some(({ url }) => url.includes(secret) && !url.includes('/auth/callback/')), 'B17 no token in a URL')
})

t.test('signing out by a form of the application', async (t) => {
  const form = (token: string | null): string => `<form method="post" action="/auth/logout"><input type="hidden" name="_csrf" value="${token}"><button>Out</button></form>`
  const server = await startServer(t, { routes: (app) => {
    app.get('/page', async (request, reply) => reply.type('text/html').send(form(request.csrfToken())))
    app.get('/forgetful', async (_request, reply) => reply.type('text/html').send(form('')))
  } })
  const alice = await server.browser('alice')
  const refused = await (await alice.open(`${server.url}/forgetful`)).submit({}, { button: 'Out' })
  t.equal(codeOf(refused), 'CONSENTRY_ERR_CROSS_ORIGIN', 'T3: not without the token')
  t.equal(await isSignedIn(alice, server), true)
  const page = await (await alice.open(`${server.url}/page`)).submit({}, { button: 'Out' })
  t.equal(new URL(page.url).origin, server.op.issuer)
  t.equal(await isSignedIn(alice, server), false)
})

t.test('signing out works when the provider does not, and without a session', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  t.equal((await call(await server.browser(), server, '/auth/logout', { method: 'POST' })).status, 200)
  server.op.endSessions()
  t.equal((await call(alice, server, '/auth/logout', { method: 'POST' })).status, 200)
  t.equal(await isSignedIn(alice, server), false)
})

t.test('signing out does not wait for a provider that hangs', async (t) => {
  const op = await startHostileProvider()
  t.teardown(() => op.close())
  const corp = oidc({ issuer: op.issuer, clientId: 'client', clientSecret: 'secret', allowInsecureLoopback: true, timeout: 30_000 })
  const server = await startServer(t, { options: { providers: { corp } } })
  const alice = await server.browser()
  await alice.open(`${server.url}/auth/login`)
  const socket = await openSocket(server, { browser: alice })
  let goOn = (): void => {}
  const hangs = new Promise<void>((resolve) => { goOn = resolve })
  op.overrides.revoke = async () => {
    await hangs
    return { status: 500 }
  }
  let answered = false
  const answer = call(alice, server, '/auth/logout?revoke=true', { method: 'POST' }).finally(() => { answered = true })
  t.match(await socket.closed, { code: 4401 })
  t.equal(await isSignedIn(alice, server), false)
  t.equal(answered, false, 'the provider has not answered yet')
  goOn()
  t.equal((await answer).status, 200, 'what it does not do is logged')
  t.match(server.log.lines().find(({ msg }) => msg === 'giving the tokens of a sign-in back failed'), { code: 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE', provider: 'corp' })
})

t.test('signing out everywhere ends all sessions and sockets of the person, and nobody else\'s', async (t) => {
  const server = await startServer(t)
  const browsers = await Promise.all(['alice', 'alice', 'bob'].map((name) => server.browser(name)))
  const [one, two, bob] = browsers as [Browser, Browser, Browser]
  const socket = await openSocket(server, { browser: two })
  const other = await openSocket(server, { browser: bob })
  t.equal((await call(one, server, '/auth/logout', { method: 'POST' })).status, 200)
  t.equal(await isSignedIn(two, server), true, 'only here, unless asked')
  t.equal((await call(two, server, '/auth/logout?everywhere=true', { method: 'POST' })).status, 200)
  t.match(await socket.closed, { code: 4401 })
  t.same(await Promise.all(browsers.map((browser) => isSignedIn(browser, server))), [false, false, true])
  t.equal(other.socket.readyState, other.socket.OPEN)
  other.close()

  const [third, fourth] = await Promise.all(['alice', 'alice'].map((name) => server.browser(name))) as [Browser, Browser]
  await call(third, server, '/auth/logout?everywhere=true', { method: 'POST' })
  t.equal(await isSignedIn(fourth, server), false, 'another browser too')
  t.equal((await call(fourth, server, '/auth/logout?everywhere=maybe', { method: 'POST' })).status, 400)
})

t.test('signing out at the provider ends the session here, and its sockets', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const other = await server.browser('alice')
  const socket = await openSocket(server, { browser: alice })
  await (await alice.open(`${server.op.issuer}/logout`)).submit({}, { button: 'Sign out' })
  t.match(await socket.closed, { code: 4401 })
  t.equal(await isSignedIn(alice, server), false)
  t.equal(await isSignedIn(other, server), true, 'the token names one session of the provider, and this one is of another')
  t.match(server.log.lines().find(({ msg }) => msg === 'signed out by the provider'), { provider: 'corp', sessions: 1 })
  t.same(server.op.ledger.errors, [])
})

t.test('a logout token that is none is a bad request, and nobody is signed out', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const post = (body: string, type = 'application/x-www-form-urlencoded', provider = 'corp') =>
    fetch(`${server.url}/auth/backchannel-logout/${provider}`, { method: 'POST', body, headers: { 'content-type': type } })
  for (const body of ['', 'logout_token=', 'logout_token=a.b.c', 'logout_token=a.b.c&logout_token=a.b.c', 'x=y']) {
    const answer = await post(body)
    t.equal(answer.status, 400, body)
    t.match(await answer.json(), { code: 'CONSENTRY_ERR_MESSAGE_INVALID' })
  }
  t.equal((await post('logout_token=a.b.c', 'application/x-www-form-urlencoded', 'nobody')).status, 404)
  t.equal(await isSignedIn(alice, server), true)
})

t.test('who cannot be told is not signed out, and is told so', async (t) => {
  const { jwks, sign } = await tokenIssuer()
  const inner = memoryState()
  let down = false
  const stateStore = new Proxy(inner, {
    get: (target, name: keyof StateStore) => down && name === 'get' ? async () => { throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE') } : target[name]
  })
  const server = await startServer(t, { options: { stateStore, identity: { jwt: { issuers: [{ issuer, audience, jwks }] } } } })
  const alice = await server.browser('alice')
  const cookie = alice.cookieHeader(server.url)
  const { csrfToken } = (await call(alice, server, '/auth/status')).json<{ csrfToken: string }>()
  const logout = (headers: Record<string, string> = {}) => fetch(`${server.url}/auth/logout`, { method: 'POST', headers: { cookie, origin: server.url, 'x-csrf-token': csrfToken, ...headers } })
  const refused = async (answer: Response, status: number, code: string): Promise<void> => {
    t.equal(answer.status, status, code)
    t.equal(codeOf({ text: await answer.text() }), code)
    t.equal(answer.headers.get('set-cookie'), null)
  }
  await refused(await logout({ authorization: 'Bearer a.b.c' }), 401, 'CONSENTRY_ERR_CREDENTIAL_INVALID')
  await refused(await logout({ authorization: `Bearer ${await sign()}` }), 401, 'CONSENTRY_ERR_CREDENTIAL_CONFLICT')
  await refused(await logout({ cookie: `${cookie}; ${cookie}` }), 401, 'CONSENTRY_ERR_CREDENTIAL_INVALID')
  down = true
  await refused(await logout(), 503, 'CONSENTRY_ERR_STORE_UNAVAILABLE')
  down = false
  t.equal(await isSignedIn(alice, server), true)

  t.equal((await logout()).status, 200)
  t.equal(await isSignedIn(alice, server), false)
  const over = await logout()
  t.equal(over.status, 200, 'a session that is over is signed out')
  t.match(over.headers.get('set-cookie'), /__Host-consentry-session=;/)
  t.equal((await logout({ cookie: '' })).headers.get('set-cookie'), null, 'who has no cookie needs no deletion')
})

t.test('the hint of who signs out outlives a refresh that brings no ID token', async (t) => {
  const op = await startHostileProvider()
  t.teardown(() => op.close())
  op.metadata['end_session_endpoint'] = `${op.issuer}/logout`
  const corp = oidc({ issuer: op.issuer, clientId: 'client', clientSecret: 'secret', allowInsecureLoopback: true, idTokenHintInUrl: true })
  const server = await startServer(t, { options: { providers: { corp } } })
  const browser = await server.browser()
  await browser.open(`${server.url}/auth/login`)
  let given: unknown
  op.overrides.token = async (_request, usual) => {
    const { body, ...answer } = await usual()
    const { id_token: _idToken, ...rest } = body as Record<string, unknown>
    given = rest['access_token']
    return { ...answer, body: rest }
  }
  t.equal((await call(browser, server, '/auth/refresh', { method: 'POST' })).status, 200)
  t.ok(given)
  const { redirectTo } = (await call(browser, server, '/auth/logout', { method: 'POST' })).json<{ redirectTo: string }>()
  t.match(new URL(redirectTo).searchParams.get('id_token_hint'), /^[\w-]+\.[\w-]+\.[\w-]+$/)
})

t.test('T16: signing out and refreshing are limited by address', async (t) => {
  for (const path of ['/auth/logout', '/auth/refresh']) {
    const server = await startServer(t, { options: { clock: createClock(), rateLimit: { max: 2, timeWindow: 60_000 } } })
    const post = async (): Promise<number> => (await fetch(server.url + path, { method: 'POST' })).status
    const first = [await post(), await post()]
    t.notOk(first.includes(429))
    t.equal(await post(), 429, path)
  }
})
