import type { BackoffOptions } from './backoff.ts'
import type { WebSocketConstructor } from './socket.ts'

/** The options of `createClient()`. */
export interface ClientOptions {
  /** The server's `baseUrl`, an origin. That of the page unless given; Node.js has none. */
  baseUrl?: string | URL
  /** Where questions lead; `baseUrl` unless given. For a page that reaches the server by another address than the server's own `baseUrl`: that one. */
  connectOrigin?: string | URL
  /** The plugin's option of this name; `/executions` unless given. */
  executionsPrefix?: string
  /** A bearer token: a JWT or an API key. A function is asked for each request and connection, so that it may renew it. */
  token?: string | (() => string | Promise<string>)
  /** Further headers. A credential among them does not reach a WebSocket: runs are then followed by Server-Sent Events. */
  headers?: Record<string, string>
  /** `globalThis.WebSocket` unless given; Node.js 20 has none, the package `ws` has one. `false`: Server-Sent Events alone. */
  WebSocket?: WebSocketConstructor | false
  /** `globalThis.fetch` unless given. */
  fetch?: typeof fetch
  /** How fast lost connections are tried again. */
  backoff?: BackoffOptions
  /** How often a run is looked at while nothing better works, in milliseconds; 2 s unless given. */
  pollInterval?: number
}

/** The options with their defaults. */
export interface Settings {
  baseUrl: URL
  /** What questions may lead to, and nothing else. */
  connectOrigin: string
  socketUrl: string
  executionsPrefix: string
  /** All that a request is sent with; what comes later counts. */
  headers: (...more: Array<Record<string, string> | undefined>) => Promise<Headers>
  token: (() => Promise<string>) | undefined
  WebSocket: WebSocketConstructor | false | undefined
  fetch: typeof fetch
  backoff: BackoffOptions
  pollInterval: number
}

/** Throws a `TypeError` when `baseUrl` or `connectOrigin` is no URL. */
export function readOptions ({
  baseUrl: base = globalThis.location?.origin, connectOrigin = base, executionsPrefix = '/executions', token: given, headers,
  WebSocket = globalThis.WebSocket, fetch = globalThis.fetch, backoff = {}, pollInterval = 2_000
}: ClientOptions): Settings {
  const baseUrl = new URL(base)
  const token = given === undefined ? undefined : async () => typeof given === 'string' ? given : given()
  return {
    baseUrl,
    connectOrigin: new URL(connectOrigin).origin,
    socketUrl: `${baseUrl.origin.replace('http', 'ws')}${executionsPrefix}/ws`,
    executionsPrefix,
    token,
    async headers (...more) {
      const all = new Headers()
      for (const some of [headers, token && { authorization: `Bearer ${await token()}` }, ...more]) {
        for (const [name, value] of Object.entries(some ?? {})) all.set(name, value)
      }
      return all
    },
    WebSocket,
    fetch,
    backoff,
    pollInterval
  }
}
