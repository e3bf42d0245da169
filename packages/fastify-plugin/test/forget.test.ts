import { oidc } from '@consentry/providers'
import { startHostileProvider } from '@consentry/testing'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { call, startServer } from './server.ts'

/** A person who is signed in, and whose program has an opaque token of the same provider, which ends with their session there. */
async function setup (t: Test) {
  const op = await startHostileProvider()
  t.teardown(() => op.close())
  let active = true
  const introspection = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(active ? { active, iss: op.issuer, sub: 'alice', aud: 'api', token_type: 'Bearer' } : { active }))
  }).listen(0, '127.0.0.1')
  t.teardown(() => { introspection.closeAllConnections(); introspection.close() })
  await once(introspection, 'listening')
  const server = await startServer(t, {
    options: {
      providers: { corp: oidc({ issuer: op.issuer, clientId: 'client', clientSecret: 'secret', allowInsecureLoopback: true }) },
      identity: { introspection: { issuer: op.issuer, introspectionEndpoint: `http://127.0.0.1:${(introspection.address() as AddressInfo).port}/`, clientId: 'api', clientSecret: 'secret', audience: 'api' } }
    }
  })
  const browser = await server.browser()
  await browser.open(`${server.url}/auth/login`)
  const token = async (): Promise<number> => (await fetch(`${server.url}/auth/userinfo`, { headers: { authorization: 'Bearer opaque' } })).status
  t.equal(await token(), 200)
  active = false
  t.equal(await token(), 200, 'it is remembered')
  return { op, server, browser, token }
}

t.test('T18: who signs out everywhere is forgotten', async (t) => {
  const { server, browser, token } = await setup(t)
  t.equal((await call(browser, server, '/auth/logout?everywhere=true', { method: 'POST' })).status, 200)
  t.equal(await token(), 401)
})

t.test('T18: who signs out here alone is not, elsewhere', async (t) => {
  const { server, browser, token } = await setup(t)
  t.equal((await call(browser, server, '/auth/logout', { method: 'POST' })).status, 200)
  t.equal(await token(), 200)
})

t.test('T18: whom the provider signs out is forgotten', async (t) => {
  const { op, server, token } = await setup(t)
  const logoutToken = await op.sign({
    iss: op.issuer, aud: 'client', iat: Math.floor(Date.now() / 1000), jti: randomUUID(), sub: 'alice', events: { 'http://schemas.openid.net/event/backchannel-logout': {} }
  }, { header: { typ: 'logout+jwt' } })
  t.equal((await fetch(`${server.url}/auth/backchannel-logout/corp`, { method: 'POST', body: new URLSearchParams({ logout_token: logoutToken }) })).status, 200)
  t.equal(await token(), 401)
})
