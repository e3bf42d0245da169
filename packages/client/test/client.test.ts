import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { createClient, type Question } from '../src/index.ts'
import { cuttingProxy } from './cutting-proxy.ts'
import { answer, apiKey, asPage, brief, eventsOf, socketWith, startServer, whole } from './server.ts'

t.setTimeout(300_000)

t.test('a run, its question and its end; other tabs clear with it', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const [page, tab] = [createClient(asPage(server, alice)), createClient(asPage(server, alice))]
  t.teardown(() => { for (const client of [page, tab]) client.close() })
  const elsewhere = new Promise<Question>((resolve) => tab.onOauthRequired(resolve))
  const handle = page.run<string>('/run', { month: 'May' })
  const asked = await new Promise<Question>((resolve) => page.onOauthRequired(resolve))
  t.match(asked, { provider: 'calendar', profile: 'default', scopes: ['calendar.read'], label: 'Calendar', host: server.askingHost, connectUrl: `${server.url}/auth/connect/${asked.flowId}`, executionId: await handle.executionId })
  t.equal(asked.open(), null, 'B21: nothing is opened where there is no person')
  t.match(await elsewhere, { flowId: asked.flowId, label: 'Calendar', host: server.askingHost })
  await answer(server, alice, asked)
  t.equal(await asked.outcome, 'granted')
  t.equal(await (await elsewhere).outcome, 'granted', 'in the other tab')
  t.equal(await handle.result, 'done')
  t.same(brief(await eventsOf(handle)), whole)
  t.same(brief(await eventsOf(handle)), whole, 'each iteration begins at the first')

  const reloaded = createClient(asPage(server, alice))
  let asking = 0
  reloaded.onOauthRequired(() => { asking++ })
  t.same(brief(await eventsOf(reloaded.follow(await handle.executionId ?? ''))), whole, 'followed again')
  t.equal(asking, 0, 'what was answered is not asked again')
  reloaded.close()
})

t.test('a run that ended before it needed anyone, by 200 and by 202', async (t) => {
  const server = await startServer(t, { run: (execution, body) => {
    execution.progress('one')
    return body
  } })
  const alice = await server.browser('alice')
  const client = createClient(asPage(server, alice))
  t.teardown(() => { client.close() })
  for (const headers of [{}, { prefer: 'wait=10' }] as Array<Record<string, string>>) {
    const handle = client.run('/run', { a: 1 }, { headers })
    t.same(await handle.result, { a: 1 })
    t.same(brief(await eventsOf(handle)), headers['prefer'] === undefined ? ['1 running', '2 progress', '3 completed'] : [], 'who waits for the answer gets that alone')
  }
  const plain = client.run('/plain', { a: 1 })
  t.same(await plain.result, { said: { a: 1 } }, 'a route that runs nothing')
  t.equal(await plain.executionId, undefined)
  t.same(await eventsOf(plain), [])
})

t.test('a program with an API key, over WebSocket and without', async (t) => {
  const server = await startServer(t)
  for (const WebSocket of [socketWith({}), false] as const) {
    const client = createClient({ baseUrl: server.url, token: async () => apiKey, WebSocket })
    const states: string[] = []
    client.onConnection((state) => { states.push(state) })
    const handle = client.run('/run')
    const asked = await new Promise<Question>((resolve) => client.onOauthRequired(resolve))
    await handle.cancel()
    await t.rejects(handle.result, { code: 'CONSENTRY_ERR_EXECUTION_CANCELLED', retryable: false })
    t.equal((await eventsOf(handle)).at(-1)?.type, 'cancelled')
    t.ok([undefined, 'cancelled'].includes(await asked.outcome))
    t.equal(states.includes('open'), WebSocket !== false)
    client.close()
  }
})

t.test('who is not let in is told the code, once', async (t) => {
  const server = await startServer(t)
  for (const options of [{}, { token: `${apiKey}x` }, { WebSocket: false as const }]) {
    const client = createClient({ baseUrl: server.url, WebSocket: socketWith({}), ...options })
    const refused = new Promise<{ code?: string }>((resolve) => client.onConnection((_, error) => { if (error !== undefined) resolve(error) }))
    const handle = client.follow('x')
    await t.rejects(handle.result, { code: /AUTHENTICATION_REQUIRED|CREDENTIAL_INVALID/, status: 401, retryable: false })
    await t.rejects(eventsOf(handle), { code: /^CONSENTRY_ERR_/, status: 401 })
    if (!('WebSocket' in options)) t.match(await refused, { code: /AUTHENTICATION_REQUIRED|CREDENTIAL_INVALID/ })
    client.close()
  }
  const alice = await server.browser('alice')
  const page = createClient(asPage(server, alice))
  await t.rejects(page.follow('unknown').result, { code: 'CONSENTRY_ERR_EXECUTION_NOT_FOUND', status: 404 })
  const out = new Promise<{ code?: string }>((resolve) => page.onConnection((_, error) => { if (error !== undefined) resolve(error) }))
  const asked = new Promise<Question>((resolve) => page.onOauthRequired(resolve))
  const handle = page.run('/run')
  await asked
  const headers = { cookie: alice.cookieHeader(server.url), 'sec-fetch-site': 'same-origin' }
  const { csrfToken } = (await server.app.inject({ url: '/auth/status', headers })).json<{ csrfToken: string }>()
  t.ok((await server.app.inject({ method: 'POST', url: '/auth/logout', headers: { ...headers, 'x-csrf-token': csrfToken } })).statusCode < 400)
  t.match(await out, { code: 'CONSENTRY_ERR_AUTHENTICATION_REQUIRED' }, '4401')
  await t.rejects(handle.result, { code: /^CONSENTRY_ERR_/, status: 401 })
  page.close()
})

t.test('gaps of a log that was trimmed are told, over every transport', async (t) => {
  const server = await startServer(t, { options: { executions: { maxEvents: 4 } }, run: (execution) => {
    for (let step = 0; step < 8; step++) execution.progress(step)
    return 'done'
  } })
  const alice = await server.browser('alice')
  const starter = createClient(asPage(server, alice, { WebSocket: false }))
  const id = await starter.run('/run').executionId ?? ''
  await starter.follow(id).result
  for (const options of [{}, { WebSocket: false as const }]) {
    const client = createClient(asPage(server, alice, options))
    t.same(brief(await eventsOf(client.follow(id))), ['1-6 missed', '7 progress', '8 progress', '9 progress', '10 completed'])
    client.close()
  }
  starter.close()
})

t.test('aborted: the waiting ends with its reason, the run goes on', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const client = createClient(asPage(server, alice))
  t.teardown(() => { client.close() })
  const handle = client.run('/run')
  const stop = new AbortController()
  const watched = client.follow(await handle.executionId ?? '', { signal: stop.signal })
  const events = eventsOf(watched)
  const asked = await new Promise<Question>((resolve) => client.onOauthRequired(resolve))
  stop.abort(new Error('enough'))
  await t.rejects(watched.result, { message: 'enough' })
  await t.rejects(events, { message: 'enough' })
  await answer(server, alice, asked, 'deny')
  await t.rejects(handle.result, { code: 'CONSENTRY_ERR_CONSENT_DENIED' })
  client.close()
  await t.rejects(client.follow('x').result, { code: 'CONSENTRY_CLIENT_CLOSED' })
})

t.test('a question answered while the connection was away is over when it is back', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  let away = false
  const proxy = await cuttingProxy(t, server.port, () => away ? { bytes: 1 } : { events: 1 })
  const client = createClient(asPage(server, alice, { baseUrl: proxy.url }))
  t.teardown(() => { client.close() })
  const first = new Promise<Question>((resolve) => client.onOauthRequired(resolve))
  const starter = createClient(asPage(server, alice, { WebSocket: false }))
  const asked = new Promise<Question>((resolve) => starter.onOauthRequired(resolve))
  const handle = starter.run('/run')
  const question = await first
  t.equal(question.connectUrl, undefined, 'B21: what leads to another origin than the server is not opened')
  away = true
  await answer(server, alice, await asked)
  await handle.result
  away = false
  t.ok([undefined, 'granted'].includes(await question.outcome))
  starter.close()
})

t.test('a server that restarts is found again, and what it forgot is told', async (t) => {
  const first = await startServer(t)
  const client = createClient({ baseUrl: first.url, token: apiKey, WebSocket: socketWith({}), backoff: { first: 10, longest: 100 } })
  t.teardown(() => { client.close() })
  const states: string[] = []
  client.onConnection((state) => { states.push(state) })
  const question = new Promise<Question>((resolve) => client.onOauthRequired(resolve))
  const handle = client.run('/run')
  await question
  await first.app.close()
  await t.rejects(handle.result, { code: 'CONSENTRY_ERR_SHUTDOWN', retryable: true })
  await startServer(t, { port: first.port })
  while (states.at(-1) !== 'open') await delay(10)
  t.match(states.join(), /open,.*lost.*,open/)
  await t.rejects(client.follow(await handle.executionId ?? '').result, { code: 'CONSENTRY_ERR_EXECUTION_NOT_FOUND' })
})

t.test('a request goes to baseUrl alone and follows no redirect', async (t) => {
  const server = await startServer(t)
  const client = createClient({ baseUrl: server.url, token: apiKey, WebSocket: false })
  await t.rejects(client.run('//elsewhere.example/run').result, TypeError)
  await t.rejects(client.run('https://elsewhere.example/run').result, TypeError)
  t.throws(() => createClient({ baseUrl: 'nowhere' }), TypeError)
  const missing = client.run('/nothing')
  await t.rejects(missing.result, { code: 'CONSENTRY_CLIENT_UNREACHABLE', status: 404, retryable: false })
  client.close()
})
