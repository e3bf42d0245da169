import t from 'tap'
import { createClient, type ExecutionEvent, type Question } from '../src/index.ts'
import { errorOf } from '../src/errors.ts'
import { document, event, hostileServer, json, problem, stream, wellBehaved } from './hostile-server.ts'
import { brief, eventsOf } from './server.ts'

t.setTimeout(300_000)

const question = { flowId: 'f', provider: 'p', profile: 'default', label: 'P', host: 'p.example', scopes: ['a'], connectUrl: '', expiresAt: '2026-01-01T00:10:00.000Z' }
const all: ExecutionEvent[] = [event(1, 'running', {}), event(2, 'progress', 1), event(3, 'progress', 2), event(4, 'completed', { result: 'done' })]
const inShort = ['1 running', '2 progress', '3 progress', '4 completed']

t.test('T15 frames that are none of this server\'s: the run is followed over HTTP, and nothing is thrown', async (t) => {
  const frames = ['{', 'null', '1', '""', '[]', '{}', '{"type":"event"}', '{"type":"event","event":null}', '{"type":"event","event":{}}', '{"type":"event","event":{"executionId":"y","type":"oauth_required","seq":1}}', '{"type":"error"}', '{"type":"auth_result","status":"error"}', '{"type":"pong"}', Buffer.from([0, 255])]
  for (const frame of frames) {
    const server = await hostileServer(t, {
      connected: (socket) => { socket.send(frame) },
      socket: wellBehaved(all),
      http: (request, response) => {
        if (request.url === '/executions/x') json(response, 200, document('completed', 4))
        else stream(response, all)
      }
    })
    const handle = server.client().follow('x')
    t.same(brief(await eventsOf(handle)), inShort, String(frame))
    t.equal(await handle.result, 'done')
  }
})

t.test('R10 events repeated, reordered and with gaps: each once, in order', async (t) => {
  const mixed = [3, 1, 1, 4, 2, 3, 4, 1].map((seq) => all[seq - 1])
  const socket = await hostileServer(t, { socket: (socket, { type }) => {
    if (type === 'subscribe') for (const one of mixed) socket.send(JSON.stringify({ type: 'event', event: one }))
    if (type === 'ping') socket.send('{"type":"pong"}')
  } })
  t.same(brief(await eventsOf(socket.client().follow('x'))), inShort)
  const http = await hostileServer(t, { http: (request, response) => {
    if (request.url === '/executions/x') return json(response, 200, document('completed', 4))
    const after = Number(request.headers['last-event-id'])
    stream(response, [...all.filter(({ seq }) => seq <= after + 1), ...all.slice(after)])
  } })
  t.same(brief(await eventsOf(http.client({ WebSocket: false }).follow('x'))), inShort)
  const gone = await hostileServer(t, { http: (request, response) => {
    if (request.url === '/executions/x') json(response, 200, document('completed', 4))
    else stream(response, [all[1], all[3]])
  } })
  t.same(brief(await eventsOf(gone.client({ WebSocket: false }).follow('x'))), ['1-1 missed', '2 progress', '3-3 missed', '4 completed'])
})

t.test('answers that are no status and events that are none: asked again, until one is', async (t) => {
  const bodies: unknown[] = [null, {}, [], 'text', 7]
  const blocks: unknown[] = ['{', 'null', {}, { seq: 'one' }]
  const server = await hostileServer(t, { http: (request, response) => {
    if (request.url === '/executions/x') json(response, 200, bodies.length > 0 ? bodies.shift() : document('completed', 4))
    else stream(response, blocks.length > 0 ? [blocks.shift()] : all)
  } })
  const handle = server.client({ WebSocket: false }).follow('x')
  t.same(brief(await eventsOf(handle)), inShort)
  t.equal(blocks.length, 0)
})

t.test('an end without its data is an end', async (t) => {
  for (const type of ['completed', 'failed', 'cancelled'] as const) {
    const server = await hostileServer(t, { socket: wellBehaved([{ ...event(1, type, null as never) }]) })
    const result = server.client().follow('x').result
    if (type === 'completed') t.equal(await result, undefined)
    else await t.rejects(result, { name: 'ClientError' })
  }
})

t.test('B21 T4 what does not lead to the server cannot be opened', async (t) => {
  for (const connectUrl of ['javascript:alert(1)', 'data:text/html,x', 'https://elsewhere.example/', '//elsewhere.example/', 'http://[', '', '/auth/connect/f', 'blob:ORIGIN/x', 'ORIGIN', 'ORIGIN.elsewhere.example/', 'ORIGIN@elsewhere.example/', 'http://user@HOST/']) {
    const server = await hostileServer(t, {
      socket: (socket, { type }) => {
        if (type !== 'ping') return
        const url = connectUrl.replace('ORIGIN', server.url).replace('HOST', new URL(server.url).host)
        socket.send(JSON.stringify({ type: 'event', event: event(1, 'oauth_required', { ...question, connectUrl: url }) }))
        socket.send('{"type":"pong"}')
      }
    })
    const client = server.client()
    const asked = await new Promise<Question>((resolve) => client.onOauthRequired(resolve))
    t.match(asked, { connectUrl: undefined, flowId: 'f', host: 'p.example' }, connectUrl)
    t.equal(asked.open(), null)
    client.close()
    t.equal(await asked.outcome, undefined)
  }
})

t.test('B21 a page that reaches the server by another address names where questions lead, and they lead nowhere else', async (t) => {
  const named = 'https://app.example'
  for (const [connectUrl, opens] of [
    [`${named}/auth/connect/f`, true], ['SERVER/auth/connect/f', false], ['https://elsewhere.example/', false], [`${named}.elsewhere.example/`, false], [`${named}@elsewhere.example/`, false],
    [`${named}:8443/`, false], ['http://app.example/', false], [named, false], ['/auth/connect/f', false], ['javascript:alert(1)', false]
  ] as const) {
    const server = await hostileServer(t, {
      socket: (socket, { type }) => {
        if (type !== 'ping') return
        socket.send(JSON.stringify({ type: 'event', event: event(1, 'oauth_required', { ...question, connectUrl: connectUrl.replace('SERVER', server.url) }) }))
        socket.send('{"type":"pong"}')
      }
    })
    const client = server.client({ connectOrigin: `${named}/anything` })
    const asked = await new Promise<Question>((resolve) => client.onOauthRequired(resolve))
    t.equal(asked.connectUrl, opens ? connectUrl : undefined, connectUrl)
    t.equal(asked.open(), null, 'and nothing without a person')
    client.close()
  }
  t.throws(() => createClient({ baseUrl: named, connectOrigin: 'app.example' }), TypeError)
})

t.test('T15 names that every object has are names like others', async (t) => {
  const text = JSON.stringify(event(2, 'progress', {})).replace('"data":{}', '"data":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}},"__proto__":{"polluted":1}')
  const ask = JSON.stringify(event(3, 'oauth_required', { ...question, flowId: '__proto__', provider: 'constructor' })).replace('"label"', '"__proto__":{"polluted":1},"label"')
  const server = await hostileServer(t, { socket: (socket, { type }) => {
    if (type === 'subscribe') for (const one of [JSON.stringify(all[0]), text, ask]) socket.send(`{"type":"event","event":${one}}`)
    if (type === 'ping') socket.send('{"type":"pong"}')
  } })
  const client = server.client()
  const asked = new Promise<Question>((resolve) => client.onOauthRequired(resolve))
  client.follow('x')
  t.match(await asked, { flowId: '__proto__', provider: 'constructor' })
  t.equal(({} as { polluted?: unknown }).polluted, undefined)
  t.equal((await asked as { polluted?: unknown }).polluted, undefined)
})

t.test('refusals end with their code, in every state; what may pass is asked again', async (t) => {
  for (const status of [400, 401, 403, 404, 410]) {
    for (const at of ['start', 'status', 'events'] as const) {
      const server = await hostileServer(t, { http: (request, response) => {
        const where = request.method === 'POST' ? 'start' : request.url === '/executions/x' ? 'status' : 'events'
        if (where === at) problem(response, status, `CONSENTRY_ERR_${status}`)
        else if (where === 'start') json(response, 202, document('running', 1))
        else json(response, 200, document('running', 1))
      } })
      const handle = server.client({ WebSocket: false }).run('/run')
      await t.rejects(handle.result, { code: `CONSENTRY_ERR_${status}`, status, retryable: false }, `${status} at ${at}`)
      await t.rejects(eventsOf(handle), { code: `CONSENTRY_ERR_${status}` })
    }
  }
  for (const status of [429, 500, 502, 503, 504]) {
    for (const at of ['status', 'events'] as const) {
      let left = 4
      const server = await hostileServer(t, { http: (request, response) => {
        const where = request.url === '/executions/x' ? 'status' : 'events'
        if (where === at && left-- > 0) return left % 2 === 0 ? problem(response, status, 'CONSENTRY_ERR_BUSY') : void response.writeHead(status).end('<h1>proxy')
        if (where === 'status') json(response, 200, document('completed', 4))
        else stream(response, all)
      } })
      t.same(brief(await eventsOf(server.client({ WebSocket: false }).follow('x'))), inShort, `${status} at ${at}`)
    }
  }
  const busy = await hostileServer(t, { http: (_request, response) => { problem(response, 429, 'CONSENTRY_ERR_TOO_MANY_EXECUTIONS', { 'retry-after': '7' }) } })
  await t.rejects(busy.client({ WebSocket: false }).run('/run').result, { code: 'CONSENTRY_ERR_TOO_MANY_EXECUTIONS', retryable: true, retryAfter: 7000 })
  t.equal(busy.requests.length, 1, 'a request that starts a run is sent once')
})

t.test('Retry-After in both forms, and in none', async (t) => {
  const after = async (value?: string): Promise<number | undefined> => (await errorOf(new Response('', { status: 503, ...value !== undefined && { headers: { 'retry-after': value } } }))).retryAfter
  t.equal(await after('7'), 7000)
  const inAnHour = await after(new Date(Date.now() + 3_600_000).toUTCString()) ?? 0
  t.ok(inAnHour > 3_000_000 && inAnHour <= 3_600_000, 'a date')
  for (const value of [undefined, '', 'soon', '-7', '0', new Date(0).toUTCString()]) t.equal(await after(value), undefined, value ?? 'none')
})

t.test('a server that asks for a rest longer than timers can be is not asked without one', async (t) => {
  for (const rest of ['99999999999', '1e300', 'Tue, 01 Jan 2999 00:00:00 GMT']) {
    const server = await hostileServer(t, { http: (_request, response) => { problem(response, 503, 'CONSENTRY_ERR_BUSY', { 'retry-after': rest }) } })
    server.client({ WebSocket: false }).follow('x')
    while (server.requests.length === 0) await new Promise((resolve) => { setTimeout(resolve, 5) })
    await new Promise((resolve) => { setTimeout(resolve, 200) })
    t.equal(server.requests.length, 1, rest)
  }
})

t.test('close codes: who is refused is followed over HTTP, all others come back', async (t) => {
  for (const code of [4401, 4403, 4408, 4413, 1012, 1011, 1001, undefined]) {
    const server = await hostileServer(t, {
      socket: (socket, said, connection) => {
        if (connection > 0) return wellBehaved(all)(socket, said, connection)
        if (code === undefined) socket.terminate()
        else socket.close(code)
      },
      http: (request, response) => {
        if (request.url === '/executions/x') json(response, 200, document('completed', 4))
        else stream(response, all)
      }
    })
    const client = server.client()
    const states: string[] = []
    client.onConnection((state, error) => { states.push(error?.code ?? state) })
    t.same(brief(await eventsOf(client.follow('x'))), inShort, String(code))
    const refused = [4401, 4403, 4408].includes(code ?? 0)
    t.equal(server.sockets, refused ? 1 : 2, String(code))
    t.equal(states.includes(code === 4403 ? 'CONSENTRY_ERR_FORBIDDEN' : 'CONSENTRY_ERR_AUTHENTICATION_REQUIRED'), refused)
  }
})

t.test('a token whose time is over in the middle: the next is asked for', async (t) => {
  let asked = 0
  const server = await hostileServer(t, { socket: (socket, said, connection) => {
    if (connection > 1) return wellBehaved(all)(socket, said, connection)
    wellBehaved(all.slice(0, connection + 1))(socket, said, connection)
    if (said.type === 'subscribe') setTimeout(() => { socket.close(4401) }, 20)
  } })
  const client = server.client({ token: async () => `key-${++asked}` })
  t.same(brief(await eventsOf(client.follow('x'))), inShort)
  t.equal(asked, 3)
})

t.test('what a listener throws is its own', async (t) => {
  const server = await hostileServer(t, { socket: wellBehaved(all) })
  const client = server.client()
  const fault = new Error('of the listener')
  const faults: unknown[] = []
  process.setUncaughtExceptionCaptureCallback((error) => { faults.push(error) })
  t.teardown(() => { process.setUncaughtExceptionCaptureCallback(null) })
  let thrown = false
  client.onConnection((state) => {
    if (state !== 'open' || thrown) return
    thrown = true
    throw fault
  })
  t.same(brief(await eventsOf(client.follow('x'))), inShort)
  t.same(faults, [fault])
})

t.test('many runs at once: no more is said than a server takes', async (t) => {
  let said = 0
  const server = await hostileServer(t, {
    socket: (socket, message, connection) => {
      said++
      if (message.type === 'subscribe') socket.send(JSON.stringify({ type: 'event', event: { ...event(1, 'completed', { result: message.executionId }), executionId: message.executionId } }))
      else wellBehaved([])(socket, message, connection)
    },
    http: (request, response) => {
      const id = /executions\/(\w+)/.exec(request.url ?? '')?.[1] ?? ''
      if (request.url?.endsWith('/events') === true) stream(response, [{ ...event(1, 'completed', { result: id }), executionId: id }])
      else json(response, 200, { ...document('completed', 1), executionId: id })
    }
  })
  const client = server.client()
  const stop = client.onOauthRequired(() => {})
  const ids = Array.from({ length: 200 }, (_, index) => `run${index}`)
  t.same(await Promise.all(ids.map((id) => client.follow(id).result)), ids)
  t.ok(said <= 60, `${said} messages`)
  t.equal(server.sockets, 1)
  stop()
})

t.test('large events and results, whole, over every transport', async (t) => {
  const large = [event(1, 'running', {}), ...Array.from({ length: 20 }, (_, index) => event(index + 2, 'progress', 'ü€'.repeat(16_000))), event(22, 'completed', { result: '\u{1f600}'.repeat(250_000) })]
  const server = await hostileServer(t, {
    socket: wellBehaved(large),
    http: (request, response) => {
      if (request.url === '/executions/x') json(response, 200, document('completed', 22))
      else stream(response, large)
    }
  })
  for (const options of [{}, { WebSocket: false as const }]) {
    const handle = server.client(options).follow('x')
    t.same(await eventsOf(handle), large)
    t.equal(await handle.result, '\u{1f600}'.repeat(250_000))
  }
})

t.test('what nobody waits for is nobody\'s failure', async (t) => {
  const server = await hostileServer(t, { http: (_request, response) => { problem(response, 404, 'CONSENTRY_ERR_EXECUTION_NOT_FOUND') } })
  const client = server.client({ WebSocket: false, token: async () => { throw new Error('no token') } })
  client.run('/run')
  client.follow('x')
  const other = server.client({ WebSocket: false })
  other.run('/run')
  const followed = other.follow('x')
  await followed.result.catch(() => {})
  client.close()
  // An unhandled rejection fails this test.
  await new Promise((resolve) => { setTimeout(resolve, 20) })
  t.ok(server.requests.length > 0)
})
