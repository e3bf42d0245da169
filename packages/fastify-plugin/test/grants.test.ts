import type { AuditEntry } from '@consentry/core'
import { consent, signIn, type Browser, type Page } from '@consentry/testing'
import t from 'tap'
import { answerUpToCallback, call, pendingOf, readEvents, startReport, startServer, statusOf, type Status, type TestServer } from './server.ts'
import { openSocket } from './socket.ts'

/** Answers the question and leaves out some of it. */
async function agree (browser: Browser, server: TestServer, { connectUrl }: { connectUrl: string }, without: readonly string[] = []): Promise<void> {
  const question = await browser.open(connectUrl)
  await consent(await question.submit({}, { button: `Continue to ${new URL(server.op.issuer).host}` }), 'allow', { without })
}

/** Where the question leads. */
async function answerUpToProvider (browser: Browser, server: TestServer, connectUrl: string): Promise<URL> {
  const question = await browser.open(connectUrl)
  const { next = '' } = await question.submit({}, { button: `Continue to ${new URL(server.op.issuer).host}`, stopAt: (url) => url.origin !== server.url })
  return new URL(next)
}

t.test('step-up: one more scope is asked for with those that were granted, and declining it costs nothing', async (t) => {
  const server = await startServer(t, {
    routes: (app) => {
      app.post('/change', { config: { auth: true } }, async (_request, reply) => reply.execution(async (execution) => {
        const { scopes } = await execution.authorize('calendar', { scopes: ['calendar.write'] })
        return scopes
      }))
    }
  })
  const alice = await server.browser('alice')
  const first = await startReport(alice, server)
  await agree(alice, server, pendingOf(first))
  await statusOf(alice, server, first.executionId, ({ status }) => status === 'completed')

  const declined = await startReport(alice, server, '/change')
  t.same(pendingOf(declined).scopes, ['openid', 'calendar.read', 'calendar.write'])
  await alice.open(await answerUpToCallback(alice, server, pendingOf(declined).connectUrl, 'deny'))
  t.match(await statusOf(alice, server, declined.executionId, ({ status }) => status === 'failed'), { error: { code: 'CONSENTRY_ERR_CONSENT_DENIED' } })
  t.equal((await call(alice, server, '/report', { method: 'POST' })).status, 200, 'what worked still works')

  const changed = await startReport(alice, server, '/change')
  await agree(alice, server, pendingOf(changed))
  const ended = await statusOf(alice, server, changed.executionId, ({ status }) => status === 'completed')
  t.same(ended.result, ['openid', 'calendar.read', 'calendar.write'])
  t.equal((await call(alice, server, '/report', { method: 'POST' })).status, 200)
})

t.test('a partial grant: told by name, in an execution and on a plain request', async (t) => {
  const server = await startServer(t, {
    routes: (app) => {
      app.post('/change', { config: { auth: true } }, async (_request, reply) => reply.execution(async (execution) => {
        const grant = await execution.authorize('calendar', { scopes: ['calendar.read', 'calendar.write'], partial: true })
        return grant.missingScopes
      }))
      app.get('/change', { config: { auth: true } }, async (request) => (await request.authorize('calendar', { scopes: ['calendar.read', 'calendar.write'] })).scopes)
    }
  })
  const alice = await server.browser('alice')
  const started = await startReport(alice, server, '/change')
  await agree(alice, server, pendingOf(started), ['calendar.write'])
  const ended = await statusOf(alice, server, started.executionId, ({ status }) => status === 'completed')
  t.same(ended.result, ['calendar.write'])
  const plain = await call(alice, server, '/change')
  t.equal(plain.status, 403)
  t.match(plain.json(), { code: 'CONSENTRY_ERR_SCOPES_MISSING', missingScopes: ['calendar.write'] }, 'a page that goes there by itself does not go in a circle')
  t.equal((await call(alice, server, '/report', { method: 'POST' })).status, 200)
})

t.test('requires: one 202 with all questions, and the code runs when all are answered', async (t) => {
  const ran: string[] = []
  const server = await startServer(t, {
    routes: (app) => {
      app.post('/both', { config: { auth: true } }, async (_request, reply) => reply.execution(() => { ran.push('now') }, { requires: ['mail', { provider: 'calendar', scopes: ['calendar.read'], profile: 'work' }] }))
    }
  })
  const alice = await server.browser('alice')
  const started = await startReport(alice, server, '/both')
  const { pending = [] } = await statusOf(alice, server, started.executionId, ({ pending }) => pending?.length === 2)
  t.same(pending.map(({ provider, profile }) => `${provider} ${profile}`).sort(), ['calendar work', 'mail default'])
  await agree(alice, server, pending[0] as typeof pending[number])
  t.same(ran, [])
  await agree(alice, server, pending[1] as typeof pending[number])
  await statusOf(alice, server, started.executionId, ({ status }) => status === 'completed')
  t.same(ran, ['now'])
})

t.test('profiles: two accounts at one provider, each pinned, and a reconnect names the one it wants (B13)', async (t) => {
  const server = await startServer(t, {
    // Both accounts are of one provider here, which signs the one out when the other signs in.
    backchannel: false,
    routes: (app) => {
      app.post<{ Params: { profile: string } }>('/as/:profile', { config: { auth: true } }, async (request, reply) => reply.execution(async (execution) => {
        const grant = await execution.authorize('mail', { profile: request.params.profile, scopes: ['email'] })
        return grant.account?.email
      }))
      app.post('/more', { config: { auth: true } }, async (_request, reply) => reply.execution(async (execution) => (await execution.authorize('mail', { profile: 'private', scopes: ['profile'] })).scopes))
    }
  })
  const alice = await server.browser('alice')
  const begin = async (profile: string): Promise<[Status, Page]> => {
    const started = await startReport(alice, server, `/as/${profile}`)
    const question = await alice.open(pendingOf(started).connectUrl)
    return [started, await question.submit({}, { button: `Continue to ${new URL(server.op.issuer).host}` })]
  }
  const result = async ({ executionId }: Status): Promise<unknown> => (await statusOf(alice, server, executionId, ({ status }) => status === 'completed')).result
  const [work, first] = await begin('work')
  await consent(first, 'allow')
  t.equal(await result(work), 'alice@example.com')
  const [own, second] = await begin('private')
  t.match(second.text, /Choose an account/, 'another account may be meant')
  await consent(await signIn(second, 'bob'), 'allow')
  t.equal(await result(own), 'bob@example.com')
  const { connections } = (await call(alice, server, '/auth/connections')).json<{ connections: Array<{ profile: string }> }>()
  t.same(connections.map(({ profile }) => profile).sort(), ['private', 'work'])
  await call(alice, server, '/auth/connections/mail?profile=work', { method: 'DELETE' })
  t.equal((await call(alice, server, '/as/private', { method: 'POST' })).status, 200, 'the other is as it was')
  const step = await startReport(alice, server, '/more')
  const asked = await answerUpToProvider(alice, server, pendingOf(step).connectUrl)
  t.equal(asked.searchParams.get('login_hint'), 'bob@example.com')
  t.equal(asked.searchParams.get('prompt'), null)
})

t.test('disconnect ends a run that holds the grant, tells its clients, and says what the provider said', async (t) => {
  const server = await startServer(t, {
    routes: (app) => {
      app.post('/long', { config: { auth: true } }, async (_request, reply) => reply.execution(async (execution) => {
        await execution.authorize('calendar', { scopes: ['calendar.read'] })
        execution.progress('holding')
        await new Promise<void>((resolve) => { execution.signal.addEventListener('abort', () => { resolve() }) })
      }))
    }
  })
  const alice = await server.browser('alice')
  const started = await startReport(alice, server, '/long')
  const socket = await openSocket(server, { browser: alice })
  const events = readEvents(alice, server, started.executionId)
  await agree(alice, server, pendingOf(started))
  await socket.until(({ event }) => event?.type === 'progress')
  const answer = await call(alice, server, '/auth/connections/calendar', { method: 'DELETE' })
  t.same(answer.json(), { provider: 'calendar', profile: 'default', disconnected: true, revoked: true })
  const { event } = await socket.until(({ event }) => event?.type === 'failed')
  t.match(event?.data, { code: 'CONSENTRY_ERR_GRANT_REVOKED' })
  t.equal((await events).events.at(-1)?.type, 'failed')
  t.match(await statusOf(alice, server, started.executionId), { status: 'failed', error: { code: 'CONSENTRY_ERR_GRANT_REVOKED' } })
  socket.close()
  server.op.fail('revocation', 'status500')
  const again = await startReport(alice, server)
  await agree(alice, server, pendingOf(again)).catch(() => {})
  await statusOf(alice, server, again.executionId, ({ status }) => status === 'completed')
  t.match((await call(alice, server, '/auth/connections/calendar', { method: 'DELETE' })).json(), { disconnected: true, revoked: false, error: 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE' })
})

t.test('audit: started, granted, denied, refreshed, revoked, without a secret', async (t) => {
  const entries: AuditEntry[] = []
  const server = await startServer(t, { options: { audit: (entry) => { entries.push(entry) } }, op: { accessTokenTtl: 1 } })
  const alice = await server.browser('alice')
  const declined = await startReport(alice, server)
  await alice.open(await answerUpToCallback(alice, server, pendingOf(declined).connectUrl, 'deny'))
  const started = await startReport(alice, server)
  await agree(alice, server, pendingOf(started))
  await statusOf(alice, server, started.executionId, ({ status }) => status === 'completed')
  await call(alice, server, '/auth/connections/calendar', { method: 'DELETE' })
  const told = entries.map(({ type }) => type)
  t.same(told.filter((type) => type !== 'refreshed'), ['started', 'denied', 'started', 'granted', 'revoked'])
  const { userId } = (await call(alice, server, '/auth/userinfo')).json<{ userId: string }>()
  for (const entry of entries) t.match(entry, { tenant: 'default', userId, provider: 'calendar', profile: 'default', time: /^\d{4}-/ })
  t.match(entries.find(({ type }) => type === 'granted'), { account: { issuer: server.op.issuer, subject: String }, scopes: ['openid', 'calendar.read'] })
  const text = JSON.stringify(entries)
  for (const secret of server.op.ledger.secrets) t.notOk(text.includes(secret))
})
