import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server of the test, and how many requests it got. */
export interface TestServer {
  url: string
  requests: number
  /** What the next requests are answered with. */
  answer: (request: IncomingMessage, response: ServerResponse) => unknown
}

interface Closing {
  teardown (fn: () => unknown): void
}

/** Starts a server that is closed at the end of the test. */
export async function testServer (t: Closing, answer: RequestListener): Promise<TestServer> {
  const server = createServer((request, response) => {
    started.requests++
    started.answer(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const started: TestServer = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests: 0, answer }
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return started
}

export function json (body: unknown, status = 200): RequestListener {
  return (_request, response) => { response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)) }
}
