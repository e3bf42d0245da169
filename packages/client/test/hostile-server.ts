import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { WebSocketServer, type WebSocket } from 'ws'
import { createClient, type Client, type ClientOptions, type EventData, type ExecutionEvent, type StatusDocument } from '../src/index.ts'
import { socketWith } from './server.ts'

/** A server whose every word is written by the test. */
export interface HostileServer {
  url: string
  /** Requests so far, as `GET /executions/x`. */
  requests: string[]
  /** How many WebSockets were opened. */
  readonly sockets: number
  /** A client of it. */
  client (options?: ClientOptions): Client
}

export interface Behaviour {
  /** Answers a request; nothing is answered to one that it leaves alone. */
  http?: (request: IncomingMessage, response: ServerResponse) => void
  /** Hears what a client says. `connection` counts from 0. */
  socket?: (socket: WebSocket, message: Said, connection: number) => void
  /** A new connection, before anything is said. */
  connected?: (socket: WebSocket, connection: number) => void
}

export interface Said {
  type: string
  executionId?: string
  after?: number
}

export async function hostileServer (t: Test, { http, socket: hears, connected }: Behaviour): Promise<HostileServer> {
  const requests: string[] = []
  let sockets = 0
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    if (http === undefined) json(response, 404, { title: 'Not found' })
    else http(request, response)
  })
  const upgrades = new WebSocketServer({ server })
  upgrades.on('connection', (socket) => {
    const connection = sockets++
    socket.on('error', () => {})
    connected?.(socket, connection)
    socket.on('message', (data: Buffer) => { hears?.(socket, JSON.parse(data.toString()) as Said, connection) })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const clients: Client[] = []
  t.teardown(() => {
    for (const client of clients) client.close()
    for (const socket of upgrades.clients) socket.terminate()
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    requests,
    get sockets () { return sockets },
    client (options) {
      const client = createClient({ baseUrl: url, WebSocket: socketWith({}), backoff: { first: 4, longest: 20 }, pollInterval: 10, ...options })
      clients.push(client)
      return client
    }
  }
}

export function json (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

export const problem = (response: ServerResponse, status: number, code: string, headers: Record<string, string> = {}): void =>
  json(response, status, { type: 'about:blank', title: code, status, code, retryable: status === 429 || status > 499 }, headers)

const time = '2026-01-01T00:00:00.000Z'

export function event<Type extends keyof EventData> (seq: number, type: Type, data: EventData[Type]): ExecutionEvent {
  return { type, executionId: 'x', seq, time, data } as ExecutionEvent
}

export const document = (status: StatusDocument['status'], seq: number, more: Partial<StatusDocument> = {}): StatusDocument =>
  ({ executionId: 'x', status, statusUrl: '', eventsUrl: '', seq, ...more })

export function stream (response: ServerResponse, events: readonly unknown[], end = true): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(events.map((data) => `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`).join(''))
  if (end) response.end()
}

/** A server as it should be, for the rest of a conversation: what was asked for, then a pong. */
export function wellBehaved (events: readonly ExecutionEvent[]): NonNullable<Behaviour['socket']> {
  return (socket, { type, after = 0 }) => {
    if (type === 'subscribe') for (const one of events) if (one.seq > after) socket.send(JSON.stringify({ type: 'event', event: one }))
    if (type === 'ping') socket.send('{"type":"pong"}')
  }
}
