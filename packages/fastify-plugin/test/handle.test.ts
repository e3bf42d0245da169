import { consent, signIn, type Browser, type Page } from '@consentry/testing'
import t, { type Test } from 'tap'
import { createApiKey } from '../src/index.ts'
import { call, codeOf, pendingOf, secret, startReport, startServer, type Status, type TestServer } from './server.ts'

const alice = createApiKey(secret)
const bob = createApiKey(secret)

const start = (t: Test): Promise<TestServer> => startServer(t, {
  routes: (app) => {
    app.post('/change', { config: { auth: true } }, async (_request, reply) => reply.execution(async (execution) => (await execution.authorize('calendar', { scopes: ['calendar.write'] })).scopes))
    app.post('/mail', { config: { auth: true } }, async (_request, reply) => reply.execution(async (execution) => (await execution.authorize('mail')).scopes))
  },
  options: { identity: { apiKey: { secret, find: (hash) => hash === alice.hash ? { id: 'alice' } : hash === bob.hash ? { id: 'bob' } : undefined } } }
})

/** A program, which has a key and no browser. */
async function program (server: TestServer, { key }: { key: string }, path: string, body?: object): Promise<{ status: number, text: string, json: <T>() => T }> {
  const response = await fetch(`${server.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'x-api-key': key, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) })
  })
  const text = await response.text()
  return { status: response.status, text, json: <T>() => JSON.parse(text) as T }
}

const report = async (server: TestServer): Promise<Status> => (await program(server, alice, '/report', {})).json<Status>()
const handleOf = ({ text }: Page): string => /<code id="handle">([^<]+)</.exec(text)?.[1] ?? ''
const completion = ({ flowId }: { flowId: string }): string => `/auth/connect/${flowId}/complete`

/** Takes the question in a browser, up to the provider's consent. */
async function take (browser: Browser, server: TestServer, connectUrl: string, username: string): Promise<Page> {
  const question = await browser.open(connectUrl)
  const page = await question.submit({}, { button: `Continue to ${new URL(server.op.issuer).host}` })
  return page.text.includes('name="password"') ? signIn(page, username) : page
}

t.test('B6 an owner without a session gets the answer by the handle that only the browser learnt', async (t) => {
  const server = await start(t)
  const started = await report(server)
  t.equal(started.status, 'oauth_required')
  const question = pendingOf(started)
  const browser = await server.browser()
  const page = await browser.open(question.connectUrl)
  t.match(page.text, /calendar\.read/)
  t.match(page.text, started.executionId)
  t.notMatch(page.text, 'Started by', 'nothing of who the owner is')
  const parked = await consent(await take(browser, server, question.connectUrl, 'alice'), 'allow')
  t.equal(parked.title, 'One step left')
  t.equal(server.op.ledger.token.authorization_code, 0, 'nothing is exchanged before the owner says so')
  t.equal((await program(server, alice, `/executions/${started.executionId}`)).json<Status>().status, 'oauth_required')

  const handle = handleOf(parked)
  t.ok(Buffer.from(handle, 'base64url').length >= 16)
  t.equal((await program(server, bob, completion(question), { handle })).status, 403, 'another owner gets nothing for it')
  t.equal((await fetch(`${server.url}${completion(question)}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ handle }) })).status, 401)
  t.equal(codeOf(await program(server, alice, completion(question), { handle: `${handle.slice(0, -1)}_` })), 'CONSENTRY_ERR_HANDLE_UNKNOWN')
  t.equal(codeOf(await program(server, alice, completion(question), { handle: 7 })), 'CONSENTRY_ERR_MESSAGE_INVALID')

  const done = await program(server, alice, completion(question), { handle: ` ${handle}\n` })
  t.match(done.json(), { outcome: 'granted', provider: 'calendar', profile: 'default' })
  for (;;) {
    const { status, result } = (await program(server, alice, `/executions/${started.executionId}`)).json<Status>()
    if (status !== 'completed') continue
    t.ok((result?.events.length ?? 0) > 0)
    break
  }
  t.match((await program(server, alice, completion(question), { handle })).json(), { outcome: 'granted' }, 'a second time it says how it ended')
  t.equal(server.op.ledger.token.authorization_code, 1)
  const log = server.log.text()
  for (const text of [handle, ...server.op.ledger.secrets]) t.notOk(log.includes(text), 'B17')
})

t.test('B6 who signs in to the same browser as someone else is no obstacle, and the flow of a session knows no handle', async (t) => {
  const server = await start(t)
  const person = await server.browser('bob')
  const question = pendingOf(await report(server))
  const parked = await consent(await take(person, server, question.connectUrl, 'bob'), 'allow')
  t.match((await program(server, alice, completion(question), { handle: handleOf(parked) })).json(), { outcome: 'granted' })

  const own = pendingOf(await startReport(person, server))
  const stranger = await server.browser()
  t.match((await stranger.open(own.connectUrl, { stopAt: (url) => url.origin !== server.url })).next, server.op.issuer, 'login first')
  const forged = await fetch(own.connectUrl, { method: 'POST', redirect: 'manual', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'answer=continue' })
  t.equal(forged.status, 401)
})

t.test('B6 what one browser learns of a question is worth nothing in another', async (t) => {
  const server = await start(t)
  const question = pendingOf(await report(server))
  const [mallory, victim] = [await server.browser(), await server.browser()]
  const back = (url: URL): boolean => url.pathname.startsWith('/auth/callback/')
  const consentOf = await take(mallory, server, question.connectUrl, 'bob')
  const { next = '' } = await consent(consentOf, 'allow', { stopAt: back })
  t.ok(next.includes('code='))
  await take(victim, server, question.connectUrl, 'alice')
  const planted = await victim.open(next)
  t.equal(planted.status, 400)
  t.equal(codeOf(planted), 'CONSENTRY_ERR_BINDING_MISMATCH', 'the code of one account does not get into the browser of another person')
  t.equal(handleOf(planted), '')
  t.not(new URL(next).searchParams.get('state')?.split('.')[0], question.flowId, 'the state is not the flow\'s own')
})

t.test('B6 who declines there changes nothing, and forms come from our own page alone', async (t) => {
  const server = await start(t)
  const started = await report(server)
  const question = pendingOf(started)
  const browser = await server.browser()
  t.equal((await (await browser.open(question.connectUrl)).submit({}, { button: 'Decline' })).title, 'Declined')
  const denied = await consent(await take(browser, server, question.connectUrl, 'alice'), 'deny')
  t.equal(denied.title, 'Declined')
  t.equal((await program(server, alice, `/executions/${started.executionId}`)).json<Status>().status, 'oauth_required')
  const page = await browser.open(question.connectUrl)
  const token = /name="_csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
  for (const [headers, csrf] of [[{ origin: 'https://evil.example' }, token], [{ 'sec-fetch-site': 'cross-site' }, token], [{}, 'x']] as Array<[Record<string, string>, string]>) {
    const forged = await fetch(question.connectUrl, { method: 'POST', redirect: 'manual', headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers }, body: new URLSearchParams({ answer: 'continue', _csrf: csrf }) })
    t.equal(forged.status, 403, JSON.stringify(headers))
  }
})

t.test('B6 a handle counts for the question that it answers, and the way there says nothing of the owner', async (t) => {
  const server = await start(t)
  const browser = await server.browser()
  const first = pendingOf(await report(server))
  const answered = await consent(await take(browser, server, first.connectUrl, 'alice'), 'allow')
  t.match((await program(server, alice, completion(first), { handle: handleOf(answered) })).json(), { outcome: 'granted' })

  // Reconnected, the question would name the account, if it were the owner's browser.
  const started = (await program(server, alice, '/change', {})).json<Status>()
  const step = pendingOf(started)
  const other = pendingOf((await program(server, alice, '/mail', {})).json<Status>())
  const question = await browser.open(step.connectUrl)
  const { next = '' } = await question.submit({}, { button: `Continue to ${new URL(server.op.issuer).host}`, stopAt: (url) => url.origin !== server.url })
  t.equal(new URL(next).searchParams.get('login_hint'), null)
  const parked = await consent(await browser.open(next), 'allow')
  const handle = handleOf(parked)
  t.equal(codeOf(await program(server, alice, completion(other), { handle })), 'CONSENTRY_ERR_HANDLE_UNKNOWN', 'another question of the same owner')
  t.match((await program(server, alice, completion(step), { handle })).json(), { outcome: 'granted' })
})

t.test('B6 a session that hands in a handle needs its token', async (t) => {
  const server = await start(t)
  const person = await server.browser('bob')
  const own = pendingOf(await startReport(person, server))
  const answer = await call(person, server, completion(own), { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"handle":"x"}' })
  t.equal(codeOf(answer), 'CONSENTRY_ERR_CROSS_ORIGIN')
})
