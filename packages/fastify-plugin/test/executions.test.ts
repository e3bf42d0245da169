import { consent, signIn } from '@consentry/testing'
import { authorize, ConsentryError } from '../src/index.ts'
import t from 'tap'
import { answerUpToCallback, call, codeOf, pendingOf, readEvents, startReport, startServer, statusOf } from './server.ts'

t.test('Server-Sent Events: the same envelope, resumed after Last-Event-ID (R10)', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const started = await startReport(alice, server)
  const live = readEvents(alice, server, started.executionId)
  await alice.open(await answerUpToCallback(alice, server, pendingOf(started).connectUrl))
  const whole = await live
  t.match(whole.headers, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  t.same(whole.events.map(({ seq, type }) => `${seq} ${type}`), ['1 running', '2 progress', '3 oauth_required', '4 oauth_resolved', '5 completed'], 'and then it ends')
  t.match(whole.text, /^id: 1\nevent: running\ndata: \{/)
  for (const { time, executionId } of whole.events) {
    t.equal(new Date(time).toISOString(), time)
    t.equal(executionId, started.executionId)
  }
  for (let after = 0; after < 5; after++) {
    const rest = await readEvents(alice, server, started.executionId, { after })
    t.same(rest.events, whole.events.slice(after), `after ${after}`)
  }
  t.equal((await call(alice, server, `/executions/${started.executionId}/events`, { headers: { 'last-event-id': '5' } })).status, 204, 'an event source that has everything stops asking')
  t.equal((await call(alice, server, `/executions/${started.executionId}/events`, { headers: { 'last-event-id': 'x' } })).status, 400)
})

t.test('reply.execution: 200 with the result, 202 with the status, or a problem', async (t) => {
  const server = await startServer(t, {
    routes: (app) => {
      app.post<{ Params: { what: string } }>('/run/:what', { config: { auth: true } }, async (request, reply) => reply.execution(async (execution) => {
        switch (request.params.what) {
          case 'nothing': return undefined
          case 'text': return 'a "text"'
          case 'list': return [1, 2]
          case 'throw': throw new Error('a detail of the application')
          case 'coded': throw new ConsentryError('CONSENTRY_ERR_FORBIDDEN')
          case 'big': return 'x'.repeat(2 ** 20)
          case 'slow': return new Promise((resolve) => { execution.signal.addEventListener('abort', () => { resolve('aborted') }) })
          default: {
            const cycle: Record<string, unknown> = {}
            cycle['cycle'] = cycle
            return cycle
          }
        }
      }))
      app.post('/anonymous', async (_request, reply) => reply.execution(async () => 'done'))
    }
  })
  const alice = await server.browser('alice')
  const run = (what: string, headers: Record<string, string> = {}) => call(alice, server, `/run/${what}`, { method: 'POST', headers })
  for (const [what, result] of [['nothing', null], ['text', 'a "text"'], ['list', [1, 2]]] as const) {
    const answer = await run(what)
    t.equal(answer.status, 200)
    t.match(answer.headers.get('content-type'), 'application/json')
    t.same(answer.json(), result)
  }
  for (const [what, status, code] of [['throw', 500, 'EXECUTION_FAILED'], ['coded', 403, 'FORBIDDEN'], ['big', 500, 'RESULT_INVALID'], ['cyclic', 500, 'RESULT_INVALID']] as const) {
    const answer = await run(what)
    t.equal(answer.status, status, what)
    t.match(answer.headers.get('content-type'), 'application/problem+json')
    t.match(answer.json(), { code: `CONSENTRY_ERR_${code}`, status, statusUrl: `${server.url}/executions/` })
    t.notMatch(answer.text, /a detail of the application/)
  }
  const followed = await run('slow', { prefer: 'wait=10, respond-async' })
  t.equal(followed.status, 202)
  t.equal(followed.headers.get('preference-applied'), 'respond-async')
  const { executionId, statusUrl, eventsUrl } = followed.json<{ executionId: string, statusUrl: string, eventsUrl: string }>()
  t.equal(followed.headers.get('location'), statusUrl)
  t.equal(statusUrl, `${server.url}/executions/${executionId}`)
  t.equal(eventsUrl, `${statusUrl}/events`)
  const cancelled = await call(alice, server, `/executions/${executionId}/cancel`, { method: 'POST' })
  t.equal(cancelled.status, 202)
  t.match(cancelled.json(), { status: 'cancelled' })
  t.match((await call(alice, server, `/executions/${executionId}/cancel`, { method: 'POST' })).json(), { status: 'cancelled' }, 'again: the same')
  t.equal((await call(alice, server, '/anonymous', { method: 'POST' })).status, 200)
  const nobody = await fetch(`${server.url}/anonymous`, { method: 'POST' })
  t.equal(nobody.status, 401)
})

t.test('authorize() finds its execution deep in application code, and outside of one says so', async (t) => {
  const deep = async (): Promise<string> => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    const grant = await authorize('calendar', { scopes: ['calendar.read'] })
    return grant.scopes.join(' ')
  }
  const server = await startServer(t, { routes: (app) => { app.post('/deep', { config: { auth: true } }, async (_request, reply) => reply.execution(deep)) } })
  const alice = await server.browser('alice')
  const started = await startReport(alice, server, '/deep')
  await alice.open(await answerUpToCallback(alice, server, pendingOf(started).connectUrl))
  t.match(await statusOf(alice, server, started.executionId, ({ status }) => status === 'completed'), { result: /calendar\.read/ })
  await t.rejects(deep(), { code: 'CONSENTRY_ERR_NO_EXECUTION' })
})

t.test('request.authorize: a grant, or a 403 that says where to consent', async (t) => {
  const server = await startServer(t, {
    routes: (app, op) => {
      app.get('/events', async (request) => {
        const grant = await request.authorize('calendar', { scopes: ['calendar.read'] })
        return (await grant.fetch(`${op.issuer}/calendar/events`)).json()
      })
      app.get('/unknown', async (request) => request.authorize('nobody'))
    }
  })
  const alice = await server.browser('alice')
  const missing = await call(alice, server, '/events')
  t.equal(missing.status, 403)
  t.match(missing.headers.get('content-type'), 'application/problem+json')
  const problem = missing.json<{ code: string, connectUrl: string, scopes: string[] }>()
  t.match(problem, { code: 'CONSENTRY_ERR_AUTHORIZATION_REQUIRED', provider: 'calendar', scopes: ['calendar.read'], connectUrl: `${server.url}/auth/connect/` })
  t.equal((await call(alice, server, '/events')).json<{ connectUrl: string }>().connectUrl, problem.connectUrl, 'the same question, not another one')
  t.equal((await alice.open(await answerUpToCallback(alice, server, problem.connectUrl))).title, 'Connected')
  t.equal((await call(alice, server, '/events')).status, 200)
  t.equal((await fetch(`${server.url}/events`)).status, 401)
  t.equal(codeOf(await call(alice, server, '/unknown')), 'CONSENTRY_ERR_PROVIDER_UNKNOWN')
})

t.test('a stored grant is refreshed when it is stale, and retried once after a 401', async (t) => {
  const server = await startServer(t, { op: { accessTokenTtl: 1 }, options: { refreshBuffer: 0 } })
  const alice = await server.browser('alice')
  const started = await startReport(alice, server)
  await alice.open(await answerUpToCallback(alice, server, pendingOf(started).connectUrl))
  await statusOf(alice, server, started.executionId, ({ status }) => status === 'completed')
  await new Promise((resolve) => setTimeout(resolve, 1100))
  t.equal((await call(alice, server, '/report', { method: 'POST' })).status, 200, 'nobody is asked')
  t.equal(server.op.ledger.token.refresh_token, 1)
  server.op.endAccessTokens()
  t.equal((await call(alice, server, '/report', { method: 'POST' })).status, 200)
  t.equal(server.op.ledger.token.refresh_token, 2)
  server.op.endGrants()
  await new Promise((resolve) => setTimeout(resolve, 1100))
  const asked = await call(alice, server, '/report', { method: 'POST' })
  t.equal(asked.status, 202, 'only the provider\'s own word ends a grant')
})

t.test('R6 the answer may come before the client has heard of the question', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const started = await startReport(alice, server)
  await alice.open(await answerUpToCallback(alice, server, pendingOf(started).connectUrl))
  const { events } = await readEvents(alice, server, started.executionId)
  t.equal(events.at(-1)?.type, 'completed')
  t.match(await statusOf(alice, server, started.executionId), { status: 'completed', seq: 5 })
})

t.test('an account that is not the one that is connected is refused, and the old grant stays (B13)', async (t) => {
  const server = await startServer(t, {
    routes: (app) => {
      app.post('/more', { config: { auth: true } }, async (_request, reply) => reply.execution(async (execution) =>
        (await execution.authorize('calendar', { scopes: ['calendar.write'] })).scopes))
    }
  })
  const alice = await server.browser('alice')
  const started = await startReport(alice, server)
  await alice.open(await answerUpToCallback(alice, server, pendingOf(started).connectUrl))
  const before = (await call(alice, server, '/auth/connections')).text
  const more = await startReport(alice, server, '/more')
  t.same(new Set(pendingOf(more).scopes), new Set(['openid', 'calendar.read', 'calendar.write']), 'asked for the union')
  server.op.endSessions()
  const question = await alice.open(pendingOf(more).connectUrl)
  const asBob = await signIn(await question.submit({}, { button: `Continue to ${new URL(server.op.issuer).host}` }), 'bob')
  const page = await consent(asBob, 'allow')
  t.equal(codeOf(page), 'CONSENTRY_ERR_ACCOUNT_MISMATCH')
  t.match(await statusOf(alice, server, more.executionId, ({ status }) => status === 'failed'), { error: { code: 'CONSENTRY_ERR_ACCOUNT_MISMATCH' } })
  t.equal((await call(alice, server, '/auth/connections')).text, before)
  t.equal((await call(alice, server, '/report', { method: 'POST' })).status, 200)
})

t.test('what cannot be asked is refused at once and stands in nobody\'s way', async (t) => {
  const server = await startServer(t, {
    routes: (app) => {
      app.post('/odd', { config: { auth: true } }, async (request, reply) => reply.execution(async (execution) =>
        execution.authorize('calendar', request.body as { scopes: string[] })))
    }
  })
  const alice = await server.browser('alice')
  for (const body of [{ scopes: ['calendar read'] }, { scopes: 'calendar.read' }, { scopes: [''] }, { scopes: ['a"b'] }, { scopes: [1] }, { profile: '' }, { timeout: -1 }, { timeout: 'x' }]) {
    const answer = await call(alice, server, '/odd', { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
    t.equal(answer.status, 500, JSON.stringify(body))
    t.equal(codeOf(answer), 'CONSENTRY_ERR_OPTIONS_INVALID')
  }
  t.same(pendingOf(await startReport(alice, server)).scopes, ['calendar.read'])
})

t.test('a promise of authorize() that nobody awaits yet does not end the process when its run is cancelled', async (t) => {
  const unhandled: unknown[] = []
  const listen = (reason: unknown): void => { unhandled.push(reason) }
  process.on('unhandledRejection', listen)
  t.teardown(() => { process.off('unhandledRejection', listen) })
  const server = await startServer(t, {
    routes: (app) => {
      app.post('/later', { config: { auth: true } }, async (_request, reply) => reply.execution(async (execution) => {
        const granted = authorize('calendar')
        await new Promise((resolve) => { execution.signal.addEventListener('abort', resolve) })
        await new Promise((resolve) => setTimeout(resolve, 50))
        return granted
      }))
    }
  })
  const alice = await server.browser('alice')
  const started = await startReport(alice, server, '/later')
  await call(alice, server, `/executions/${started.executionId}/cancel`, { method: 'POST' })
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.same(unhandled, [])
})
