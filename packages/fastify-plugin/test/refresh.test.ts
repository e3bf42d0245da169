import type { Browser } from '@consentry/testing'
import t from 'tap'
import { hostileServer } from './hostile-server.ts'
import { call, codeOf, startServer } from './server.ts'
import { openSocket } from './socket.ts'

const secretOf = (browser: Browser, url: string): string => browser.cookies(url).find(({ name }) => name.endsWith('session'))?.value ?? ''

t.test('the provider is asked who the person is by now', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const socket = await openSocket(server, { browser: alice })
  const before = (await call(alice, server, '/auth/userinfo')).json<{ userId: string }>()
  const answer = await call(alice, server, '/auth/refresh', { method: 'POST' })
  t.equal(answer.status, 200)
  t.equal(answer.json<{ userId: string }>().userId, before.userId)
  t.equal(server.op.ledger.token.refresh_token, 1)
  t.equal(answer.headers.get('set-cookie'), null, 'the same rights, the same session')
  t.equal(socket.socket.readyState, socket.socket.OPEN)
  socket.close()
  t.equal((await call(alice, server, '/auth/refresh', { method: 'POST' })).status, 200, 'with the refresh token that came of it')

  const many = await Promise.all(Array.from({ length: 10 }, () => call(alice, server, '/auth/refresh', { method: 'POST' })))
  t.ok(many.every(({ status }) => status === 200), 'at once: whoever comes second is told what is known')
  t.equal((await call(alice, server, '/auth/refresh', { method: 'POST' })).status, 200, 'and none is lost')
  t.equal((await call(await server.browser(), server, '/auth/refresh', { method: 'POST' })).status, 401)
  t.same(server.op.ledger.errors, [])
})

t.test('a sign-in without a refresh token cannot be refreshed, and stays', async (t) => {
  const server = await startServer(t)
  server.op.addClient({ clientId: 'corp', clientSecret: 'secret-of-corp', firstParty: true, refreshTokens: false, redirectUris: [`${server.url}/auth/callback/corp`] })
  const alice = await server.browser('alice')
  for (let again = 0; again < 2; again++) t.equal(codeOf(await call(alice, server, '/auth/refresh', { method: 'POST' })), 'CONSENTRY_ERR_REAUTH_REQUIRED')
  t.equal((await call(alice, server, '/auth/userinfo')).status, 200)
})

t.test('an outage changes nothing; the provider\'s own word ends the session', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  for (const endpoint of ['token', 'userinfo'] as const) {
    server.op.fail(endpoint, 'status500')
    t.equal(codeOf(await call(alice, server, '/auth/refresh', { method: 'POST' })), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE', endpoint)
    server.op.fail(endpoint)
    t.equal((await call(alice, server, '/auth/refresh', { method: 'POST' })).status, 200, 'again, as if nothing had been')
  }
  server.op.endGrants()
  const ended = await call(alice, server, '/auth/refresh', { method: 'POST' })
  t.equal(ended.status, 401)
  t.equal((await call(alice, server, '/auth/userinfo')).status, 401)
})

t.test('T15 more claims than are kept change nothing either', async (t) => {
  const { op, server } = await hostileServer(t)
  const browser = await server.browser()
  await browser.open(`${server.url}/auth/login`)
  const before = (await call(browser, server, '/auth/userinfo')).json()
  op.account['much'] = 'x'.repeat(500_000)
  t.equal(codeOf(await call(browser, server, '/auth/refresh', { method: 'POST' })), 'CONSENTRY_ERR_CLAIMS_OVERSIZE')
  t.same((await call(browser, server, '/auth/userinfo')).json(), before)
  delete op.account['much']
  t.equal((await call(browser, server, '/auth/refresh', { method: 'POST' })).status, 200)
})

t.test('B19 with other rights comes another session id', async (t) => {
  const { op, server } = await hostileServer(t)
  Object.assign(op.account, { groups: ['staff'] })
  const browser = await server.browser()
  await browser.open(`${server.url}/auth/login`)
  const first = secretOf(browser, server.url)
  t.match((await call(browser, server, '/auth/userinfo')).json(), { groups: ['staff'] })
  Object.assign(op.account, { groups: ['staff', 'admins'] })
  const answer = await call(browser, server, '/auth/refresh', { method: 'POST' })
  t.match(answer.json(), { groups: ['staff', 'admins'] })
  const [cookie] = answer.headers.getSetCookie()
  t.match(cookie, /^__Host-consentry-session=[\w-]{43};/)
  t.notOk(cookie?.includes(first))
  t.equal((await fetch(`${server.url}/auth/userinfo`, { headers: { cookie: `__Host-consentry-session=${first}` } })).status, 401, 'the old one is over')

  browser.setCookie(cookie ?? '', server.url)
  Object.assign(op.account, { sub: 'mallory' })
  const other = await call(browser, server, '/auth/refresh', { method: 'POST' })
  t.ok(other.status >= 400, 'another subject is refused')
  t.match((await call(browser, server, '/auth/userinfo')).json(), { subject: 'alice' })
})

t.test('B19 a request that was on its way with the old session id takes nothing from the new one', async (t) => {
  const { op, server } = await hostileServer(t, { routes: (app) => { app.get('/me', { config: { auth: true } }, async () => 'me') } })
  Object.assign(op.account, { groups: ['staff'] })
  const browser = await server.browser()
  await browser.open(`${server.url}/auth/login`)
  const old = { cookie: browser.cookieHeader(server.url), 'sec-fetch-site': 'same-origin' }
  const late = (path: string, headers = {}, method = 'GET'): Promise<Response> => fetch(server.url + path, { redirect: 'manual', method, headers: { ...old, ...headers } })
  const ways = (): Promise<Response[]> => Promise.all([late('/auth/userinfo'), late('/auth/status'), late('/me'), late('/me', { accept: 'text/html' })])
  Object.assign(op.account, { groups: ['staff', 'admins'] })
  const [cookie = ''] = (await call(browser, server, '/auth/refresh', { method: 'POST' })).headers.getSetCookie()
  browser.setCookie(cookie, server.url)

  const answers = await ways()
  t.same(answers.map(({ status }) => status), [401, 200, 401, 303])
  for (const { url, headers } of answers) t.same(headers.getSetCookie(), [], url)
  const out = await late('/auth/logout', { origin: server.url }, 'POST')
  t.equal(out.status, 401, 'nor is anybody told that they are signed out who is not')
  t.same(out.headers.getSetCookie(), [])
  t.match((await call(browser, server, '/auth/userinfo')).json(), { groups: ['staff', 'admins'] })

  t.equal((await call(browser, server, '/auth/logout', { method: 'POST' })).status, 200)
  for (const { url, headers } of await ways()) t.match(headers.getSetCookie(), [/^__Host-consentry-session=;/], `${url}: it is over now`)
})

t.test('signing out gives the tokens back when asked', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  await call(alice, server, '/auth/logout', { method: 'POST' })
  t.equal(server.op.ledger.revocations, 0)
  const bob = await server.browser('bob')
  await call(bob, server, '/auth/logout?revoke=true', { method: 'POST' })
  t.ok(server.op.ledger.revocations > 0)
})

for (const [what, endpoint, groups] of [
  ['while the tokens are on their way', 'token', ['staff']],
  ['while it is asked who the person is', 'userinfo', ['staff']],
  ['while other rights are on their way', 'userinfo', ['staff', 'admins']]
] as const) {
  t.test(`a sign-out during a refresh stands: ${what}`, async (t) => {
    const { op, server } = await hostileServer(t)
    Object.assign(op.account, { groups: ['staff'] })
    const browser = await server.browser()
    await browser.open(`${server.url}/auth/login`)
    const cookie = browser.cookieHeader(server.url)
    const { userId } = (await call(browser, server, '/auth/status')).json<{ userId: string }>()
    Object.assign(op.account, { groups })
    let given: Array<string | undefined> = []
    op.overrides.token = async (_request, usual) => {
      const answer = await usual()
      const { access_token: accessToken, refresh_token: refreshToken } = answer.body as Record<string, string>
      given = [accessToken, refreshToken]
      if (endpoint === 'token') t.equal((await call(browser, server, '/auth/logout', { method: 'POST' })).status, 200)
      return answer
    }
    op.overrides.userinfo = async (_request, usual) => {
      if (endpoint === 'userinfo') t.equal((await call(browser, server, '/auth/logout', { method: 'POST' })).status, 200)
      return usual()
    }
    const answer = await call(browser, server, '/auth/refresh', { method: 'POST' })
    t.equal(answer.status, 401)
    t.same(answer.headers.getSetCookie(), [])
    t.equal((await fetch(`${server.url}/auth/userinfo`, { headers: { cookie } })).status, 401)
    t.same(await server.app.consentry.sessions.list({ tenant: 'default', userId }), [])
    t.ok(given.length === 2 && given.some((token) => op.ledger.revoked.includes(token ?? '')), 'what came home late is given back')
  })
}

t.test('B19 B20 who lost a group at a refresh has another session id, for no longer than before, and the guard denies', async (t) => {
  const { op, server } = await hostileServer(t, { routes: (app) => { app.get('/admin', { config: { auth: { groups: ['admins'] } } }, async () => 'admin') } })
  Object.assign(op.account, { groups: ['staff', 'admins'] })
  const browser = await server.browser()
  await browser.open(`${server.url}/auth/login`)
  const { sessions } = server.app.consentry
  const before = await sessions.find(secretOf(browser, server.url))
  const socket = await openSocket(server, { browser })
  t.equal((await call(browser, server, '/admin')).status, 200)
  Object.assign(op.account, { groups: ['staff'] })
  const answer = await call(browser, server, '/auth/refresh', { method: 'POST' })
  t.match(await socket.closed, { code: 4401 }, 'a client connects again, as who it is now')
  t.equal((await call(browser, server, '/admin')).status, 401, 'the old id opens nothing')
  const [cookie = ''] = answer.headers.getSetCookie()
  browser.setCookie(cookie, server.url)
  t.equal((await call(browser, server, '/admin')).status, 403)
  const after = await sessions.find(secretOf(browser, server.url))
  t.not(after?.id, before?.id)
  t.match(after, { createdAt: before?.createdAt, expiresAt: before?.expiresAt, names: before?.names })
  t.ok(Number(/max-age=(\d+)/i.exec(cookie)?.[1]) <= 7 * 24 * 3600)
  t.equal((await call(browser, server, '/auth/logout', { method: 'POST', headers: { 'x-csrf-token': answer.headers.get('x-csrf-token') ?? '' } })).status, 200, 'T3: the answer has the token of the new one')
})

t.test('a refresh is no sign-in: auth_time, acr, amr and sid stay (OpenID Connect Core section 12.2)', async (t) => {
  const { op, server } = await hostileServer(t, { routes: (app) => { app.get('/recent', { config: { auth: { maxAge: 300 } } }, async () => 'recent') } })
  const signedIn = { auth_time: Math.floor(Date.now() / 1000) - 3600, acr: 'strong', amr: ['pwd', 'otp'], sid: 'one' }
  op.idToken.claims = signedIn
  const browser = await server.browser()
  await browser.open(`${server.url}/auth/login`)
  for (const claims of [{}, { auth_time: Math.floor(Date.now() / 1000), acr: 'stronger', amr: ['face'], sid: 'two' }]) {
    op.idToken.claims = claims
    const answer = await call(browser, server, '/auth/refresh', { method: 'POST' })
    t.equal(answer.status, 200)
    t.match(answer.json(), { claims: signedIn })
    t.equal((await call(browser, server, '/recent')).status, 401, 'and nobody has signed in again')
  }
  op.idToken.claims = {}
  await browser.open(`${server.url}/auth/login`)
  op.idToken.claims = signedIn
  const { claims } = (await call(browser, server, '/auth/refresh', { method: 'POST' })).json<{ claims: object }>()
  for (const name of Object.keys(signedIn)) t.notOk(name in claims, `${name} does not come of a refresh`)
})
