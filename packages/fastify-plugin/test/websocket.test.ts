import { createClock } from '@consentry/testing'
import fc from 'fast-check'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { once } from 'node:events'
import t from 'tap'
import { WebSocket } from 'ws'
import { readMessage } from '../src/messages.ts'
import { answerUpToCallback, call, pendingOf, readEvents, startReport, startServer, statusOf } from './server.ts'
import { audience, issuer, tokenIssuer } from './jwt.ts'
import { openSocket } from './socket.ts'

const last = (type: string) => ({ event }: { event?: { type: string } }): boolean => event?.type === type

t.test('a user\'s clients hear of everything, and nobody else\'s', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const tabs = await Promise.all([openSocket(server, { browser: alice }), openSocket(server, { browser: alice })])
  const stranger = await openSocket(server, { browser: await server.browser('bob') })
  const started = await startReport(alice, server)
  await Promise.all(tabs.map((tab) => tab.until(last('oauth_required'))))
  await alice.open(await answerUpToCallback(alice, server, pendingOf(started).connectUrl))
  await Promise.all(tabs.map((tab) => tab.until(last('completed'))))
  for (const { events } of tabs) {
    t.same(events.map(({ seq, type }) => [seq, type]), [[1, 'running'], [2, 'progress'], [3, 'oauth_required'], [4, 'oauth_resolved'], [5, 'completed']])
    t.same(new Set(events.map(({ executionId }) => executionId)), new Set([started.executionId]))
    t.match(events[3]?.data, { flowId: pendingOf(started).flowId, provider: 'calendar', profile: 'default', outcome: 'granted' })
  }
  t.same(stranger.messages, [], 'B12')
  for (const socket of [...tabs, stranger]) socket.close()
})

t.test('a client that comes later gets the pending question first, then what comes', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const started = await startReport(alice, server)
  const reloaded = await openSocket(server, { browser: alice })
  const first = await reloaded.until(() => true)
  t.match(first, { type: 'event', event: { type: 'oauth_required', seq: 3, executionId: started.executionId, data: pendingOf(started) } })
  await alice.open(await answerUpToCallback(alice, server, pendingOf(started).connectUrl))
  await reloaded.until(last('completed'))
  t.same(reloaded.events.map(({ seq }) => seq), [3, 4, 5])
  reloaded.close()
})

t.test('R10 a connection that drops at any event resumes after the last seq', async (t) => {
  const server = await startServer(t, {
    routes: (app) => {
      app.post('/steps', { config: { auth: true } }, async (_request, reply) => reply.execution(async (execution) => {
        for (let step = 1; step <= 5; step++) execution.progress({ step })
        await execution.authorize('calendar', { scopes: ['calendar.read'] })
        for (let step = 6; step <= 10; step++) execution.progress({ step })
        return 'done'
      }))
    }
  })
  const alice = await server.browser('alice')
  const started = await startReport(alice, server, '/steps')
  await alice.open(await answerUpToCallback(alice, server, pendingOf(started).connectUrl))
  await statusOf(alice, server, started.executionId, ({ status }) => status === 'completed')
  const total = 14
  for (let cut = 0; cut <= total; cut++) {
    const socket = await openSocket(server, { browser: alice })
    socket.send({ type: 'subscribe', executionId: started.executionId, after: cut })
    if (cut < total) await socket.until(last('completed'))
    else {
      socket.send({ type: 'ping', id: 1 })
      await socket.until(({ type }) => type === 'pong')
    }
    t.same(socket.events.map(({ seq }) => seq), Array.from({ length: total - cut }, (_, index) => cut + index + 1), `cut after ${cut}`)
    socket.close()
  }
  const bob = await openSocket(server, { browser: await server.browser('bob') })
  bob.send({ type: 'subscribe', executionId: started.executionId })
  t.match(await bob.until(() => true), { type: 'error', code: 'CONSENTRY_ERR_EXECUTION_NOT_FOUND' }, 'the owner is checked again')
  bob.send({ type: 'cancel', executionId: started.executionId })
  await bob.until(() => bob.messages.length === 2)
  t.same(bob.events, [])
  bob.close()
})

t.test('B20 T13 an upgrade from a foreign origin is refused before the socket opens', async (t) => {
  const server = await startServer(t, { options: { allowedOrigins: ['https://dev.example.com'] } })
  const alice = await server.browser('alice')
  for (const origin of ['https://evil.example', 'null', server.url.replace('127.0.0.1', 'localhost'), `${server.url}.evil.example`, 'http://127.0.0.1:1']) {
    await t.rejects(openSocket(server, { browser: alice, origin }), { message: '403' }, origin)
    await t.rejects(openSocket(server, { origin }), { message: '403' }, `${origin}, not signed in`)
  }
  for (const origin of [server.url, 'https://dev.example.com', '']) (await openSocket(server, { browser: alice, origin })).close()
  await t.rejects(openSocket(server, { headers: { cookie: '__Host-consentry-session=unknown' } }), { message: '401' }, 'a session that is none')
  await t.rejects(openSocket(server, { headers: { authorization: 'Bearer a.b.c' } }), { message: '401' }, 'a token that is none')
})

t.test('B20 nothing is delivered before the sign-in, which must come in time', async (t) => {
  const { jwks, sign } = await tokenIssuer()
  const clock = createClock()
  const server = await startServer(t, {
    options: { clock, identity: { jwt: { issuers: [{ issuer, audience, jwks }] } }, websocket: { authTimeout: 300 } }
  })
  const silent = await openSocket(server)
  silent.send({ type: 'subscribe', executionId: 'x' })
  t.match(await silent.until(() => true), { type: 'error', code: 'CONSENTRY_ERR_AUTHENTICATION_REQUIRED' })
  await clock.advance(299)
  t.equal(silent.socket.readyState, silent.socket.OPEN)
  // A deadline may come up to a sixteenth later.
  await clock.advance(20)
  t.match(await silent.closed, { code: 4408 })

  const carol = await openSocket(server)
  const token = await sign()
  carol.send({ type: 'auth', method: 'jwt', token: `${token}x` })
  t.match(await carol.until(({ status }) => status === 'error'), { type: 'auth_result', error: { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' } })
  carol.send({ type: 'auth', method: 'jwt', token })
  const { userId } = await carol.until(({ status }) => status === 'success')
  const me = await (await fetch(`${server.url}/auth/userinfo`, { headers: { authorization: `Bearer ${token}` } })).json() as { userId: string }
  t.equal(userId, me.userId)
  const started = await (await fetch(`${server.url}/report`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })).json() as { executionId: string }
  t.match(await carol.until(last('oauth_required')), { event: { executionId: started.executionId } })
  carol.send({ type: 'cancel', executionId: started.executionId })
  t.match(await carol.until(last('cancelled')), { event: { data: { reason: /./ } } })
  await clock.advance(1000)
  carol.send({ type: 'ping', id: 1 })
  await carol.until(({ type }) => type === 'pong')
  t.equal(carol.socket.readyState, carol.socket.OPEN, 'the time limit was for signing in')
  carol.close()
})

t.test('a connection whose tenant cannot be told is closed with 4403', async (t) => {
  const { jwks, sign } = await tokenIssuer()
  const server = await startServer(t, { options: { tenant: ({ claims }) => claims['tenant'] as string, identity: { jwt: { issuers: [{ issuer, audience, jwks }] } } } })
  const headers = { authorization: `Bearer ${await sign()}` }
  const byHeader = await openSocket(server, { headers })
  t.match(await byHeader.closed, { code: 4403 })
  t.match(byHeader.messages, [{ type: 'error', code: 'CONSENTRY_ERR_FORBIDDEN' }])
  const byMessage = await openSocket(server)
  byMessage.send({ type: 'auth', method: 'jwt', token: await sign() })
  t.match(await byMessage.closed, { code: 4403 })
  t.match(byMessage.messages, [{ type: 'auth_result', status: 'error', error: { code: 'CONSENTRY_ERR_FORBIDDEN' } }])
  const good = await openSocket(server, { headers: { authorization: `Bearer ${await sign({ tenant: 'one' })}` } })
  good.send({ type: 'ping', id: 1 })
  await good.until(({ type }) => type === 'pong')
  good.close()
})

t.test('B20 a connection ends with its credential', async (t) => {
  const { jwks, sign } = await tokenIssuer()
  const server = await startServer(t, { options: { identity: { jwt: { issuers: [{ issuer, audience, jwks }], clockTolerance: 0 }, session: { absoluteLifetime: 2, idleLifetime: 2 } } } })
  const token = await sign({ exp: Math.floor(Date.now() / 1000) + 2 })
  const byToken = await openSocket(server, { headers: { authorization: `Bearer ${token}` } })
  const expiring = await openSocket(server, { browser: await server.browser('bob') })

  t.match(await byToken.closed, { code: 4401 }, 'expiry of the token')
  t.match(await expiring.closed, { code: 4401 }, 'expiry of the session')
})

t.test('B20 a connection ends when its session was not used for too long', async (t) => {
  const server = await startServer(t, { options: { identity: { session: { idleLifetime: 1 } } } })
  const alice = await server.browser('alice')
  const socket = await openSocket(server, { browser: alice })
  const started = await startReport(alice, server)
  const stream = readEvents(alice, server, started.executionId)
  t.match(await socket.closed, { code: 4401 })
  t.equal((await stream).events.at(-1)?.type, 'oauth_required', 'an event stream too')
  t.same((await call(alice, server, '/auth/status')).json(), { authenticated: false })
})

t.test('B20 a connection ends at logout and at revocation, long before its session would', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const signedOut = await openSocket(server, { browser: alice })
  await call(alice, server, '/auth/logout', { method: 'POST' })
  t.match(await signedOut.closed, { code: 4401 }, 'logout')

  const again = await server.browser('alice')
  const revoked = await openSocket(server, { browser: again })
  const other = await openSocket(server, { browser: await server.browser('bob') })
  const secret = again.cookies(server.url).find(({ name }) => name.endsWith('session'))?.value ?? ''
  const session = await server.app.consentry.sessions.find(secret)
  t.equal((await server.app.consentry.sessions.revoke(session?.id ?? ''))?.id, session?.id)
  t.match(await revoked.closed, { code: 4401 }, 'revocation')
  t.equal(other.socket.readyState, other.socket.OPEN, 'nobody else is cut off')
  other.close()
})

t.test('T13 messages that are none get an error, too many or too large ones the end', async (t) => {
  const server = await startServer(t, { options: { websocket: { maxMessages: 20, maxPayload: 1024 } } })
  const alice = await server.browser('alice')
  const socket = await openSocket(server, { browser: alice })
  const hostile = ['', 'x', '[]', 'null', '{}', '{"type":"__proto__"}', '{"type":"subscribe"}', '{"type":"subscribe","executionId":1}', '{"type":"subscribe","executionId":"x","after":-1}',
    '{"type":"cancel","executionId":{}}', '{"type":"auth","method":"magic"}', '{"type":"ping","id":{}}']
  for (const message of hostile) socket.send(message)
  await socket.until(() => socket.messages.length === hostile.length)
  t.same(new Set(socket.messages.map(({ type, code }) => `${type} ${code}`)), new Set(['error CONSENTRY_ERR_MESSAGE_INVALID']))
  for (let count = 0; count < 20; count++) socket.send({ type: 'ping' })
  t.match(await socket.closed, { code: 4429 })

  const large = await openSocket(server, { browser: alice })
  large.send('x'.repeat(2000))
  t.match(await large.closed, { code: 4413 })
  const huge = await openSocket(server, { browser: alice })
  huge.send('x'.repeat(20_000))
  t.match(await huge.closed, { code: 1009 }, 'cut by the protocol before it is read (RFC 6455 section 7.4.1)')
  const binary = await openSocket(server, { browser: alice })
  binary.socket.send(Buffer.from('{"type":"ping"}'))
  t.match(await binary.until(() => true), { code: 'CONSENTRY_ERR_MESSAGE_INVALID' })
  binary.close()
})

const flood = (app: FastifyInstance): void => {
  app.post('/flood', { config: { auth: true } }, async (_request, reply) => reply.execution(async (execution) => {
    for (let round = 0; round < 400; round++) {
      execution.progress('x'.repeat(50_000))
      await new Promise((resolve) => setImmediate(resolve))
    }
    return 'done'
  }))
}

t.test('R11 T13 a client that does not read is cut off, and another is unharmed', async (t) => {
  const server = await startServer(t, { options: { websocket: { maxBuffered: 200_000, heartbeat: 400 } }, routes: flood })
  const alice = await server.browser('alice')
  const slow = await openSocket(server, { browser: alice })
  slow.socket.pause()
  const good = await openSocket(server, { browser: alice })
  const { executionId } = (await call(alice, server, '/flood', { method: 'POST', headers: { prefer: 'respond-async' } })).json<{ executionId: string }>()
  await good.until(last('completed'))
  await new Promise((resolve) => setTimeout(resolve, 1_200))
  slow.socket.resume()
  t.match(await slow.closed, { code: 4413 })
  t.ok(slow.events.length < 402)
  t.equal(good.events.filter((event) => event.executionId === executionId).length, 402)
  good.close()
})

t.test('R10 R11 a long log reaches a client that reads, in one connection', async (t) => {
  const server = await startServer(t, { options: { websocket: { maxBuffered: 100_000 } }, routes: flood })
  const alice = await server.browser('alice')
  const { executionId } = (await call(alice, server, '/flood', { method: 'POST', headers: { prefer: 'respond-async' } })).json<{ executionId: string }>()
  await statusOf(alice, server, executionId, ({ status }) => status === 'completed')
  const socket = await openSocket(server, { browser: alice })
  socket.send({ type: 'subscribe', executionId })
  await socket.until(last('completed'))
  t.same(socket.events.map(({ seq }) => seq), Array.from({ length: 402 }, (_, index) => index + 1))
  socket.close()
  const stream = await readEvents(alice, server, executionId)
  t.same(stream.events.map(({ seq }) => seq), Array.from({ length: 402 }, (_, index) => index + 1))
})

t.test('seed D: the application\'s own WebSockets: refused before the upgrade, checked by message, closed with the credential', async (t) => {
  const server = await startServer(t, {
    routes: (app) => {
      const echo = (socket: WebSocket, request: FastifyRequest): void => {
        socket.on('message', (data: Buffer) => {
          void request.isAllowed({ groups: [String(data)] }).then((allowed) => { socket.send(`${request.userInfo?.preferredUsername} ${String(data)} ${allowed}`) })
        })
      }
      app.get('/staff-socket', { websocket: true, config: { auth: { groups: ['staff'] } } }, echo)
      app.get('/admin-socket', { websocket: true, config: { auth: { groups: ['admins'] } } }, echo)
      app.get('/open-socket', { websocket: true }, echo)
      app.get('/throwing-socket', { websocket: true, config: { auth: { check: () => { throw new Error('a guard that throws') } } } }, echo)
    }
  })
  const bob = await server.browser('bob')
  const connect = async (path: string, headers: Record<string, string> = {}): Promise<WebSocket> => {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}${path}`, { headers: { cookie: bob.cookieHeader(server.url), origin: server.url, ...headers } })
    await once(socket, 'open')
    return socket
  }
  const refused = (path: string, status: number, headers?: Record<string, string>) => t.rejects(connect(path, headers), { message: new RegExp(`${status}`) }, `${path} ${JSON.stringify(headers ?? {})}`)
  await refused('/admin-socket', 403)
  await refused('/throwing-socket', 403)
  await refused('/staff-socket', 401, { cookie: '' })
  await refused('/staff-socket', 401, { cookie: '__Host-consentry-session=unknown' })
  await refused('/staff-socket', 403, { origin: 'https://evil.example' })
  const socket = await connect('/staff-socket')
  for (const [group, allowed] of [['staff', true], ['admins', false]] as const) {
    socket.send(group)
    const [data] = await once(socket, 'message') as [Buffer]
    t.equal(String(data), `bob ${group} ${allowed}`)
  }
  const open = await connect('/open-socket')
  const closed = once(socket, 'close')
  await call(bob, server, '/auth/logout', { method: 'POST' })
  t.equal((await closed)[0], 4401, 'B20')
  open.send('staff')
  const [after] = await once(open, 'message') as [Buffer]
  t.equal(String(after), 'bob staff false', 'a public one stays open, and its caller may do nothing any more')
  open.terminate()
})

t.test('T15 no message makes anything but a message or nothing', async () => {
  fc.assert(fc.property(fc.oneof(fc.json(), fc.string({ unit: 'binary' }), fc.record({ type: fc.constantFrom('auth', 'subscribe', 'unsubscribe', 'cancel', 'ping'), executionId: fc.anything(), after: fc.anything(), id: fc.anything(), method: fc.anything(), token: fc.anything() }).map((value) => {
    try { return JSON.stringify(value) } catch { return '' }
  })), (text) => {
    const message = readMessage(text ?? '')
    if (message === undefined) return true
    if (message.type === 'subscribe') return typeof message.executionId === 'string' && (message.after === undefined || message.after >= 0)
    return ['auth', 'unsubscribe', 'cancel', 'ping'].includes(message.type)
  }), { numRuns: 3000 })
})
