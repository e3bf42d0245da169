import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { RunEvent } from '../src/index.ts'
import { document, event, hostileServer, json, stream, wellBehaved } from './hostile-server.ts'
import { brief, eventsOf } from './server.ts'
import type { WebSocket } from 'ws'

t.setTimeout(300_000)

/** A run that goes on when the test says so. */
async function start (t: Parameters<typeof hostileServer>[0]): Promise<{ server: Awaited<ReturnType<typeof hostileServer>>, say: (seq: number, last?: boolean) => void }> {
  let open: WebSocket | undefined
  const server = await hostileServer(t, { socket: (socket, said, connection) => {
    open = socket
    wellBehaved([event(1, 'running', {})])(socket, said, connection)
  } })
  return {
    server,
    say: (seq, last = false) => { open?.send(JSON.stringify({ type: 'event', event: last ? event(seq, 'completed', { result: 'done' }) : event(seq, 'progress', seq) })) }
  }
}

const seqOf = ({ value }: IteratorResult<RunEvent>): unknown => (value as { seq?: number } | undefined)?.seq

t.test('left while it waits: at once, and without harm to others', async (t) => {
  const { server, say } = await start(t)
  const handle = server.client().follow('x')
  const events = handle[Symbol.asyncIterator]()
  t.equal(seqOf(await events.next()), 1)
  const pending = events.next()
  t.same(await events.return?.(), { value: undefined, done: true })
  t.same(await events.next(), { value: undefined, done: true })
  const others = eventsOf(handle)
  say(2)
  await pending
  for await (const { type } of handle) if (type === 'progress') break
  say(3, true)
  t.same(brief(await others), ['1 running', '2 progress', '3 completed'])
  t.equal(await handle.result, 'done', 'who leaves the events still gets the result')
  t.same(brief(await eventsOf(handle)), ['1 running', '2 progress', '3 completed'])
})

t.test('asked for several at once: one after the other', async (t) => {
  const { server, say } = await start(t)
  const events = server.client().follow('x')[Symbol.asyncIterator]()
  await events.next()
  const next = [events.next(), events.next(), events.next()]
  for (const seq of [2, 3]) say(seq)
  say(4, true)
  t.same((await Promise.all(next)).map(seqOf), [2, 3, 4])
  t.equal((await events.next()).done, true)
  t.equal((await events.next()).done, true)
})

t.test('left before the run has begun', async (t) => {
  const server = await hostileServer(t, { http: () => {} })
  const stop = new AbortController()
  const events = server.client({ WebSocket: false }).run('/run', {}, { signal: stop.signal })[Symbol.asyncIterator]()
  const pending = events.next()
  t.same(await events.return?.(), { value: undefined, done: true })
  stop.abort()
  await t.rejects(pending, { name: 'AbortError' })
})

t.test('aborted at every step: the reason, and nothing is asked any more', async (t) => {
  const reason = new Error('enough')
  const silent = { http: () => {} }
  for (const [step, behaviour, options] of [
    ['before all', silent, { WebSocket: false }], ['while the run is started', silent, { WebSocket: false }],
    ['while its status is asked for', silent, { WebSocket: false }], ['while the WebSocket opens', { connected: () => {} }, {}],
    ['while it is followed', { socket: wellBehaved([event(1, 'running', {})]) }, {}]
  ] as const) {
    const server = await hostileServer(t, behaviour)
    const stop = new AbortController()
    if (step === 'before all') stop.abort(reason)
    const client = server.client(options)
    const handle = step === 'while the run is started' ? client.run('/run', {}, { signal: stop.signal }) : client.follow('x', { signal: stop.signal })
    const events = eventsOf(handle)
    events.catch(() => {})
    if (step !== 'before all') {
      while (server.requests.length === 0 && server.sockets === 0) await setImmediate()
      stop.abort(reason)
    }
    await t.rejects(handle.result, reason, step)
    await t.rejects(events, reason, step)
    await t.rejects(eventsOf(handle), reason, step)
    const asked = server.requests.length
    for (let turn = 0; turn < 50; turn++) await setImmediate()
    t.equal(server.requests.length, asked, step)
  }
})

t.test('a program that leaves ends: no timer and no connection is left', async (t) => {
  const program = fileURLToPath(new URL('fixtures/leave.js', import.meta.url))
  const events = [event(1, 'running', {}), event(2, 'completed', { result: 'done' })]
  for (const transport of ['WebSocket', 'HTTP']) {
    for (const way of ['result', 'close', 'abort', 'close while it is lost'] as const) {
      const server = await hostileServer(t, {
        connected: (socket) => { if (way === 'close while it is lost') socket.terminate() },
        socket: wellBehaved(way === 'result' ? events : events.slice(0, 1)),
        http: (request, response) => {
          if (way === 'close while it is lost') json(response, 503, {})
          else if (request.url === '/executions/x') json(response, 200, document('running', 1))
          else stream(response, way === 'result' ? events : events.slice(0, 1), way === 'result')
        }
      })
      const child = spawn(process.execPath, [program, server.url, way.split(' ')[0] ?? '', transport], { stdio: ['ignore', 'pipe', 'inherit'] })
      t.teardown(() => { child.kill('SIGKILL') })
      let [said, leftAt] = ['', 0]
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text
        leftAt = performance.now()
      })
      t.same(await once(child, 'close'), [0, null], `${way}, ${transport}`)
      t.equal(said, 'left\n')
      t.ok(performance.now() - leftAt < 15_000, `${way}, ${transport}: it did not wait for a timer, of which each takes longer`)
    }
  }
})
