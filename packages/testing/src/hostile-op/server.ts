import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { HostileAnswer } from './types.ts'

/** A server on 127.0.0.1; what `handle` throws cuts the connection. */
export async function listen (handle: (incoming: IncomingMessage, response: ServerResponse) => Promise<void>): Promise<{ origin: string, close: () => Promise<void> }> {
  const server = createServer((incoming, response) => {
    handle(incoming, response).catch((error: unknown) => { response.destroy(error instanceof Error ? error : undefined) })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close () {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    }
  }
}

export async function parametersOf (incoming: IncomingMessage, url: URL): Promise<URLSearchParams> {
  if (incoming.method !== 'POST') return url.searchParams
  let body = ''
  for await (const chunk of incoming) body += String(chunk)
  return new URLSearchParams(body)
}

export function send (response: ServerResponse, { status = 200, headers, body = '' }: HostileAnswer): void {
  response.writeHead(status, { 'content-type': typeof body === 'string' ? 'text/html' : 'application/json', ...headers })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}
