import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import type { JSONWebKeySet } from 'jose'
import t from 'tap'
import { consent, createBrowser, signIn, startLocalProvider } from '../src/index.ts'
import type { Browser, LocalProvider, LocalProviderOptions, Page } from '../src/index.ts'

const callback = 'http://127.0.0.1:65000/auth/callback/op'
const home = 'http://127.0.0.1:65000/'
const secrets: Readonly<Record<string, string>> = { calendar: 'calendar secret', corp: 'corp:secret' }

async function withProvider (options: LocalProviderOptions, run: (op: LocalProvider) => Promise<void>): Promise<void> {
  const op = await startLocalProvider({
    issuerHost: 'localhost',
    clients: [
      { clientId: 'calendar', clientSecret: 'calendar secret', name: 'Report <demo>', redirectUris: [callback], postLogoutRedirectUris: [home] },
      { clientId: 'corp', clientSecret: 'corp:secret', firstParty: true, redirectUris: [callback] },
      { clientId: 'public', redirectUris: [callback], scopes: ['openid', 'calendar.read'], refreshTokens: false }
    ],
    ...options
  })
  try {
    await run(op)
    t.same(op.ledger.errors, [], 'the provider had no fault of its own')
  } finally {
    await op.close()
  }
}

interface Authorization {
  url: string
  verifier: string
}

function authorization (op: LocalProvider, clientId: string, scope: string, more: Record<string, string> = {}): Authorization {
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: callback,
    scope,
    state: 'the state',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...more
  })
  return { url: `${op.issuer}/authorize?${query.toString()}`, verifier }
}

const userAgent = (): Browser => createBrowser({ stopAt: ({ port }) => port === '65000' })

const answerOf = ({ next }: Page): Record<string, string> => Object.fromEntries(new URL(next ?? 'missing:').searchParams)

interface TokenAnswer {
  status: number
  body: { access_token: string, refresh_token: string, id_token: string, scope: string, token_type: string, expires_in: number, error?: string }
}

async function tokenRequest (op: LocalProvider, clientId: string, body: Record<string, string>): Promise<TokenAnswer> {
  const secret = secrets[clientId]
  const form = new URLSearchParams(secret === undefined ? { client_id: clientId, ...body } : body)
  const headers: Record<string, string> = secret === undefined
    ? {}
    : { authorization: `Basic ${btoa(`${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`)}` }
  const response = await fetch(`${op.issuer}/token`, { method: 'POST', headers, body: form })
  return { status: response.status, body: await response.json() as TokenAnswer['body'] }
}

async function exchange (op: LocalProvider, clientId: string, page: Page, { verifier }: Authorization): Promise<TokenAnswer> {
  return tokenRequest(op, clientId, { grant_type: 'authorization_code', code: answerOf(page).code ?? '', redirect_uri: callback, code_verifier: verifier })
}

async function grantOf (op: LocalProvider, username: string, scope = 'openid calendar.read'): Promise<TokenAnswer['body']> {
  const request = authorization(op, 'calendar', scope)
  const page = await consent(await signIn(await userAgent().open(request.url), username), 'allow')
  return (await exchange(op, 'calendar', page, request)).body
}

const bearer = async (op: LocalProvider, path: string, token: string): Promise<Response> =>
  fetch(op.issuer + path, { headers: { authorization: `Bearer ${token}` } })

t.test('a code flow with consent, from the first request to the calendar', async (t) => withProvider({}, async (op) => {
  const browser = userAgent()
  const request = authorization(op, 'calendar', 'openid email groups calendar.read offline_access', { nonce: 'the nonce' })
  let page = await browser.open(request.url)
  t.match(page.title, /^Sign in/)
  t.match(page.text, 'Report &lt;demo&gt;', 'names are escaped')
  t.match(page.headers.get('content-security-policy'), "default-src 'none'")

  page = await signIn(page, 'nobody')
  t.equal(page.status, 400)
  t.match(page.text, 'There is no such account.')
  t.match(page.text, 'value="nobody"')
  page = await signIn(page, 'alice', { password: '' })
  t.match(page.text, 'Type a password')

  page = await signIn(page, 'alice')
  t.match(page.title, /^Allow access/)
  t.match(page.text, 'See the events in your calendar')
  t.match(page.text, '127.0.0.1:65000')
  page = await consent(page, 'allow')
  t.match(answerOf(page), { state: 'the state', iss: op.issuer })

  const { status, body } = await exchange(op, 'calendar', page, request)
  t.equal(status, 200)
  t.match(body, { token_type: 'Bearer', expires_in: 3600, refresh_token: String })
  t.equal(body.scope, 'openid email groups calendar.read')

  const jwks = createLocalJWKSet(await (await fetch(`${op.issuer}/jwks`)).json() as JSONWebKeySet)
  const { payload } = await jwtVerify(body.id_token, jwks, { issuer: op.issuer, audience: 'calendar' })
  t.equal(payload.nonce, 'the nonce')
  t.notOk(payload.email, 'the claims of scopes are at userinfo')
  const userinfo = await (await bearer(op, '/userinfo', body.access_token)).json()
  t.same(userinfo, { sub: payload.sub, email: 'alice@example.com', email_verified: true, groups: ['staff', 'admins'] })

  const response = await bearer(op, '/calendar/events', body.access_token)
  t.equal(response.headers.get('cache-control'), 'no-store')
  const { events } = await response.json() as { events: unknown[] }
  t.match(events, [{ id: 'alice-1', title: String, start: /Z$/, end: /Z$/ }])
  t.ok(events.length >= 3)

  t.equal((await exchange(op, 'calendar', page, request)).body.error, 'invalid_grant', 'a code works once')
  t.match(op.ledger, { token: { authorization_code: 2, refresh_token: 0 }, userinfo: 1, calendar: 1, jwks: 1, authorizations: 1 })
  t.same(op.ledger.codes, [answerOf(page).code, answerOf(page).code])
  for (const secret of [body.access_token, body.refresh_token, body.id_token, request.verifier]) t.ok(op.ledger.secrets.has(secret))
}))

t.test('PKCE is required', async (t) => withProvider({}, async (op) => {
  const { url } = authorization(op, 'calendar', 'openid', { code_challenge: '', code_challenge_method: '' })
  t.match(answerOf(await userAgent().open(url)), { error: 'invalid_request' })
}))

t.test('consent is asked once per scope and session, and again when the request says so', async (t) => withProvider({}, async (op) => {
  const browser = userAgent()
  const go = async (scope: string, more: Record<string, string> = {}): Promise<Page> => browser.open(authorization(op, 'calendar', scope, more).url)
  t.ok(answerOf(await consent(await signIn(await go('openid calendar.read'), 'alice'), 'allow')).code)
  t.ok(answerOf(await go('openid calendar.read')).code)

  const more = await go('openid calendar.read calendar.write')
  t.match(more.text, 'Add and change events')
  t.notMatch(more.text, 'See the events')
  t.match(answerOf(await consent(more, 'deny')), { error: 'access_denied', state: 'the state', iss: op.issuer })

  const again = await go('openid calendar.read', { prompt: 'consent' })
  t.match(again.text, 'See the events')
  t.ok(answerOf(await consent(again, 'allow')).code)
  t.match(answerOf(await browser.open(authorization(op, 'corp', 'openid profile email').url)).code, /./, 'a client of the house does not ask')
}))

t.test('prompt=none, login and select_account', async (t) => withProvider({}, async (op) => {
  const browser = userAgent()
  const go = async (more: Record<string, string> = {}): Promise<{ page: Page, request: Authorization }> => {
    const request = authorization(op, 'corp', 'openid', more)
    return { request, page: await browser.open(request.url) }
  }
  const subject = async ({ page, request }: Awaited<ReturnType<typeof go>>): Promise<string | undefined> =>
    decodeJwt((await exchange(op, 'corp', page, request)).body.id_token).sub

  t.equal(answerOf((await go({ prompt: 'none' })).page).error, 'login_required')
  const cancelled = await go()
  t.equal(answerOf(await cancelled.page.submit({}, { button: 'Cancel' })).error, 'access_denied')
  const first = await go({ login_hint: 'alice' })
  t.match(first.page.text, 'value="alice"')
  const alice = await subject({ ...first, page: await signIn(first.page, 'alice') })
  t.ok(alice)
  t.not(alice, 'alice')
  t.equal(await subject(await go({ prompt: 'none' })), alice)

  const login = await go({ prompt: 'login' })
  t.match(login.page.title, /^Sign in/)
  t.equal(await subject({ ...login, page: await signIn(login.page, 'alice') }), alice)

  const choice = await go({ prompt: 'select_account' })
  t.match(choice.page.title, /^Choose an account/)
  t.equal(await subject({ ...choice, page: await choice.page.submit({}, { button: 'Continue as Alice Novak' }) }), alice)

  const other = await go({ prompt: 'select_account' })
  const bob = await subject({ ...other, page: await signIn(other.page, 'bob') })
  t.ok(bob)
  t.not(bob, alice)
  t.equal(await subject(await go()), bob)
}))

t.test('refresh tokens rotate, and one that is used twice ends the grant', async (t) => withProvider({ accessTokenTtl: 60 }, async (op) => {
  const { refresh_token: first } = await grantOf(op, 'alice', 'calendar.read')
  const second = await tokenRequest(op, 'calendar', { grant_type: 'refresh_token', refresh_token: first })
  t.equal(second.status, 200)
  t.equal(second.body.expires_in, 60)
  t.not(second.body.refresh_token, first)
  t.equal((await tokenRequest(op, 'calendar', { grant_type: 'refresh_token', refresh_token: first })).body.error, 'invalid_grant')
  t.equal((await tokenRequest(op, 'calendar', { grant_type: 'refresh_token', refresh_token: second.body.refresh_token })).body.error, 'invalid_grant')
  t.equal(op.ledger.token.refresh_token, 3)
}))

t.test('a public client without refresh tokens', async (t) => withProvider({}, async (op) => {
  const request = authorization(op, 'public', 'openid calendar.read')
  const page = await consent(await signIn(await userAgent().open(request.url), 'bob'), 'allow')
  const { status, body } = await exchange(op, 'public', page, request)
  t.equal(status, 200)
  t.notOk(body.refresh_token)
  t.match(answerOf(await userAgent().open(authorization(op, 'public', 'openid email').url)), { error: 'invalid_scope' })
}))

t.test('the calendar refuses as RFC 6750 says', async (t) => withProvider({}, async (op) => {
  const { access_token: bob } = await grantOf(op, 'bob')
  t.match(await (await bearer(op, '/calendar/events', bob)).json(), { events: [{ id: 'bob-1' }] })

  const none = await fetch(`${op.issuer}/calendar/events`)
  t.equal(none.status, 401)
  t.equal(none.headers.get('www-authenticate'), 'Bearer realm="calendar"')
  const wrong = await bearer(op, '/calendar/events', 'wrong')
  t.equal(wrong.status, 401)
  t.match(wrong.headers.get('www-authenticate'), 'error="invalid_token"')
  const { access_token: narrow } = await grantOf(op, 'bob', 'openid')
  const refused = await bearer(op, '/calendar/events', narrow)
  t.equal(refused.status, 403)
  t.match(refused.headers.get('www-authenticate'), 'error="insufficient_scope"')
  t.equal((await fetch(`${op.issuer}/calendar/events`, { method: 'DELETE' })).status, 405)
}))

t.test('who may write adds to the calendar', async (t) => withProvider({ accounts: [{ username: 'carol', events: [{ title: 'Choir', start: '2026-01-12T18:00:00Z', end: '2026-01-12T20:00:00Z' }] }] }, async (op) => {
  const add = async (token: string, event: unknown): Promise<Response> =>
    fetch(`${op.issuer}/calendar/events`, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body: JSON.stringify(event) })
  const event = { title: ' Rehearsal ', start: '2026-01-14T18:00:00Z', end: '2026-01-14T20:00:00Z' }

  const { access_token: reader } = await grantOf(op, 'carol')
  const refused = await add(reader, event)
  t.equal(refused.status, 403)
  t.match(refused.headers.get('www-authenticate'), 'error="insufficient_scope", scope="calendar.write"')

  const { access_token: writer } = await grantOf(op, 'carol', 'openid calendar.write')
  const added = await add(writer, event)
  t.equal(added.status, 201)
  t.match(await added.json(), { id: 'carol-2', title: 'Rehearsal' })
  t.equal((await bearer(op, '/calendar/events', writer)).status, 403, 'who may write may not read for that')
  t.match(await (await bearer(op, '/calendar/events', reader)).json(), { events: [{ title: 'Choir' }, { title: 'Rehearsal' }] })

  for (const wrong of [null, {}, { ...event, title: ' ' }, { ...event, title: 'x'.repeat(201) }, { ...event, start: 'today' }, { ...event, end: event.start }]) {
    t.equal((await add(writer, wrong)).status, 400, JSON.stringify(wrong))
  }
  const { access_token: bob } = await grantOf(op, 'bob')
  t.equal(((await (await bearer(op, '/calendar/events', bob)).json()) as { events: unknown[] }).events.length, 4, 'another calendar is as it was')
}))

t.test('two providers on one host, and a person signed in at both', async (t) => withProvider({}, async (op) => withProvider({ brand: 'Daybook', look: 'calendar' }, async (other) => {
  const browser = userAgent()
  const request = (at: LocalProvider, more: Record<string, string> = {}): string => authorization(at, 'corp', 'openid', more).url
  t.ok(answerOf(await signIn(await browser.open(request(op)), 'alice')).code)
  const page = await browser.open(request(other))
  t.match(page.title, 'Daybook')
  t.ok(answerOf(await signIn(page, 'bob')).code)
  for (const at of [op, other]) t.ok(answerOf(await browser.open(request(at, { prompt: 'none' }))).code, 'neither sign-in ended the other')
})))

t.test('tokens end by revocation and by the controls', async (t) => withProvider({}, async (op) => {
  const headers = { authorization: `Basic ${btoa('calendar:calendar%20secret')}` }
  const first = await grantOf(op, 'alice')
  t.equal((await fetch(`${op.issuer}/revoke`, { method: 'POST', headers, body: new URLSearchParams({ token: first.refresh_token }) })).status, 200)
  t.equal(op.ledger.revocations, 1)
  t.equal((await bearer(op, '/calendar/events', first.access_token)).status, 401)

  const second = await grantOf(op, 'alice')
  const introspect = async (): Promise<unknown> =>
    (await fetch(`${op.issuer}/introspect`, { method: 'POST', headers, body: new URLSearchParams({ token: second.access_token }) })).json()
  t.match(await introspect(), { active: true, client_id: 'calendar' })
  op.endAccessTokens()
  t.match(await introspect(), { active: false })
  const third = await tokenRequest(op, 'calendar', { grant_type: 'refresh_token', refresh_token: second.refresh_token })
  t.equal((await bearer(op, '/calendar/events', third.body.access_token)).status, 200)
  op.endGrants()
  t.equal((await bearer(op, '/calendar/events', third.body.access_token)).status, 401)
  t.equal((await tokenRequest(op, 'calendar', { grant_type: 'refresh_token', refresh_token: third.body.refresh_token })).body.error, 'invalid_grant')
}))

t.test('signing out here, with a return to the application and a logout token to it', async (t) => {
  const logoutTokens: string[] = []
  const application = createServer((req, res) => {
    req.setEncoding('utf8').on('data', (chunk: string) => logoutTokens.push(chunk)).on('end', () => res.end())
  })
  await new Promise<void>((resolve) => { application.listen(0, '127.0.0.1', resolve) })
  const address = application.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await withProvider({}, async (op) => {
    op.addClient({ clientId: 'late', redirectUris: [callback], firstParty: true, backchannelLogoutUri: `http://127.0.0.1:${port}/logout` })
    const browser = userAgent()
    const { access_token: token } = await grantOf(op, 'alice')
    t.ok(answerOf(await signIn(await browser.open(authorization(op, 'late', 'openid').url), 'alice')).code)
    const logout = `${op.issuer}/logout?${new URLSearchParams({ client_id: 'calendar', post_logout_redirect_uri: home, state: 'bye' }).toString()}`
    const page = await browser.open(logout)
    t.match(page.title, /^Sign out/)
    t.equal((await page.submit({}, { button: 'Sign out' })).next, `${home}?state=bye`)
    t.match(logoutTokens.join(''), /^logout_token=/)
    t.match((await browser.open(authorization(op, 'late', 'openid').url)).title, /^Sign in/)
    t.equal((await browser.open(logout)).next, `${home}?state=bye`, 'without a session there is nothing to ask')
    t.equal((await bearer(op, '/calendar/events', token)).status, 200, 'what was granted outlives the session')
  })
  application.close()
})

t.test('endSessions signs everyone out', async (t) => withProvider({}, async (op) => {
  const browser = userAgent()
  await signIn(await browser.open(authorization(op, 'corp', 'openid').url), 'alice')
  op.endSessions()
  t.match((await browser.open(authorization(op, 'corp', 'openid').url)).title, /^Sign in/)
}))

t.test('endpoints fail on demand', async (t) => withProvider({}, async (op) => {
  const discovery = `${op.issuer}/.well-known/openid-configuration`
  op.fail('discovery', 'status500')
  t.equal((await fetch(discovery)).status, 500)
  op.fail('discovery', 'html')
  t.match((await fetch(discovery)).headers.get('content-type'), 'text/html')
  op.fail('discovery')
  const document = await (await fetch(discovery)).json() as Record<string, unknown>
  t.match(document, { issuer: op.issuer, authorization_response_iss_parameter_supported: true, end_session_endpoint: String })
  t.same(document.code_challenge_methods_supported, ['S256'])
  t.equal(op.ledger.discovery, 3)

  op.fail('token', 'hang')
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'x' })
  await t.rejects(fetch(`${op.issuer}/token`, { method: 'POST', body, signal: AbortSignal.timeout(50) }))
  t.equal(op.ledger.token.refresh_token, 1, 'a request that fails counts')
  const hanging = fetch(`${op.issuer}/token`, { method: 'POST', body })
  hanging.catch(() => {})
  await op.close()
  await t.rejects(hanging, 'close cuts what hangs')
}))

t.test('extra accounts, claims in the ID token, the claims of the house', async (t) => {
  const options: LocalProviderOptions = { conformIdTokenClaims: false, accounts: [{ username: 'carol', sub: 'fixed', email: 'c@example.org', emailVerified: false }] }
  await withProvider(options, async (op) => {
    const request = authorization(op, 'corp', 'openid profile email groups')
    const page = await signIn(await userAgent().open(request.url), 'Carol')
    const claims = decodeJwt((await exchange(op, 'corp', page, request)).body.id_token)
    t.match(claims, { sub: 'fixed', email: 'c@example.org', email_verified: false, preferred_username: 'carol', groups: [] })
  })
})

t.test('pages for what goes wrong, and nothing from other sites', async (t) => withProvider({}, async (op) => {
  const browser = userAgent()
  t.match((await browser.open(`${op.issuer}/interaction/unknown`)).text, 'This page has expired')
  t.match((await browser.open(`${op.issuer}/authorize?client_id=%3Cscript%3E`)).text, 'invalid_client')
  const page = await browser.open(authorization(op, 'corp', 'openid').url)
  const response = await fetch(page.url, { method: 'POST', headers: { 'sec-fetch-site': 'cross-site', cookie: browser.cookieHeader(page.url) }, body: new URLSearchParams({ username: 'alice', password: 'x' }) })
  t.equal(response.status, 403)
  t.match((await browser.open(`${op.issuer}/`)).text, op.issuer)
}))

t.test('a port that is taken is an error, and nothing is printed', async (t) => {
  const printed: unknown[] = []
  const { info, warn, error } = console
  Object.assign(console, Object.fromEntries(['info', 'warn', 'error'].map((name) => [name, (...what: unknown[]) => printed.push(what)])))
  t.teardown(() => { Object.assign(console, { info, warn, error }) })
  await withProvider({}, async (op) => {
    await t.rejects(startLocalProvider({ port: op.port }), { code: 'EADDRINUSE' })
    await grantOf(op, 'alice')
  })
  t.same(printed, [])
})
