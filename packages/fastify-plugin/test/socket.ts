import type { Browser } from '@consentry/testing'
import { once } from 'node:events'
import { WebSocket } from 'ws'
import type { StreamedEvent, TestServer } from './server.ts'

export interface ServerMessage {
  type: string
  event?: StreamedEvent
  status?: string
  userId?: string
  code?: string
  id?: string | number
  error?: { code: string }
}

/** A WebSocket client that keeps all it hears. */
export interface TestSocket {
  readonly socket: WebSocket
  readonly messages: ServerMessage[]
  readonly events: StreamedEvent[]
  /** How the connection ended, once it did. */
  readonly closed: Promise<{ code: number, reason: string }>
  send (message: unknown): void
  /** Waits for a message. */
  until (found: (message: ServerMessage) => boolean): Promise<ServerMessage>
  close (): void
}

/** Rejects with the HTTP status when the upgrade is refused. */
export async function openSocket (server: TestServer, { browser, headers = {}, origin = server.url }: { browser?: Browser, headers?: Record<string, string>, origin?: string | undefined } = {}): Promise<TestSocket> {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/executions/ws`, {
    headers: { ...(browser !== undefined && { cookie: browser.cookieHeader(server.url) }), ...(origin !== '' && { origin }), ...headers }
  })
  const messages: ServerMessage[] = []
  const waiting = new Set<() => void>()
  socket.on('message', (data: Buffer) => {
    messages.push(JSON.parse(data.toString()) as ServerMessage)
    for (const look of waiting) look()
  })
  const closed = once(socket, 'close').then(([code, reason]) => ({ code: code as number, reason: String(reason) }))
  closed.catch(() => {})
  socket.on('unexpected-response', (request, response) => {
    request.destroy()
    socket.emit('error', new Error(String(response.statusCode)))
  })
  await once(socket, 'open')
  return {
    socket,
    messages,
    closed,
    get events () { return messages.flatMap(({ event }) => event ?? []) },
    send (message) { socket.send(typeof message === 'string' ? message : JSON.stringify(message)) },
    until (found) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`waited in vain; heard ${JSON.stringify(messages)}`)), 5_000)
        const look = (): void => {
          const message = messages.find(found)
          if (message === undefined) return
          clearTimeout(timer)
          waiting.delete(look)
          resolve(message)
        }
        waiting.add(look)
        look()
      })
    },
    close () { socket.terminate() }
  }
}
