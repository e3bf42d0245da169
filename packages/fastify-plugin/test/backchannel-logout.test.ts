import { ConsentryError, memoryState, type StateStore } from '@consentry/core'
import type { Browser, HostileProvider } from '@consentry/testing'
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { hostileServer } from './hostile-server.ts'
import { call, codeOf, type TestServer } from './server.ts'

const isSignedIn = async (browser: Browser, server: TestServer): Promise<boolean> =>
  (await call(browser, server, '/auth/status')).json<{ authenticated: boolean }>().authenticated

/** A browser that the provider signed in, in the session of its own that `sid` names. */
async function signedIn (server: TestServer, op: HostileProvider, sub: string, sid?: string): Promise<Browser> {
  op.account.sub = sub
  op.idToken.claims = { sid }
  const browser = await server.browser()
  await browser.open(`${server.url}/auth/login`)
  return browser
}

const logoutToken = (op: HostileProvider, whom: { sub?: string, sid?: string }): Promise<string> => op.sign({
  iss: op.issuer,
  aud: 'client',
  iat: Math.floor(Date.now() / 1000),
  jti: randomUUID(),
  events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
  ...whom
}, { header: { typ: 'logout+jwt' } })

const post = (server: TestServer, token: string) => fetch(`${server.url}/auth/backchannel-logout/corp`, { method: 'POST', body: new URLSearchParams({ logout_token: token }) })

t.test('whom a logout token signs out (OpenID Connect Back-Channel Logout 1.0 sections 2.4 and 2.7)', async (t) => {
  for (const [what, whom, left] of [
    ['the person', { sub: 'alice' }, ['bob, three']],
    ['a session', { sid: 'one' }, ['alice, two', 'alice, unnamed', 'bob, three']],
    ['a session of the person, and the one that may be it', { sub: 'alice', sid: 'one' }, ['alice, two', 'bob, three']],
    ['a session that is over', { sub: 'alice', sid: 'gone' }, ['alice, one', 'alice, two', 'bob, three']],
    ['a session of another person', { sub: 'bob', sid: 'one' }, ['alice, one', 'alice, two', 'alice, unnamed', 'bob, three']],
    ['nobody who is here', { sub: 'carol' }, ['alice, one', 'alice, two', 'alice, unnamed', 'bob, three']]
  ] as const) {
    const { op, server } = await hostileServer(t)
    const browsers = {
      'alice, one': await signedIn(server, op, 'alice', 'one'),
      'alice, two': await signedIn(server, op, 'alice', 'two'),
      'alice, unnamed': await signedIn(server, op, 'alice'),
      'bob, three': await signedIn(server, op, 'bob', 'three')
    }
    t.equal((await post(server, await logoutToken(op, whom))).status, 200, what)
    const still = []
    for (const [name, browser] of Object.entries(browsers)) if (await isSignedIn(browser, server)) still.push(name)
    t.same(still, left, what)
  }
})

t.test('a logout token is taken again when the store failed, and only then', async (t) => {
  const inner = memoryState()
  let away = false
  const state: StateStore = {
    ...inner,
    async take (key) {
      if (away) throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE')
      return inner.take(key)
    }
  }
  const { op, server } = await hostileServer(t, { options: { stateStore: state } })
  const alice = await signedIn(server, op, 'alice', 'one')
  const token = await logoutToken(op, { sub: 'alice' })
  away = true
  const failed = await post(server, token)
  t.equal(failed.status, 503)
  t.equal(codeOf({ text: await failed.text() }), 'CONSENTRY_ERR_STORE_UNAVAILABLE')
  away = false
  t.equal(await isSignedIn(alice, server), true)
  t.equal((await post(server, token)).status, 200)
  t.equal(await isSignedIn(alice, server), false)
  const again = await signedIn(server, op, 'alice', 'one')
  t.equal((await post(server, token)).status, 200)
  t.equal(await isSignedIn(again, server), true, 'the same token does not end what began after it')
})

t.test('R15: a logout token whose key cannot be loaded is not a bad one', async (t) => {
  const { op, server } = await hostileServer(t)
  const alice = await signedIn(server, op, 'alice')
  await op.rotateKey()
  op.overrides.jwks = () => ({ status: 503, headers: { 'retry-after': '7' } })
  const token = await logoutToken(op, { sub: 'alice' })
  const failed = await post(server, token)
  t.equal(failed.status, 503)
  t.equal(failed.headers.get('retry-after'), '7')
  t.equal(codeOf({ text: await failed.text() }), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE')
  t.equal(await isSignedIn(alice, server), true)
})

t.test('B19: the sid of the sign-in ends the session after a refresh, and under its new id', async (t) => {
  for (const groups of [['staff'], ['staff', 'admins']]) {
    const { op, server } = await hostileServer(t)
    Object.assign(op.account, { groups: ['staff'] })
    const alice = await signedIn(server, op, 'alice', 'one')
    Object.assign(op.account, { groups })
    op.idToken.claims = {}
    const answer = await call(alice, server, '/auth/refresh', { method: 'POST' })
    t.equal(answer.status, 200)
    for (const cookie of answer.headers.getSetCookie()) alice.setCookie(cookie, server.url)
    t.equal(await isSignedIn(alice, server), true)
    t.equal((await post(server, await logoutToken(op, { sid: 'one' }))).status, 200)
    t.equal(await isSignedIn(alice, server), false, groups.join())
  }
})
