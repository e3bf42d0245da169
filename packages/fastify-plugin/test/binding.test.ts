import { signIn, type Browser } from '@consentry/testing'
import t, { type Test } from 'tap'
import { answerUpToCallback, call, codeOf, pendingOf, readEvents, startReport, startServer, statusOf, type Status, type TestServer } from './server.ts'

/** The waiter is where it was, and nothing was exchanged or stored. */
async function assertUndisturbed (t: Test, server: TestServer, owner: Browser, before: Status, exchanges: number): Promise<void> {
  const now = await statusOf(owner, server, before.executionId)
  t.same({ ...now, seq: before.seq }, before, 'the execution still waits for the same question')
  t.equal(now.seq, before.seq, 'nothing happened to it')
  t.equal(server.op.ledger.token.authorization_code, exchanges, 'no token request')
}

t.test('B1 the user comes from the credential, whatever the client says', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const bob = await server.browser('bob')
  const { userId } = (await call(alice, server, `/auth/userinfo`)).json<{ userId: string }>()
  const answer = await call(bob, server, `/report?userId=${userId}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-user-id': userId },
    body: JSON.stringify({ userId, owner: userId, email: 'alice@example.com' })
  })
  const { executionId } = answer.json<Status>()
  t.equal((await call(alice, server, `/executions/${executionId}`)).status, 404)
  t.equal((await call(bob, server, `/executions/${executionId}`)).status, 200)
})

t.test('B2 a question carries our own URL with an id nobody can guess, and no word of the provider', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const started = await startReport(alice, server)
  const { connectUrl, flowId } = pendingOf(started)
  t.equal(connectUrl, `${server.url}/auth/connect/${flowId}`)
  t.ok(Buffer.from(flowId, 'base64url').length >= 16, '128 bits')
  const { text: streamed } = await readEvents(alice, server, started.executionId, { until: ({ type }) => type === 'oauth_required' })
  for (const text of [JSON.stringify(started), streamed, server.log.text()]) {
    t.notMatch(text, server.op.issuer)
    t.notMatch(text, /code_challenge|[?&]state=/)
  }
  t.notMatch(JSON.stringify(started) + streamed, /alice|example\.com/, 'no personal data')
  const stranger = await server.browser()
  const page = await stranger.open(connectUrl, { stopAt: (url) => url.origin !== server.url })
  t.match(page.next, `${server.op.issuer}/authorize`, 'opening it signs nobody in: login first')
})

t.test('B3 another user gets 403, no redirect, and the flow stays as it was', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const bob = await server.browser('bob')
  const started = await startReport(alice, server)
  const exchanges = server.op.ledger.token.authorization_code
  const page = await bob.open(pendingOf(started).connectUrl)
  t.equal(page.status, 403)
  t.equal(codeOf(page), 'CONSENTRY_ERR_OWNER_MISMATCH')
  t.notMatch(page.text, /calendar\.read/, 'nor is the question shown')
  t.equal(bob.cookies(server.url).filter(({ name }) => name.includes('-flow-')).length, 0, 'no cookie of a flow')
  t.ok(server.log.lines().some(({ msg }) => msg === 'consent opened by another person'), 'a security event')
  await assertUndisturbed(t, server, alice, started, exchanges)

  const program = await call(bob, server, pendingOf(started).connectUrl, { headers: { accept: 'application/json' } })
  t.equal(program.status, 403)
  t.match(program.headers.get('content-type'), 'application/problem+json')
})

t.test('B3 without a session: login first, then the same check', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const { connectUrl } = pendingOf(await startReport(alice, server))
  const path = new URL(connectUrl).pathname

  const anonymous = await server.browser()
  const program = await call(anonymous, server, connectUrl, { headers: { accept: 'application/json' } })
  t.equal(program.status, 401)
  const asAlice = await signIn(await anonymous.open(connectUrl), 'alice')
  t.equal(new URL(asAlice.url).pathname, path, 'back at the question')
  t.match(asAlice.text, /calendar\.read/, 'which is asked, not answered, since the person came from the provider')

  const other = await server.browser()
  const asBob = await signIn(await other.open(connectUrl), 'bob')
  t.equal(asBob.status, 403)
  t.equal(codeOf(asBob), 'CONSENTRY_ERR_OWNER_MISMATCH')
})

t.test('B4 a callback without the cookie of its flow, or with another, exchanges nothing', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const started = await startReport(alice, server)
  const { flowId } = pendingOf(started)
  const callback = await answerUpToCallback(alice, server, pendingOf(started).connectUrl)
  const exchanges = server.op.ledger.token.authorization_code

  const secondBrowser = await server.browser('alice')
  const elsewhere = await secondBrowser.open(callback)
  t.equal(elsewhere.status, 400)
  t.equal(codeOf(elsewhere), 'CONSENTRY_ERR_BINDING_MISMATCH')
  await assertUndisturbed(t, server, alice, started, exchanges + 1)

  const name = `__Host-consentry-flow-${flowId}`
  const good = alice.cookies(server.url).find((cookie) => cookie.name === name)
  const value = good?.value ?? ''
  for (const wrong of ['', 'x', value.slice(0, -1), `${value}x`, value.replace(/\..*/, `.${'A'.repeat(43)}`)]) {
    alice.setCookie(`${name}=${wrong}; Path=/; Secure; HttpOnly`, server.url)
    const page = await alice.open(callback)
    t.equal(codeOf(page), 'CONSENTRY_ERR_BINDING_MISMATCH', `with ${wrong === '' ? 'an empty' : 'a wrong'} cookie`)
  }
  t.equal(server.op.ledger.token.authorization_code, exchanges + 1)

  alice.setCookie(`${name}=${value}; Path=/; Secure; HttpOnly`, server.url)
  t.equal((await alice.open(callback)).title, 'Connected', 'the right one still works: nothing was used up (B8)')
})

t.test('B4 five flows of one browser at once all work', async (t) => {
  const server = await startServer(t, {
    routes: (app) => {
      app.post<{ Params: { profile: string } }>('/connect/:profile', { config: { auth: true } }, async (request, reply) =>
        reply.execution(async (execution) => {
          const grant = await execution.authorize('calendar', { scopes: ['calendar.read'], profile: request.params.profile })
          return { owner: grant.profile, events: [] }
        }))
    }
  })
  const alice = await server.browser('alice')
  const started = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((profile) => startReport(alice, server, `/connect/${profile}`)))
  const callbacks: string[] = []
  for (const status of started) callbacks.push(await answerUpToCallback(alice, server, pendingOf(status).connectUrl))
  for (const callback of callbacks.toReversed()) t.equal((await alice.open(callback)).title, 'Connected')
  for (const { executionId } of started) {
    t.match(await statusOf(alice, server, executionId, ({ status }) => status === 'completed'), { status: 'completed' })
  }
})

t.test('B4 two hundred starts in one browser do not overflow the headers', async (t) => {
  const server = await startServer(t)
  const browser = await server.browser()
  const atProvider = (url: URL): boolean => url.origin !== server.url
  for (let start = 0; start < 200; start++) await browser.open(`${server.url}/auth/login/corp`, { stopAt: atProvider })
  t.ok(browser.cookieHeader(server.url).length < 4096, `${browser.cookieHeader(server.url).length} bytes of cookies`)
  t.equal((await signIn(await browser.open(`${server.url}/auth/login/corp`), 'alice')).url, `${server.url}/`, 'the newest works')
})

t.test('B5 the callback checks the person again, before the exchange', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const started = await startReport(alice, server)
  const callback = await answerUpToCallback(alice, server, pendingOf(started).connectUrl)
  const sessionOf = (browser: Browser): string => browser.cookies(server.url).find(({ name }) => name === '__Host-consentry-session')?.value ?? ''
  const own = sessionOf(alice)
  const bob = await server.browser('bob')
  const exchanges = server.op.ledger.token.authorization_code

  alice.setCookie(`__Host-consentry-session=${sessionOf(bob)}; Path=/; Secure; HttpOnly`, server.url)
  const asBob = await alice.open(callback)
  t.equal(asBob.status, 403)
  t.equal(codeOf(asBob), 'CONSENTRY_ERR_OWNER_MISMATCH')

  alice.setCookie('__Host-consentry-session=; Path=/; Secure; HttpOnly; Max-Age=0', server.url)
  const asNobody = await alice.open(callback)
  t.equal(asNobody.status, 401, 'an absent session is never a pass')
  t.equal(codeOf(asNobody), 'CONSENTRY_ERR_AUTHENTICATION_REQUIRED')
  t.notMatch(asNobody.text, new URL(callback).searchParams.get('code') ?? 'no code', 'the way to the login does not take the code along')

  alice.setCookie(`__Host-consentry-session=${own}; Path=/; Secure; HttpOnly`, server.url)
  await assertUndisturbed(t, server, alice, started, exchanges)
  t.equal((await alice.open(callback)).title, 'Connected')
})

t.test('B8 fifty valid callbacks at once make one token request', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const started = await startReport(alice, server)
  const callback = await answerUpToCallback(alice, server, pendingOf(started).connectUrl)
  const exchanges = server.op.ledger.token.authorization_code
  const cookie = alice.cookieHeader(server.url)
  const answers = await Promise.all(Array.from({ length: 50 }, () => fetch(callback, { headers: { cookie, accept: 'text/html' }, redirect: 'manual' })))
  t.same(new Set(answers.map(({ status, headers }) => `${status} ${headers.get('location')}`)), new Set([`303 ${pendingOf(started).connectUrl}`]), 'all get the same page (R7)')
  t.equal(server.op.ledger.token.authorization_code, exchanges + 1)
  t.match(await statusOf(alice, server, started.executionId, ({ status }) => status === 'completed'), { status: 'completed' })
})

t.test('B9 a state finishes only what it was made for', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const started = await startReport(alice, server)
  const callback = new URL(await answerUpToCallback(alice, server, pendingOf(started).connectUrl))
  const login = new URL((await alice.open(`${server.url}/auth/login/corp`, { stopAt: (url) => url.pathname.startsWith('/auth/callback/') })).next ?? '')
  const exchanges = server.op.ledger.token.authorization_code

  for (const other of ['corp', 'mail']) {
    const page = await alice.open(`${server.url}/auth/callback/${other}${callback.search}`)
    t.equal(codeOf(page), 'CONSENTRY_ERR_STATE_MISMATCH', `the calendar's answer at the callback of ${other}`)
  }
  const connectByLogin = await alice.open(`${server.url}/auth/callback/calendar${login.search}`)
  t.equal(codeOf(connectByLogin), 'CONSENTRY_ERR_STATE_MISMATCH', 'the answer of a login at the callback of a connect')
  // The code of one flow with the state of another: the verifier does not fit, and the provider says no.
  const mixed = new URL(login)
  mixed.searchParams.set('code', callback.searchParams.get('code') ?? '')
  t.equal(server.op.ledger.token.authorization_code, exchanges)
  t.equal(codeOf(await alice.open(mixed)), 'CONSENTRY_ERR_PROVIDER_REFUSED')
  await assertUndisturbed(t, server, alice, started, exchanges + 1)
})

t.test('B10 iss must equal the issuer, and a provider that announces it must send it', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const started = await startReport(alice, server)
  const callback = await answerUpToCallback(alice, server, pendingOf(started).connectUrl)
  const exchanges = server.op.ledger.token.authorization_code
  const altered = (change: (parameters: URLSearchParams) => void): string => {
    const url = new URL(callback)
    change(url.searchParams)
    return url.href
  }
  for (const [what, url] of [
    ['another', altered((p) => p.set('iss', 'https://attacker.example'))],
    ['none', altered((p) => p.delete('iss'))],
    ['two', altered((p) => p.append('iss', server.op.issuer))],
    ['a foreign one, with an error', altered((p) => { p.set('iss', 'https://attacker.example'); p.delete('code'); p.set('error', 'access_denied'); p.set('error_description', 'call-this-number') })]
  ] as const) {
    const page = await alice.open(url)
    t.match(codeOf(page), /ISSUER_MISMATCH|RESPONSE_INVALID/, what)
    t.notMatch(page.text, /call-this-number|attacker/, 'no text of the answer is shown')
    await assertUndisturbed(t, server, alice, started, exchanges)
  }
  t.equal((await alice.open(callback)).title, 'Connected')
})

t.test('B11 nothing in a request chooses the client, the endpoints or the redirect URI', async (t) => {
  const server = await startServer(t)
  const browser = await server.browser()
  const hostile = 'client_id=evil&redirect_uri=https%3A%2F%2Fevil.example&token_endpoint=https%3A%2F%2Fevil.example&issuer=https%3A%2F%2Fevil.example&scope=admin'
  const page = await browser.open(`${server.url}/auth/login/corp?${hostile}`, { stopAt: (url) => url.origin !== server.url })
  const url = new URL(page.next ?? '')
  t.equal(url.origin, server.op.issuer)
  t.equal(url.searchParams.get('client_id'), 'corp')
  t.equal(url.searchParams.get('redirect_uri'), `${server.url}/auth/callback/corp`)
  t.notMatch(url.href, 'evil')
  const forwarded = await fetch(`${server.url}/auth/login/corp`, { redirect: 'manual', headers: { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', forwarded: 'host=evil.example' } })
  t.match(forwarded.headers.get('location'), encodeURIComponent(`${server.url}/auth/callback/corp`), 'T5')
})

t.test('B12 results, events and status are the owner\'s alone', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const bob = await server.browser('bob')
  const { executionId } = await startReport(alice, server)
  for (const [method, path] of [['GET', ''], ['GET', '/events'], ['POST', '/cancel']] as const) {
    const own = `${server.url}/executions/${executionId}${path}`
    const foreign = await call(bob, server, own, { method })
    const unknown = await call(bob, server, own.replace(executionId, 'AAAAAAAAAAAAAAAAAAAAAA'), { method })
    t.equal(foreign.status, 404)
    t.equal(foreign.text, unknown.text, 'like one that does not exist')
    const nobody = await call(await server.browser(), server, own, { method })
    t.match(nobody, { status: 401 })
  }
  t.match(await statusOf(alice, server, executionId), { status: 'oauth_required' }, 'nobody cancelled it')
})
