import { createClock, signIn } from '@consentry/testing'
import t from 'tap'
import { hostileServer } from './hostile-server.ts'
import { answerUpToCallback, call, codeOf, pendingOf, startReport, startServer, statusOf } from './server.ts'

const over = ({ status }: { status: string }): boolean => status !== 'oauth_required' && status !== 'running'

t.test('seed D: a state that is missing, unknown, tampered or doubled: a coded error, a readable page, and the waiter undisturbed', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const started = await startReport(alice, server)
  const callback = await answerUpToCallback(alice, server, pendingOf(started).connectUrl)
  const exchanges = server.op.ledger.token.authorization_code
  const state = new URL(callback).searchParams.get('state') ?? ''
  const withState = (...states: string[]): string => {
    const url = new URL(callback)
    url.searchParams.delete('state')
    for (const each of states) url.searchParams.append('state', each)
    return url.href
  }
  for (const [what, url] of [
    ['none', withState()],
    ['empty', withState('')],
    ['unknown', withState('AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')],
    ['tampered', withState(`${state.slice(0, -1)}${state.endsWith('A') ? 'B' : 'A'}`)],
    ['cut', withState(state.slice(0, -3))],
    ['only the id', withState(`${pendingOf(started).flowId}.`)],
    ['hostile', withState('__proto__.x')],
    ['very long', withState('x'.repeat(4000))],
    ['doubled', withState(state, 'x')]
  ] as const) {
    const page = await alice.open(url)
    t.equal(page.status, 400, what)
    t.match(codeOf(page), /^CONSENTRY_ERR_(STATE_MISMATCH|RESPONSE_INVALID)$/)
    t.match(page.headers.get('content-type'), 'text/html')
    const problem = await call(alice, server, url, { headers: { accept: 'application/json' } })
    t.equal(problem.status, 400)
    t.match(problem.headers.get('content-type'), 'application/problem+json')
    t.match(problem.json(), { status: 400, code: codeOf(page), retryable: false })
  }
  t.equal(server.op.ledger.token.authorization_code, exchanges)
  t.same(await statusOf(alice, server, started.executionId), started)
  t.equal((await alice.open(callback)).title, 'Connected')
})

t.test('an unknown provider or flow is a 404 with a code', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  for (const [path, code] of [
    ['/auth/callback/nobody?state=x&code=y', 'CONSENTRY_ERR_PROVIDER_UNKNOWN'],
    ['/auth/callback/__proto__?state=x', 'CONSENTRY_ERR_PROVIDER_UNKNOWN'],
    ['/auth/login/calendar', 'CONSENTRY_ERR_PROVIDER_UNKNOWN'],
    ['/auth/connect/AAAAAAAAAAAAAAAAAAAAAA', 'CONSENTRY_ERR_FLOW_NOT_FOUND']
  ] as const) {
    const page = await alice.open(server.url + path)
    t.equal(page.status, 404, path)
    t.equal(codeOf(page), code)
  }
})

t.test('R7 the callback again, by reload or replay: the same page and no second exchange', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const started = await startReport(alice, server)
  const callback = await answerUpToCallback(alice, server, pendingOf(started).connectUrl)
  const first = await alice.open(callback)
  const exchanges = server.op.ledger.token.authorization_code
  for (let again = 0; again < 3; again++) {
    const page = await alice.open(callback)
    t.equal(page.url, first.url)
    t.equal(page.title, 'Connected')
  }
  t.equal((await alice.open(first.url)).title, 'Connected', 'the result page by itself')
  t.equal(server.op.ledger.token.authorization_code, exchanges)
  t.match((await call(alice, server, first.url, { headers: { accept: 'application/json' } })).json(), { flowId: pendingOf(started).flowId, provider: 'calendar', outcome: 'granted' })

  const elsewhere = await server.browser('alice')
  t.equal(codeOf(await elsewhere.open(callback)), 'CONSENTRY_ERR_BINDING_MISMATCH', 'in another browser it stays an error')
})

t.test('a HEAD does none of the work of a GET', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const started = await startReport(alice, server)
  const callback = await answerUpToCallback(alice, server, pendingOf(started).connectUrl)
  const exchanges = server.op.ledger.token.authorization_code
  for (const url of [callback, pendingOf(started).connectUrl, `${server.url}/auth/login/corp`, `${server.url}/executions/${started.executionId}/events`]) {
    t.equal((await call(alice, server, url, { method: 'HEAD' })).status, 404)
  }
  t.equal(server.op.ledger.token.authorization_code, exchanges)
  t.same(await statusOf(alice, server, started.executionId), started)
})

t.test('B14 a denial settles the waiter at once, but only in the right browser and for the right person', async (t) => {
  const server = await startServer(t, { options: { clock: createClock() } })
  const alice = await server.browser('alice')
  const started = await startReport(alice, server)
  const callback = await answerUpToCallback(alice, server, pendingOf(started).connectUrl, 'deny')
  t.match(callback, 'error=access_denied')

  const elsewhere = await server.browser('alice')
  t.equal(codeOf(await elsewhere.open(callback)), 'CONSENTRY_ERR_BINDING_MISMATCH')
  t.same(await statusOf(alice, server, started.executionId), started, 'not settled from another browser')

  const page = await alice.open(callback)
  t.match(await statusOf(alice, server, started.executionId, over), { status: 'failed', error: { code: 'CONSENTRY_ERR_CONSENT_DENIED' } }, 'by a clock that stands still: nothing waits')
  t.equal(page.title, 'Declined')
  t.equal(codeOf(page), 'CONSENTRY_ERR_CONSENT_DENIED')
  t.equal((await alice.open(callback)).title, 'Declined', 'R7 the same page again')
  t.same((await call(alice, server, '/auth/connections')).json(), { connections: [] })

  const next = await startReport(alice, server)
  t.not(pendingOf(next).flowId, pendingOf(started).flowId, 'the next run asks anew')
})

t.test('declining on our own page settles the waiter without a word to the provider', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const started = await startReport(alice, server)
  const { authorizations } = server.op.ledger
  const page = await (await alice.open(pendingOf(started).connectUrl)).submit({}, { button: 'Decline' })
  t.equal(page.title, 'Declined')
  t.match(await statusOf(alice, server, started.executionId, over), { status: 'failed', error: { code: 'CONSENTRY_ERR_CONSENT_DENIED' } })
  t.equal(server.op.ledger.authorizations, authorizations)
})

t.test('any other error of the provider is an outcome with a code, and none of its text is shown', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  for (const [error, code] of [
    ['server_error', 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'],
    ['temporarily_unavailable', 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'],
    ['invalid_scope', 'CONSENTRY_ERR_PROVIDER_REFUSED'],
    ['<script>alert(1)</script>', 'CONSENTRY_ERR_PROVIDER_']
  ] as const) {
    const started = await startReport(alice, server)
    const url = new URL(await answerUpToCallback(alice, server, pendingOf(started).connectUrl))
    url.searchParams.delete('code')
    url.searchParams.set('error', error)
    url.searchParams.set('error_description', 'call-this-number <b>now</b>')
    const page = await alice.open(url)
    t.ok(page.status >= 500, `${error}: ${page.status}`)
    t.match(codeOf(page), code)
    t.notMatch(page.text, /call-this-number|<script>alert/)
    t.match(await statusOf(alice, server, started.executionId, over), { status: 'failed', error: { code: codeOf(page) } })
  }
  t.notMatch(server.log.text(), /call-this-number|alert\(1\)/)
})

for (const fault of ['status500', 'html', 'hang'] as const) {
  t.test(`a token endpoint that answers with ${fault}: one outcome, a readable page, nothing stored`, async (t) => {
    const server = await startServer(t)
    const alice = await server.browser('alice')
    const started = await startReport(alice, server)
    const callback = await answerUpToCallback(alice, server, pendingOf(started).connectUrl)
    server.op.fail('token', fault)
    const page = await alice.open(callback)
    t.equal(page.status, 503)
    t.equal(codeOf(page), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE')
    t.notMatch(page.text, /Internal Server Error|Maintenance/)
    t.match(await statusOf(alice, server, started.executionId, over), { status: 'failed', error: { code: 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE' } })
    t.same((await call(alice, server, '/auth/connections')).json(), { connections: [] })

    server.op.fail('token')
    t.equal(codeOf(await alice.open(callback)), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE', 'R8 the code is not sent again')
    const again = await startReport(alice, server)
    await alice.open(await answerUpToCallback(alice, server, pendingOf(again).connectUrl))
    t.match(await statusOf(alice, server, again.executionId, over), { status: 'completed' }, 'the next run works')
  })
}

t.test('a sign-in that fails at the provider: a page with a way to try again, and no session', async (t) => {
  const server = await startServer(t)
  const browser = await server.browser()
  const stopAt = (url: URL): boolean => url.pathname.startsWith('/auth/callback/')
  const stopped = await signIn(await browser.open(`${server.url}/auth/login`), 'alice', { stopAt })
  server.op.fail('userinfo', 'status500')
  const page = await browser.open(stopped.next ?? '')
  t.equal(codeOf(page), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE')
  t.same(browser.cookies(server.url).filter(({ name }) => name.endsWith('session')), [])
  server.op.fail('userinfo')
  t.equal((await page.click('Try again')).url, `${server.url}/`)
  t.equal((await call(browser, server, '/auth/userinfo')).status, 200)
})

t.test('an error of the provider in the answer to a sign-in: an outage can be tried again, a refusal cannot', async (t) => {
  const { op, server } = await hostileServer(t)
  for (const [error, status, code] of [
    ['server_error', 503, 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'],
    ['temporarily_unavailable', 503, 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'],
    ['invalid_scope', 502, 'CONSENTRY_ERR_PROVIDER_REFUSED'],
    ['access_denied', 403, 'CONSENTRY_ERR_CONSENT_DENIED']
  ] as const) {
    op.overrides.authorize = async ({ parameters }) => {
      const answer = new URLSearchParams({ error, state: parameters.get('state') ?? '', iss: op.issuer })
      return { status: 302, headers: { location: `${String(parameters.get('redirect_uri'))}?${answer.toString()}` } }
    }
    const browser = await server.browser()
    const page = await browser.open(`${server.url}/auth/login`)
    t.equal(page.status, status, error)
    t.equal(codeOf(page), code)
  }
  t.equal(op.ledger.requests.token.length, 0)
})

t.test('a provider that is down when it is needed: a page, and the question stays', async (t) => {
  const server = await startServer(t, {
    routes: (app) => {
      app.post('/down', { config: { auth: true } }, async (_request, reply) => reply.execution(async (execution) => execution.authorize('mail')))
    }
  })
  const alice = await server.browser('alice')
  const started = await startReport(alice, server, '/down')
  server.op.fail('discovery', 'hang')
  const question = await alice.open(pendingOf(started).connectUrl)
  const failed = await question.submit({}, { button: `Continue to ${new URL(server.op.issuer).host}` })
  t.equal(codeOf(failed), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE')
  t.match(await statusOf(alice, server, started.executionId), { status: 'oauth_required' })
  server.op.fail('discovery')
})

t.test('B15 after cancel and after expiry a late callback exchanges and stores nothing, and says so', async (t) => {
  const server = await startServer(t, { options: { flowLifetime: 1 } })
  const alice = await server.browser('alice')
  const cancelled = await startReport(alice, server)
  const lateCallback = await answerUpToCallback(alice, server, pendingOf(cancelled).connectUrl)
  const exchanges = server.op.ledger.token.authorization_code
  t.equal((await call(alice, server, `/executions/${cancelled.executionId}/cancel`, { method: 'POST' })).status, 202)
  t.match(await statusOf(alice, server, cancelled.executionId, over), { status: 'cancelled' })
  const withdrawn = await alice.open(lateCallback)
  t.equal(withdrawn.status, 410)
  t.equal(codeOf(withdrawn), 'CONSENTRY_ERR_FLOW_CANCELLED')
  t.equal(codeOf(await alice.open(pendingOf(cancelled).connectUrl)), 'CONSENTRY_ERR_FLOW_CANCELLED')

  const expired = await startReport(alice, server)
  const expiredCallback = await answerUpToCallback(alice, server, pendingOf(expired).connectUrl)
  const cookie = alice.cookieHeader(server.url)
  const { flowId } = pendingOf(expired)
  const setCookie = alice.history.flatMap(({ setCookie }) => setCookie).find((value) => value.includes(flowId))
  t.match(setCookie, /Max-Age=1(;|$)/, 'the cookie lives as long as the flow')
  t.match(await statusOf(alice, server, expired.executionId, over), { status: 'failed', error: { code: 'CONSENTRY_ERR_FLOW_EXPIRED' } })
  const late = await fetch(expiredCallback, { headers: { cookie, accept: 'text/html' }, redirect: 'manual' })
  t.equal(late.status, 410)
  t.equal(codeOf({ text: await late.text() }), 'CONSENTRY_ERR_FLOW_EXPIRED')
  t.equal(server.op.ledger.token.authorization_code, exchanges)
  t.same((await call(alice, server, '/auth/connections')).json(), { connections: [] })

  const login = await server.browser()
  const stopped = await signIn(await login.open(`${server.url}/auth/login`), 'alice', { stopAt: (url) => url.pathname.startsWith('/auth/callback/') })
  const loginCookie = login.cookieHeader(server.url)
  await new Promise((resolve) => setTimeout(resolve, 1100))
  const lateLogin = await fetch(stopped.next ?? '', { headers: { cookie: loginCookie, accept: 'text/html' }, redirect: 'manual' })
  t.equal(lateLogin.status, 410, 'a login too')
  t.equal(codeOf({ text: await lateLogin.text() }), 'CONSENTRY_ERR_FLOW_EXPIRED')
})
