import { oidc } from '@consentry/providers'
import { startHostileProvider, type Browser } from '@consentry/testing'
import t from 'tap'
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

t.test('B19 with other rights comes another session id', async (t) => {
  const op = await startHostileProvider()
  t.teardown(() => op.close())
  Object.assign(op.account, { groups: ['staff'] })
  const server = await startServer(t, { options: {
    providers: { corp: oidc({ issuer: op.issuer, clientId: 'client', clientSecret: 'secret', allowInsecureLoopback: true, timeout: 1000 }) }
  } })
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

t.test('signing out gives the tokens back when asked', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  await call(alice, server, '/auth/logout', { method: 'POST' })
  t.equal(server.op.ledger.revocations, 0)
  const bob = await server.browser('bob')
  await call(bob, server, '/auth/logout?revoke=true', { method: 'POST' })
  t.ok(server.op.ledger.revocations > 0)
})
