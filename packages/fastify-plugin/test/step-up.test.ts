import { oauth2 } from '@consentry/providers'
import { createClock, startHostileProvider } from '@consentry/testing'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { hashPassword, passwordTable } from '../src/index.ts'
import { hostileServer } from './hostile-server.ts'
import { call, codeOf, startServer } from './server.ts'

const recent = (app: FastifyInstance): void => { app.get('/recent', { config: { auth: { maxAge: 300 } } }, async (_request, reply) => reply.type('text/html').send('<title>Recent</title>')) }

t.test('a sign-in of the future is none', async (t) => {
  const { op, server } = await hostileServer(t, { routes: recent })
  const now = Math.floor(Date.now() / 1000)
  for (const [authTime, status] of [[now - 10, 200], [now + 3600, 401], [4_000_000_000, 401], [now - 3600, 401]] as const) {
    op.idToken.claims = { auth_time: authTime }
    const browser = await server.browser()
    await browser.open(`${server.url}/auth/login`)
    t.equal((await call(browser, server, '/recent')).status, status, `auth_time ${authTime - now} s from now`)
  }
})

t.test('a step-up through the form for a password counts from now', async (t) => {
  const check = passwordTable({ carol: { hash: await hashPassword('pass:word'), claims: { auth_time: 1 } } })
  const server = await startServer(t, { options: { login: ['basic'], identity: { basic: { realm: 'files', check } } }, routes: recent })
  const browser = await server.browser()
  const before = Math.floor(Date.now() / 1000)
  const page = await (await browser.open(`${server.url}/recent`)).submit({ username: 'carol', password: 'pass:word' })
  t.equal(page.title, 'Recent')
  const { claims } = (await call(browser, server, '/auth/userinfo')).json<{ claims: { auth_time: number } }>()
  t.ok(claims.auth_time >= before && claims.auth_time <= Math.ceil(Date.now() / 1000))
})

t.test('a path that is too long to come back to is no reason not to step up', async (t) => {
  const { op, server } = await hostileServer(t, { routes: recent })
  op.idToken.claims = { auth_time: 1 }
  const browser = await server.browser()
  await browser.open(`${server.url}/auth/login`)
  op.idToken.claims = { auth_time: Math.floor(Date.now() / 1000) }
  t.equal((await browser.open(`${server.url}/recent?${'x'.repeat(3000)}`)).title, 'Home')
  t.equal((await call(browser, server, '/recent')).status, 200)
})

t.test('a provider that does not tell when a person signed in is not asked in a circle', async (t) => {
  const op = await startHostileProvider()
  t.teardown(() => op.close())
  op.account['auth_time'] = Math.floor(Date.now() / 1000)
  const corp = oauth2({
    clientId: 'client', clientSecret: 'secret', authorizationEndpoint: `${op.issuer}/authorize`, tokenEndpoint: `${op.issuer}/token`,
    userinfoEndpoint: `${op.issuer}/userinfo`, issuer: op.issuer, allowInsecureLoopback: true
  })
  const server = await startServer(t, { options: { providers: { corp } }, routes: recent })
  const browser = await server.browser()
  await browser.open(`${server.url}/auth/login`)
  t.equal((await call(browser, server, '/recent')).status, 401)
  t.equal(codeOf(await browser.open(`${server.url}/recent`)), 'CONSENTRY_ERR_STEP_UP_REQUIRED')
})

t.test('a provider that signs a person in otherwise than asked is not asked in a circle', async (t) => {
  const { op, server } = await hostileServer(t, { routes: (app) => { app.get('/strong', { config: { auth: { acr: ['strong', 'stronger'] } } }, async (_request, reply) => reply.type('text/html').send('<title>Strong</title>')) } })
  const browser = await server.browser()
  await browser.open(`${server.url}/auth/login`)
  const session = browser.cookieHeader(server.url)
  for (const acr of [undefined, 'weak', ['strong'], 'strong stronger', 1]) {
    op.idToken.claims = { acr }
    t.equal(codeOf(await browser.open(`${server.url}/strong`)), 'CONSENTRY_ERR_STEP_UP_REQUIRED', JSON.stringify(acr))
    t.ok(browser.cookieHeader(server.url).includes(session), 'the session is as it was')
  }
  op.idToken.claims = { acr: 'stronger' }
  t.equal((await browser.open(`${server.url}/strong`)).title, 'Strong')
  t.equal(op.ledger.requests.authorize.at(-1)?.parameters.get('acr_values'), 'strong stronger')
})

t.test('a step-up through the form for a password is for the same person', async (t) => {
  const clock = createClock()
  const server = await startServer(t, { options: { clock, login: ['corp', 'basic'], identity: { basic: { realm: 'files', check: (_username, password) => password === 'right' } } }, routes: recent })
  const browser = await server.browser()
  await (await browser.open(`${server.url}/auth/login`)).submit({ username: 'carol', password: 'right' })
  await clock.advance(331_000)
  const form = await browser.open(`${server.url}/recent`)
  t.notMatch(form.text, 'login/corp', 'nor in another way')
  const wrong = await form.submit({ username: 'carol', password: 'wrong' })
  const other = await wrong.submit({ username: 'bob', password: 'right' })
  t.equal(other.status, 409)
  t.equal(codeOf(other), 'CONSENTRY_ERR_ACCOUNT_MISMATCH')
  t.match((await call(browser, server, '/auth/userinfo')).json(), { subject: 'carol' }, 'and nobody else')
  t.equal((await form.submit({ username: 'carol', password: 'right' })).title, 'Recent')
})
