import { ConsentryError, memoryState, type StateStore } from '@consentry/core'
import { oauth2, oidc } from '@consentry/providers'
import { createClock, signIn, startHostileProvider } from '@consentry/testing'
import { userId as userIdOf } from '@consentry/user-identity'
import t from 'tap'
import { hashPassword, passwordTable } from '../src/index.ts'
import { call, codeOf, startServer } from './server.ts'

t.test('seed D: with several providers the person chooses', async (t) => {
  const server = await startServer(t)
  const { issuer } = server.op
  const several = await startServer(t, {
    options: {
      login: ['corp', 'other'],
      providers: {
        corp: oidc({ issuer, clientId: 'corp', clientSecret: 'secret-of-corp', allowInsecureLoopback: true }),
        other: oidc({ issuer, clientId: 'other', label: 'Other <b>Ltd</b>', allowInsecureLoopback: true })
      }
    }
  })
  const browser = await several.browser()
  const page = await browser.open(`${several.url}/auth/login?return_to=/where`)
  t.equal(page.status, 200)
  t.notMatch(page.text, '<b>', 'T9 a label is text')
  const chosen = await browser.open(new URL(/href="([^"]*login\/other[^"]*)"/.exec(page.text)?.[1] ?? '', several.url), { stopAt: (url) => url.origin === issuer })
  t.equal(new URL(chosen.next ?? '').searchParams.get('client_id'), 'other')
})

t.test('a provider may start a sign-in (OpenID Connect Core section 4)', async (t) => {
  const server = await startServer(t, { routes: (app) => { app.get('/inbox', { config: { auth: true } }, async (_request, reply) => reply.type('text/html').send('<title>Inbox</title>')) } })
  const browser = await server.browser()
  const start = (parameters: Record<string, string>): string => `${server.url}/auth/login?${new URLSearchParams(parameters).toString()}`
  const hinted = await browser.open(start({ iss: server.op.issuer, login_hint: 'alice', target_link_uri: `${server.url}/inbox` }), { stopAt: (url) => url.origin === server.op.issuer })
  t.equal(new URL(hinted.next ?? '').searchParams.get('login_hint'), 'alice')
  t.equal((await signIn(await hinted.follow(), 'alice')).title, 'Inbox')

  const posted = await fetch(`${server.url}/auth/login`, { method: 'POST', redirect: 'manual', headers: { origin: server.op.issuer, 'sec-fetch-site': 'cross-site' }, body: new URLSearchParams({ iss: server.op.issuer }) })
  t.equal(posted.status, 303)
  t.match(posted.headers.get('location'), /^\/auth\/login\/corp\?/)

  const bare = await fetch(start({ iss: server.op.issuer, target_link_uri: server.url }), { redirect: 'manual' })
  t.equal(bare.headers.get('location'), '/auth/login/corp?return_to=%2F', 'the bare origin is a page too')

  const anonymous = await server.browser()
  await anonymous.open(`${server.url}/`)
  for (const [parameters, code] of [
    [{ iss: 'https://evil.example' }, 'PROVIDER_UNKNOWN'],
    [{ iss: `${server.op.issuer}/` }, 'PROVIDER_UNKNOWN'],
    [{ iss: server.op.issuer, target_link_uri: 'https://evil.example/' }, 'RETURN_TO_INVALID'],
    [{ iss: server.op.issuer, target_link_uri: `${server.url}.evil.example/` }, 'RETURN_TO_INVALID'],
    [{ iss: server.op.issuer, target_link_uri: `${server.url}//evil.example/` }, 'RETURN_TO_INVALID'],
    [{ iss: server.op.issuer, login_hint: 'a\r\nb' }, 'MESSAGE_INVALID']
  ] as const) t.equal(codeOf(await call(anonymous, server, start(parameters))), `CONSENTRY_ERR_${code}`, JSON.stringify(parameters))
})

t.test('B1 B7 who signs in is the account, not the e-mail it names', async (t) => {
  const op = await startHostileProvider()
  t.teardown(() => op.close())
  const server = await startServer(t, { options: {
    providers: {
      corp: oauth2({
        clientId: 'client',
        clientSecret: 'secret',
        authorizationEndpoint: `${op.issuer}/authorize`,
        tokenEndpoint: `${op.issuer}/token`,
        userinfoEndpoint: `${op.issuer}/userinfo`,
        issuer: op.issuer,
        subjectClaim: 'id',
        allowInsecureLoopback: true
      })
    }
  } })
  const userIds: string[] = []
  for (const account of [{ id: 1, email: 'alice@example.com' }, { id: 666, email: 'alice@example.com' }, { id: 7, email: null }]) {
    op.overrides.userinfo = () => ({ body: account })
    const browser = await server.browser()
    await browser.open(`${server.url}/auth/login`)
    const { userId, subject } = (await call(browser, server, '/auth/userinfo')).json<{ userId: string, subject: string }>()
    t.equal(subject, String(account.id))
    userIds.push(userId)
  }
  t.equal(new Set(userIds).size, 3)
})

t.test('seed D: the cookie of a session is secure, and no script reads it', async (t) => {
  const server = await startServer(t, { options: { login: ['basic'], identity: { basic: { realm: 'files', check: () => true } } } })
  const answer = await fetch(`${server.url}/auth/login/basic`, { method: 'POST', redirect: 'manual', headers: { origin: server.url }, body: new URLSearchParams({ username: 'carol', password: 'x' }) })
  t.match(answer.headers.get('set-cookie'), /^__Host-consentry-session=[\w-]{22,}; Max-Age=604800; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
})

t.test('seed D: signing in by a form, where it is configured', async (t) => {
  const hash = await hashPassword('pass:word')
  const identity = { basic: { realm: 'files', check: passwordTable({ carol: { hash, claims: { groups: ['staff'] } } }) } }
  // Failures are counted in windows of the clock, which stands still here.
  const server = await startServer(t, { options: { login: ['corp', 'basic'], identity, clock: createClock() } })
  const browser = await server.browser()
  const page = await browser.open(`${server.url}/auth/login?return_to=${encodeURIComponent('/?x=<b>')}`)
  t.match(page.text, /auth\/login\/corp/, 'beside the providers')
  const wrong = await page.submit({ username: 'carol"><b>', password: 'wrong' })
  t.equal(wrong.status, 401)
  t.match(wrong.text, 'is not right')
  t.notMatch(wrong.text, '<b>', 'T9')
  t.equal((await wrong.submit({ username: 'carol', password: 'wrong' })).status, 401)
  const signedIn = await wrong.submit({ username: 'carol', password: 'pass:word' })
  t.equal(signedIn.url, `${server.url}/?x=%3Cb%3E`)
  const me = (await call(browser, server, '/auth/userinfo')).json<{ userId: string }>()
  t.match(me, { source: 'session', verified: true, subject: 'carol', groups: ['staff'] })
  const direct = await fetch(`${server.url}/auth/userinfo`, { headers: { authorization: `Basic ${Buffer.from('carol:pass:word').toString('base64')}` } })
  t.equal((await direct.json() as { userId: string }).userId, me.userId, 'the same person by header')

  const post = (headers: Record<string, string>, password = 'pass:word') => fetch(`${server.url}/auth/login/basic`, { method: 'POST', redirect: 'manual', headers, body: new URLSearchParams({ username: 'carol', password }) })
  for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }, { origin: 'null' }] as Array<Record<string, string>>) {
    t.equal((await post(headers)).status, 403, `T3 ${JSON.stringify(headers)}`)
  }
  const before = browser.cookies(server.url).find(({ name }) => name.endsWith('session'))?.value
  await (await browser.open(`${server.url}/auth/login`)).submit({ username: 'carol', password: 'pass:word' })
  t.not(browser.cookies(server.url).find(({ name }) => name.endsWith('session'))?.value, before, 'B19 a new session')
  t.same((await call(browser, server, '/auth/logout', { method: 'POST' })).json(), { redirectTo: null })
  t.equal((await call(browser, server, '/auth/userinfo')).status, 401)

  const statuses: number[] = []
  for (let guess = 0; guess < 10; guess++) statuses.push((await post({ origin: server.url }, `guess ${guess}`)).status)
  t.same(statuses, [...Array<number>(9).fill(401), 429], 'with the one above, ten')
  t.equal((await fetch(`${server.url}/auth/login/corp`, { redirect: 'manual' })).status, 303, 'which holds up no other way in')
})

t.test('B1: of an account the subject is what the provider was asked for, whatever else its claims call by that name', async (t) => {
  const op = await startHostileProvider()
  t.teardown(() => op.close())
  op.overrides.userinfo = () => ({ body: { id: 7, sub: 'somebody-else' } })
  const corp = oauth2({
    clientId: 'client', clientSecret: 'secret', authorizationEndpoint: `${op.issuer}/authorize`, tokenEndpoint: `${op.issuer}/token`,
    userinfoEndpoint: `${op.issuer}/userinfo`, issuer: op.issuer, subjectClaim: 'id', allowInsecureLoopback: true
  })
  const server = await startServer(t, { options: { providers: { corp } } })
  const browser = await server.browser()
  await browser.open(`${server.url}/auth/login`)
  const { userId, subject } = (await call(browser, server, '/auth/userinfo')).json<{ userId: string, subject: string }>()
  t.equal(subject, '7')
  t.equal(userId, userIdOf({ issuer: op.issuer, subject: '7' }))
})

t.test('T1 B19: a flow cookie that is there twice counts for neither, and one that did its work goes', async (t) => {
  const server = await startServer(t)
  const browser = await server.browser()
  const stopped = await signIn(await browser.open(`${server.url}/auth/login`), 'alice', { stopAt: (url) => url.pathname.startsWith('/auth/callback/') })
  const cookie = browser.cookieHeader(server.url)
  const name = cookie.split('=', 1)[0] ?? ''
  for (const twice of [`${cookie}; ${cookie}`, `${cookie}; ${name}=9999999999999.planted`, `${name}=9999999999999.planted; ${cookie}`]) {
    const answer = await fetch(stopped.next ?? '', { redirect: 'manual', headers: { cookie: twice } })
    t.equal(answer.status, 400)
    t.equal(codeOf({ text: await answer.text() }), 'CONSENTRY_ERR_BINDING_MISMATCH')
  }
  t.equal((await stopped.follow()).status, 200)
  t.same(browser.cookies(server.url).map((each) => each.name), ['__Host-consentry-session'])
})

t.test('who is signed in is told so, though the flow cannot be settled', async (t) => {
  const inner = memoryState()
  let down = false
  const stateStore: StateStore = {
    ...inner,
    async compareAndSet (key, expected, value, ttl) {
      if (down && value?.includes('"settled"') === true) throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE')
      return inner.compareAndSet(key, expected, value, ttl)
    }
  }
  const server = await startServer(t, { options: { stateStore } })
  const browser = await server.browser()
  const form = await browser.open(`${server.url}/auth/login`)
  down = true
  t.equal((await signIn(form, 'alice')).url, `${server.url}/`)
  t.equal((await call(browser, server, '/auth/userinfo')).status, 200)
  t.match(server.log.lines().find(({ msg }) => msg === 'settling a sign-in failed'), { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE' })
})

t.test('of two providers on one host a person can tell which is which', async (t) => {
  const { issuer } = (await startServer(t)).op
  const provider = oidc({ issuer, clientId: 'client', allowInsecureLoopback: true })
  const server = await startServer(t, { options: { login: ['staff', 'guests', 'other'], providers: { staff: provider, guests: provider, other: oidc({ issuer, clientId: 'client', label: 'Other', allowInsecureLoopback: true }) } } })
  const { text } = await (await server.browser()).open(`${server.url}/auth/login`)
  const labels = [...text.matchAll(/<a class="button quiet" href="[^"]*">([^<]+)</g)].map(([, label]) => label)
  const { host } = new URL(issuer)
  t.same(labels, [`${host} (staff)`, `${host} (guests)`, 'Other'])
})
