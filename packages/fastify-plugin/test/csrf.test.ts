import type { Browser } from '@consentry/testing'
import t from 'tap'
import { audience, issuer, tokenIssuer } from './jwt.ts'
import { call, codeOf, startServer, type TestServer } from './server.ts'

const tokenOf = async (browser: Browser, server: TestServer): Promise<string> =>
  (await call(browser, server, '/auth/status')).json<{ csrfToken: string }>().csrfToken

const posts = [['/auth/refresh', 'POST'], ['/auth/connections/calendar', 'DELETE'], ['/auth/logout', 'POST']] as const

t.test('T3: what changes something below /auth wants the token of the session, beside the right origin', async (t) => {
  const server = await startServer(t)
  const [alice, again, bob] = await Promise.all(['alice', 'alice', 'bob'].map((name) => server.browser(name))) as [Browser, Browser, Browser]
  const token = await tokenOf(alice, server)
  const wrong = ['', 'x', token.slice(1), `${token}x`, token.replace(/-/, '+'), await tokenOf(again, server), await tokenOf(bob, server), 'x'.repeat(600)]
  for (const [path, method] of posts) {
    for (const value of wrong) {
      const answer = await call(alice, server, path, { method, headers: { 'x-csrf-token': value } })
      t.equal(answer.status, 403, `${method} ${path} with ${value.slice(0, 20)}`)
      t.equal(codeOf(answer), 'CONSENTRY_ERR_CROSS_ORIGIN')
    }
    for (const headers of [{ 'sec-fetch-site': 'same-origin' }, { origin: server.url }, {}] as Array<Record<string, string>>) {
      const answer = await fetch(server.url + path, { method, headers: { ...headers, cookie: alice.cookieHeader(server.url) } })
      t.equal(answer.status, 403, `${method} ${path} without a token`)
    }
    for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null', 'sec-fetch-site': 'cross-site' }] as Array<Record<string, string>>) {
      const answer = await fetch(server.url + path, { method, headers: { ...headers, 'x-csrf-token': token, cookie: alice.cookieHeader(server.url) } })
      t.equal(answer.status, 403, `${method} ${path} with the token, from elsewhere`)
    }
  }
  t.equal((await call(alice, server, '/auth/userinfo')).status, 200, 'still signed in')
  for (const [path, method] of posts) t.equal((await call(alice, server, path, { method, headers: { 'x-csrf-token': token } })).status, 200, `${method} ${path}`)
})

t.test('T3: the token is for a form and for JSON too, and only for who may read it', async (t) => {
  const server = await startServer(t)
  for (const [type, encode] of [
    ['application/x-www-form-urlencoded', (_csrf: string) => new URLSearchParams({ _csrf }).toString()],
    ['application/json', (_csrf: string) => JSON.stringify({ _csrf })]
  ] as const) {
    const alice = await server.browser('alice')
    const post = async (token: string) => call(alice, server, '/auth/logout', { method: 'POST', headers: { 'content-type': type }, body: encode(token) })
    const token = await tokenOf(alice, server)
    t.equal((await fetch(`${server.url}/auth/logout`, { method: 'POST', headers: { cookie: alice.cookieHeader(server.url), 'content-type': type }, body: encode('x') })).status, 403)
    t.equal((await post(token)).status, 200, type)
  }
  const anonymous = await server.browser()
  await anonymous.open(server.url)
  t.same((await call(anonymous, server, '/auth/status')).json(), { authenticated: false })
  const alice = await server.browser('alice')
  const answer = await fetch(`${server.url}/auth/status`, { headers: { cookie: alice.cookieHeader(server.url), origin: 'https://evil.example' } })
  t.equal(answer.headers.get('access-control-allow-origin'), null, 'a page of another origin cannot read it')
  t.equal(answer.headers.get('cache-control'), 'no-store')
})

t.test('T3: a credential that no browser sends by itself needs no token', async (t) => {
  const { jwks, sign } = await tokenIssuer()
  const server = await startServer(t, { options: { identity: { jwt: { issuers: [{ issuer, audience, jwks }] } } } })
  const headers = { authorization: `Bearer ${await sign()}` }
  t.equal((await fetch(`${server.url}/auth/connections/calendar`, { method: 'DELETE', headers })).status, 200)
  t.equal((await fetch(`${server.url}/auth/logout`, { method: 'POST', headers })).status, 200)
  t.match(await (await fetch(`${server.url}/auth/status`, { headers })).text(), /^\{"authenticated":true,"userId":"[^"]+"\}$/)
})
