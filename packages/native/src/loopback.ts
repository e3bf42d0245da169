import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { randomId, type Clock, type RandomBytes } from '@consentry/core'
import { invalid } from './invalid.ts'
import { nothingHere, type Page } from './pages.ts'

/** Where the browser comes back to (RFC 8252 section 7.3). */
export interface RedirectOptions {
  /** The address of this machine to listen on. `127.0.0.1` unless given, or `::1` where that does not exist. */
  host?: '127.0.0.1' | '::1'
  /** One that the system chooses unless given, for providers that do not compare it. */
  port?: number
  /** One that nobody can guess unless given, for providers that compare no more than the host. */
  path?: string
}

/** Looks at what came back: `undefined` when it is no answer to what was asked, else what makes its page. */
export type OnAnswer = (parameters: URLSearchParams) => Promise<(() => Promise<Page>) | undefined>

export interface LoopbackOptions {
  redirect: RedirectOptions
  clock: Clock
  randomBytes: RandomBytes
  onAnswer: OnAnswer
}

/** A server for one answer. */
export interface Loopback {
  readonly redirectUri: string
  /** Stops listening, lets pages that are on their way arrive, and cuts all connections. */
  close (): Promise<void>
}

/** At once; a browser needs a few. Of more, the oldest that brought no answer goes. */
const mostConnections = 32
/** How long the last page may take to arrive, in milliseconds. */
const farewell = 1_000
const absent = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT'])

/** @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID` */
export function checkRedirect ({ host, port = 0, path }: RedirectOptions): void {
  if (host !== undefined && host !== '127.0.0.1' && host !== '::1') throw invalid('redirect.host is neither 127.0.0.1 nor ::1')
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw invalid('redirect.port is not a port')
  if (path !== undefined && !/^\/[\w.~/-]*$/.test(path)) throw invalid('redirect.path is not a plain path')
}

/** Listens for the browser's return. Rejects with the error of the system where it cannot. */
export async function startLoopback (options: LoopbackOptions): Promise<Loopback> {
  const { redirect: { host, ...rest } } = options
  if (host !== undefined) return listen(host, rest, options)
  try {
    return await listen('127.0.0.1', rest, options)
  } catch (error) {
    if (!absent.has((error as NodeJS.ErrnoException).code ?? '')) throw error
    return listen('::1', rest, options)
  }
}

async function listen (host: string, { port = 0, path: given }: RedirectOptions, { clock, randomBytes, onAnswer }: LoopbackOptions): Promise<Loopback> {
  const path = given ?? `/${randomId(16, randomBytes)}`
  const server = createServer({ maxHeaderSize: 16_384, headersTimeout: 5_000, requestTimeout: 5_000, connectionsCheckingInterval: 1_000 })
  const idle = new Set<Socket>()
  const held = new Set<Promise<void>>()

  server.on('connection', (socket) => {
    idle.add(socket)
    socket.once('close', () => idle.delete(socket))
    const [oldest] = idle
    if (idle.size > mostConnections) oldest?.destroy()
  })
  server.on('request', (request, response) => { void answer(request, response) })

  async function answer (request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parameters = answerIn(request)
    const page = parameters && await onAnswer(parameters)
    if (page === undefined) return send(request, response, nothingHere)
    idle.delete(request.socket)
    const shown = page().then((page) => arrived(response, () => send(request, response, page)))
    held.add(shown)
    await shown
    held.delete(shown)
  }

  server.listen({ host, port, exclusive: true })
  await once(server, 'listening')
  const { port: actual } = server.address() as AddressInfo
  const authority = `${host === '::1' ? '[::1]' : host}:${actual}`
  const origin = `http://${authority}`

  /** What the request brings, if it is a visit to the one page there is; by its very name, or names pointed at this machine would do (DNS rebinding). */
  function answerIn ({ method, url = '', headers }: IncomingMessage): URLSearchParams | undefined {
    if (method !== 'GET' || headers.host !== authority || !URL.canParse(url, origin)) return undefined
    const visited = new URL(url, origin)
    return visited.origin === origin && visited.pathname === path ? visited.searchParams : undefined
  }

  return {
    redirectUri: `${origin}${path}`,
    async close () {
      const closed = once(server, 'close')
      server.close()
      let cancel: (() => void) | undefined
      const late = new Promise<void>((resolve) => { cancel = clock.timer(farewell, resolve) })
      await Promise.race([Promise.all(held), late])
      cancel?.()
      server.closeAllConnections()
      await closed
    }
  }
}

function send (request: IncomingMessage, response: ServerResponse, { status, headers, body }: Page): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' })
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** Resolves when the page has left, or the browser has. */
async function arrived (response: ServerResponse, send: () => void): Promise<void> {
  if (response.destroyed) return
  const closed = once(response, 'close')
  send()
  await closed
}
