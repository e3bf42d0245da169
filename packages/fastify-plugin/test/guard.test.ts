import { ConsentryError } from '@consentry/core'
import { createClock, signIn } from '@consentry/testing'
import Fastify from 'fastify'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import t from 'tap'
import consentry, { type RouteAuth } from '../src/index.ts'
import { audience, issuer, tokenIssuer } from './jwt.ts'
import { call, codeOf, secret, startServer } from './server.ts'

t.test('seed D: a route says who may pass', async (t) => {
  const { jwks, sign } = await tokenIssuer()
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(consentry, { baseUrl: 'https://app.example.com', secret, providers: {}, identity: { jwt: { issuers: [{ issuer, audience, jwks }] } } })
  const route = (url: string, auth: RouteAuth | undefined): void => {
    app.post(url, auth === undefined ? {} : { config: { auth } }, async (request) => ({ userId: request.userInfo?.userId ?? null }))
  }
  route('/public', false)
  route('/unsaid', undefined)
  route('/signed-in', true)
  route('/groups', { groups: ['admins', 'owners'] })
  route('/roles', { roles: ['editor'] })
  route('/scopes', { scopes: ['read', 'write'] })
  route('/verified', { verified: true })
  route('/check', { check: (_userInfo, request) => (request.body as { pass?: unknown } | null)?.pass === 'yes' })
  route('/throws', { check: () => { throw new Error('a guard that throws') } })
  route('/forgets', { check: (() => 'yes') as unknown as () => boolean })
  const post = async (url: string, token?: string, payload?: object): Promise<number> => (await app.inject({
    method: 'POST', url, ...(payload !== undefined && { payload }), headers: token === undefined ? {} : { authorization: `Bearer ${token}` }
  })).statusCode

  for (const url of ['/public', '/unsaid']) t.equal(await post(url), 200, `${url} is open`)
  for (const url of ['/signed-in', '/groups', '/roles', '/scopes', '/verified', '/check', '/throws', '/forgets']) t.equal(await post(url), 401, `${url} is not`)

  const plain = await sign()
  const full = await sign({ groups: ['owners'], roles: ['editor'], scope: 'write read' })
  t.equal(await post('/signed-in', plain), 200)
  t.equal(await post('/verified', plain), 200)
  for (const url of ['/groups', '/roles', '/scopes']) {
    t.equal(await post(url, plain), 403)
    t.equal(await post(url, full), 200)
  }
  t.equal(await post('/check', plain, { pass: 'yes' }), 200, 'a check sees the parsed body')
  t.equal(await post('/check', plain, { pass: 'no' }), 403)
  t.equal(await post('/throws', full), 403, 'a guard that throws denies')
  t.equal(await post('/forgets', full), 403, 'only true passes')
  for (const groups of ['admins', [['admins']], { 0: 'admins' }, ['Admins'], ['admins '], [1], null]) {
    t.equal(await post('/groups', await sign({ groups })), 403, `T10 groups ${JSON.stringify(groups)}`)
  }
  t.equal(await post('/unsaid', `${plain}x`), 401, 'a bad credential is an error where nobody asked for one, too')
  t.equal(await post('/public', `${plain}x`), 200, 'but not on a public route')
})

t.test('seed D: guards are no patterns of paths: T11 no other spelling of a guarded path gets through', async (t) => {
  const app = Fastify({ routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, caseSensitive: false } })
  t.teardown(() => app.close())
  await app.register(consentry, { baseUrl: 'https://app.example.com', secret, providers: {} })
  app.get('/admin/:page', { config: { auth: true } }, async () => 'secret page')
  for (const url of ['/admin/x', '//admin/x', '/admin//x', '/ADMIN/x', '/admin/x/', '/%61dmin/x', '/admin/%78', '/./admin/x', '/x/../admin/x', '/admin/x?y=/public', '/admin;/x']) {
    for (const method of ['GET', 'HEAD'] as const) {
      const { statusCode, body } = await app.inject({ method, url })
      t.ok(statusCode === 401 || statusCode === 404, `${method} ${url}: ${statusCode}`)
      t.notMatch(body, /secret page/)
    }
  }
})

t.test('seed D: defaultAuth guards what says nothing, and the plugin\'s own ways in stay open', async (t) => {
  const server = await startServer(t, {
    options: { defaultAuth: { groups: ['staff'] } },
    routes: (app) => {
      app.get('/inner', async () => 'inner')
      app.get('/outer', { config: { auth: false } }, async () => 'outer')
      app.get('/admin', { config: { auth: { groups: ['admins'] } } }, async () => 'admin')
    }
  })
  const anonymous = await server.browser()
  t.equal((await call(anonymous, server, '/inner')).status, 401)
  t.equal((await call(anonymous, server, '/outer')).status, 200)
  t.equal((await call(anonymous, server, '/nowhere')).status, 404)
  t.equal((await call(anonymous, server, '/auth/status')).status, 200)
  const bob = await server.browser('bob')
  t.equal((await call(bob, server, '/inner')).status, 200)
  t.equal((await call(bob, server, '/admin')).status, 403)
  t.equal(codeOf(await bob.open(`${server.url}/admin`)), 'CONSENTRY_ERR_FORBIDDEN', 'a person gets a page')
  t.equal((await call(await server.browser('alice'), server, '/admin')).status, 200)
})

t.test('a browser is sent to the login and comes back where it was; a session that ran out is no obstacle', async (t) => {
  const server = await startServer(t, { routes: (app) => { app.get('/inner', { config: { auth: true } }, async (_request, reply) => reply.type('text/html').send('<title>Inner</title>')) } })
  const browser = await server.browser()
  browser.setCookie('__Host-consentry-session=long-gone; Path=/; Secure; HttpOnly', server.url)
  t.equal((await browser.open(`${server.url}/`)).status, 200, 'public pages still load')
  const page = await signIn(await browser.open(`${server.url}/inner?a=1&b=2`), 'alice')
  t.equal(page.url, `${server.url}/inner?a=1&b=2`)
  t.equal(page.title, 'Inner')
})

t.test('seed B: of two credentials that name different people none wins silently', async (t) => {
  const { jwks, sign } = await tokenIssuer()
  const server = await startServer(t, { options: { identity: { jwt: { issuers: [{ issuer, audience, jwks }] } } } })
  const alice = await server.browser('alice')
  const answer = await call(alice, server, '/auth/userinfo', { headers: { authorization: `Bearer ${await sign()}` } })
  t.equal(answer.status, 401)
  t.equal(codeOf(answer), 'CONSENTRY_ERR_CREDENTIAL_CONFLICT')
  const { issuer: corp } = server.op
  t.equal((await call(alice, server, '/auth/userinfo', { headers: { authorization: 'Bearer a.b.c' } })).status, 401, 'a bad one is never passed over')
  t.ok(corp)
})

t.test('a route whose guard makes no sense is refused when it is added (T17)', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(consentry, { baseUrl: 'https://app.example.com', secret, providers: {} })
  for (const auth of [{ group: ['admins'] }, { groups: 'admins' }, { groups: [] }, { scopes: [1] }, { check: 'yes' }, { maxAge: 5 }, 'admins', 1, null]) {
    t.throws(() => app.get('/x', { config: { auth: auth as never } }, async () => 'x'), { code: 'CONSENTRY_ERR_OPTIONS_INVALID', message: /GET \/x/ }, JSON.stringify(auth))
  }
})

t.test('step-up: a sign-in that is too old, or of another kind, is done again by the same person', async (t) => {
  const server = await startServer(t, {
    routes: (app) => {
      app.get('/recent', { config: { auth: { maxAge: 300 } } }, async (_request, reply) => reply.type('text/html').send('<title>Recent</title>'))
      app.get('/strong', { config: { auth: { acr: ['urn:example:strong'] } } }, async () => 'strong')
    }
  })
  const alice = await server.browser('alice')
  const program = await call(alice, server, '/recent')
  t.equal(program.status, 401)
  t.match(program.json(), { code: 'CONSENTRY_ERR_STEP_UP_REQUIRED' })
  t.equal(program.headers.get('www-authenticate'), 'Bearer error="insufficient_user_authentication", max_age="300"', 'RFC 9470')
  t.match((await call(alice, server, '/strong')).headers.get('www-authenticate'), 'acr_values="urn:example:strong"')

  const { authorizations } = server.op.ledger
  t.equal((await alice.open(`${server.url}/recent`)).title, 'Recent', 'through the login and back')
  t.ok(server.op.ledger.authorizations > authorizations)
  t.equal((await call(alice, server, '/recent')).status, 200, 'and then it holds')

  server.op.endSessions()
  const asBob = await signIn(await alice.open(`${server.url}/auth/login/corp?max_age=0&return_to=/recent`), 'bob')
  t.equal(codeOf(asBob), 'CONSENTRY_ERR_ACCOUNT_MISMATCH')
  t.match((await call(alice, server, '/auth/userinfo')).json(), { preferredUsername: 'alice' }, 'and nobody else')

  server.op.endSessions()
  const weak = await signIn(await alice.open(`${server.url}/strong`), 'alice')
  t.equal(codeOf(weak), 'CONSENTRY_ERR_STEP_UP_REQUIRED', 'what the provider cannot give is not asked for in a circle')
})

t.test('step-up: the form for a password proves again who is there, but in no other way', async (t) => {
  const clock = createClock()
  const server = await startServer(t, {
    options: { clock, login: ['basic'], identity: { basic: { realm: 'files', check: (username, password) => password === 'right' && (username === 'bob' ? { acr: 'strong' } : {}) } } },
    routes: (app) => {
      app.get('/recent', { config: { auth: { maxAge: 300 } } }, async (_request, reply) => reply.type('text/html').send('<title>Recent</title>'))
      app.get('/strong', { config: { auth: { acr: ['strong'], maxAge: 300 } } }, async (_request, reply) => reply.type('text/html').send('<title>Strong</title>'))
    }
  })
  const alice = await server.browser()
  const strong = await (await alice.open(`${server.url}/strong`)).submit({ username: 'alice', password: 'right' })
  t.equal(strong.status, 403, 'no circle')
  t.equal(codeOf(strong), 'CONSENTRY_ERR_STEP_UP_REQUIRED')
  const program = await call(alice, server, '/strong')
  t.equal(program.status, 403)
  t.equal(program.headers.get('www-authenticate'), null)
  t.equal((await alice.open(`${server.url}/recent`)).title, 'Recent')

  await clock.advance(331_000)
  t.match((await call(alice, server, '/recent')).headers.get('www-authenticate'), 'max_age="300"')
  const form = await alice.open(`${server.url}/recent`)
  t.equal(new URL(form.url).pathname, '/auth/login/basic')
  t.equal((await form.submit({ username: 'alice', password: 'right' })).title, 'Recent', 'through the form and back')

  const bob = await server.browser()
  t.equal((await (await bob.open(`${server.url}/strong`)).submit({ username: 'bob', password: 'right' })).title, 'Strong', 'what the check says of the sign-in counts')
  await clock.advance(331_000)
  t.equal((await (await bob.open(`${server.url}/strong`)).submit({ username: 'bob', password: 'right' })).title, 'Strong')
})

t.test('T11 T17 routes of a context that was there before the plugin are guarded too', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(async (scope) => {
    scope.get('/admin', { config: { auth: true } }, async () => 'secret page')
    scope.get('/groups', { config: { auth: { groups: ['admins'] } } }, async () => 'secret page')
    scope.get('/unsaid', async () => 'secret page')
  })
  await app.register(consentry, { baseUrl: 'https://app.example.com', secret, providers: {}, defaultAuth: true })
  for (const url of ['/admin', '/groups', '/unsaid']) t.equal((await app.inject(url)).statusCode, 401, url)
})

t.test('nobody is sent to the sign-in in a circle: only where it mends what is wrong', async (t) => {
  const { jwks, sign } = await tokenIssuer()
  const server = await startServer(t, {
    options: { identity: { jwt: { issuers: [{ issuer, audience, jwks }] } } },
    routes: (app) => {
      app.get('/inner', { config: { auth: true } }, async (_request, reply) => reply.type('text/html').send('<title>Inner</title>'))
      app.get('/throws', async () => { throw new ConsentryError('CONSENTRY_ERR_CREDENTIAL_INVALID') })
    }
  })
  const alice = await server.browser('alice')
  const cookie = alice.cookieHeader(server.url)
  const open = (headers: Record<string, string>) => fetch(`${server.url}/inner`, { redirect: 'manual', headers: { accept: 'text/html', ...headers } })
  for (const [headers, code] of [
    [{ cookie, authorization: `Bearer ${await sign()}` }, 'CONSENTRY_ERR_CREDENTIAL_CONFLICT'],
    [{ cookie, authorization: 'Bearer a.b.c' }, 'CONSENTRY_ERR_CREDENTIAL_INVALID'],
    [{ authorization: 'Bearer a.b.c' }, 'CONSENTRY_ERR_CREDENTIAL_INVALID'],
    [{ cookie: `${cookie}; ${cookie}` }, 'CONSENTRY_ERR_CREDENTIAL_INVALID']
  ] as Array<[Record<string, string>, string]>) {
    const page = await open(headers)
    t.equal(page.status, 401, JSON.stringify(Object.keys(headers)))
    t.equal(codeOf({ text: await page.text() }), code)
    t.equal(page.headers.get('set-cookie'), null, 'a good session stays')
  }
  t.equal((await call(alice, server, '/auth/userinfo')).status, 200)
  const foreign = await fetch(`${server.url}/throws`, { headers: { cookie } })
  t.equal(foreign.status, 401)
  t.equal(foreign.headers.get('set-cookie'), null, 'what an application finds wrong with something else ends no session')
  const stale = await open({ cookie: '__Host-consentry-session=over' })
  t.equal(stale.status, 303)
  t.match(stale.headers.get('set-cookie'), /__Host-consentry-session=;/)
  for (const [path, status] of [['/inner', 401], ['/auth/userinfo', 401], ['/auth/status', 200]] as const) {
    const told = async (headers: Record<string, string>) => fetch(server.url + path, { headers: { accept: 'application/json', ...headers } })
    const program = await told({ cookie: '__Host-consentry-session=over' })
    t.equal(program.status, status, path)
    t.match(program.headers.get('set-cookie'), /__Host-consentry-session=;/, `${path}: a program's browser forgets it too`)
    t.equal((await told({ cookie })).headers.get('set-cookie'), null, 'a good session stays')
    t.equal((await told({ cookie: '__Host-consentry-session=over', authorization: 'Bearer a.b.c' })).headers.get('set-cookie'), null, 'what was refused is the token')
  }
})

t.test('a session that ran out is no credential, and none beside another', async (t) => {
  const { jwks, sign } = await tokenIssuer()
  const server = await startServer(t, { options: { identity: { jwt: { issuers: [{ issuer, audience, jwks }] } } }, routes: (app) => { app.get('/me', async (request) => request.userInfo) } })
  const me = async (headers: Record<string, string>) => fetch(`${server.url}/me`, { headers: { cookie: '__Host-consentry-session=over', ...headers } })
  t.equal(await (await me({})).text(), 'null')
  t.match(await (await me({ authorization: `Bearer ${await sign()}` })).json(), { source: 'jwt', subject: 'carol' })
  t.equal((await me({ authorization: 'Bearer a.b.c' })).status, 401)
})

t.test('T4: a guarded URL that nobody can be sent back to leads to the sign-in all the same', async (t) => {
  const server = await startServer(t, { routes: (app) => { app.get('/g', { config: { auth: true } }, async () => 'g') } })
  const { port } = new URL(server.url)
  for (const path of ['/g?\\x', `${server.url}/g`, '/g?' + 'x'.repeat(3000)]) {
    const request = get({ port, path, headers: { accept: 'text/html' } })
    const [answer] = await once(request, 'response') as [IncomingMessage]
    answer.resume()
    t.equal(answer.statusCode, 303, path.slice(0, 30))
    t.equal(answer.headers.location, '/auth/login?return_to=%2F')
  }
})
