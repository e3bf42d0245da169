import { mock } from 'node:test'
import t from 'tap'
import type { ExecutionEvent } from '../src/index.ts'
import { document, event, hostileServer, json, stream, wellBehaved, type HostileServer } from './hostile-server.ts'
import { brief, eventsOf } from './server.ts'

const all: ExecutionEvent[] = [event(1, 'running', {}), event(2, 'progress', 1), event(3, 'completed', { result: 'done' })]
const inShort = ['1 running', '2 progress', '3 completed']

const truly = setTimeout
mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })

/** Lets the client's time pass a second at a time, with a moment for what is under way, until `so`. */
async function pass (so: () => boolean): Promise<number> {
  let seconds = 0
  for (; !so(); seconds++) {
    mock.timers.tick(1_000)
    await new Promise<void>((resolve) => { truly(resolve, 20) })
  }
  return seconds
}

/** Follows the run to its end, and tells how many seconds that took. */
async function followed (server: HostileServer, options: object = {}): Promise<{ seconds: number, events: string[] }> {
  let over = false
  const events = eventsOf(server.client(options).follow('x')).finally(() => { over = true })
  return { seconds: await pass(() => over), events: brief(await events) }
}

t.test('a WebSocket that opens and says nothing is given up, and then read over HTTP', async (t) => {
  const server = await hostileServer(t, { http: (request, response) => {
    if (request.url === '/executions/x') json(response, 200, document('completed', 3))
    else stream(response, all)
  } })
  const { seconds, events } = await followed(server)
  t.same(events, inShort)
  t.ok(seconds >= 5, `after ${seconds} s`)
})

t.test('a WebSocket that dies without a word is found out by its ping', async (t) => {
  let pings = 0
  const server = await hostileServer(t, { socket: (socket, said, connection) => {
    if (connection > 0) return wellBehaved(all)(socket, said, connection)
    // Two let it in and tell what there is; the third is to find out whether it lives.
    if (said.type !== 'ping' || ++pings < 3) wellBehaved(all.slice(0, 2))(socket, said, connection)
  } })
  const { seconds, events } = await followed(server)
  t.same(events, inShort)
  t.ok(seconds >= 25, `after ${seconds} s`)
})

t.test('an answer over HTTP that never comes is asked for again', async (t) => {
  let left = 2
  const server = await hostileServer(t, { http: (request, response) => {
    if (left-- > 0) return
    if (request.url === '/executions/x') json(response, 200, document('completed', 3))
    else stream(response, all)
  } })
  const { seconds, events } = await followed(server, { WebSocket: false })
  t.same(events, inShort)
  t.ok(seconds >= 50, `after ${seconds} s`)
})

t.test('a stream that begins and dies without a word is opened anew', async (t) => {
  const server = await hostileServer(t, { http: (request, response) => {
    if (request.url === '/executions/x') return json(response, 200, document('running', 3))
    const after = Number(request.headers['last-event-id'])
    stream(response, all.slice(after, after + 1), false)
  } })
  const { seconds, events } = await followed(server, { WebSocket: false })
  t.same(events, inShort)
  t.ok(seconds >= 50, `after ${seconds} s`)
})
