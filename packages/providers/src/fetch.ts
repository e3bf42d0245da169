import { lookup as systemLookup } from 'node:dns'
import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import './own-fetch.ts'
import { Agent } from 'undici'
import { boundedRequest } from './bounded-request.ts'
import type { WholeAnswer } from './bounded-request.ts'
import { BufferedResponse } from './buffered-response.ts'
import { isAllowed, refusal } from './endpoint.ts'
import type { Reach } from './endpoint.ts'
import { ProviderFault, unavailable } from './errors.ts'

/** The part of the standard `fetch` that is used here; the global one fits. */
export type Fetch = (input: string | URL, init?: RequestInit) => Promise<Response>

/** How the system's resolver is asked: `dns.lookup` with `all`. */
export type Lookup = (
  hostname: string,
  options: { all: true, family?: number },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void
) => void

/** Limits of a request, and the addresses it may reach. */
export interface FetchOptions {
  /** For connection, headers and body together, in milliseconds. Default 10,000. */
  timeout?: number
  /** The largest body that is read, in bytes. Default 1 MiB. */
  maxBody?: number
  /** Allows loopback addresses, and plain http there. Default `false`. */
  allowLoopback?: boolean
  /** Allows the addresses of private networks. Link-local ones stay refused. Default `false`. */
  allowPrivate?: boolean
  /** Resolves host names. Default `dns.lookup`. */
  lookup?: Lookup
}

/** A `fetch` that holds connections. */
export interface GuardedFetch extends Fetch {
  /** Closes the connections once they are idle. */
  close (): Promise<void>
}

/**
 * A `fetch` for the few, small, guarded requests a client makes of an authorization server: one deadline over
 * everything, a limit to the body, no redirects followed (an answer of 3xx is returned as it is), no compression,
 * https only, and no connection to loopback, private or reserved addresses, whatever a name resolves to.
 * Bodies are sent as strings, bytes or `URLSearchParams`, and read by `text()`, `json()` or `arrayBuffer()`.
 *
 * The function rejects with `CONSENTRY_ERR_PROVIDER_UNAVAILABLE`.
 */
export function createFetch (options: FetchOptions = {}): GuardedFetch {
  const { timeout = 10_000, maxBody = 1_048_576, lookup = systemLookup } = options
  const reach: Reach = { allowLoopback: options.allowLoopback === true, allowPrivate: options.allowPrivate === true }
  const agent = new Agent({
    connections: 128,
    // The deadline below covers these.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 16_384,
    connect: { timeout, lookup: guarded(lookup, reach) }
  })

  const guardedFetch = async (input: string | URL, init: RequestInit = {}): Promise<Response> => {
    try {
      const url = new URL(input)
      const reason = refusal(url, reach)
      if (reason !== undefined) throw new ProviderFault(`The URL ${reason}`)
      const request = { origin: url.origin, path: url.pathname + url.search, method: init.method ?? 'GET', ...content(init) }
      const { status, headers, body } = await boundedRequest(agent, request, { timeout, maxBody, signal: init.signal })
      return new BufferedResponse(utf8.decode(body), { status, headers: received(headers) })
    } catch (error) {
      throw unavailable(error)
    }
  }
  return Object.assign(guardedFetch, { close: () => agent.close() })
}

/** Resolves as `lookup` does, and fails when one of the addresses is refused: names can be pointed anywhere (T6). */
function guarded (lookup: Lookup, reach: Reach): LookupFunction {
  return (hostname, options, callback) => {
    const family = options.family === 4 || options.family === 6 ? { family: options.family } : {}
    lookup(hostname, { ...family, all: true }, (error, addresses) => {
      const first = addresses?.[0]
      if (error !== null || first === undefined) {
        callback(error ?? new ProviderFault('The host has no address'), [])
      } else if (!addresses.every(({ address }) => isAllowed(address, reach))) {
        callback(new ProviderFault('The host has a private or reserved address'), [])
      } else if (options.all === true) {
        callback(null, addresses)
      } else {
        callback(null, first.address, first.family)
      }
    })
  }
}

function content ({ headers: given, body }: RequestInit): { headers: Record<string, string>, body: string | Uint8Array | null } {
  // oauth4webapi passes plain objects with names in lower case, for which `Headers` would be a detour.
  const isPlain = given !== undefined && Object.getPrototypeOf(given) === Object.prototype && Object.keys(given).every((name) => name === name.toLowerCase())
  const headers = { ...isPlain ? given as Record<string, string> : Object.fromEntries(new Headers(given)), 'accept-encoding': 'identity' }
  if (body === undefined || body === null || typeof body === 'string' || body instanceof Uint8Array) return { headers, body: body ?? null }
  if (!(body instanceof URLSearchParams)) throw new ProviderFault('The body is of an unsupported kind')
  return { headers: { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8', ...headers }, body: body.toString() }
}

// As `text()` of the standard decodes: without the byte order mark that some documents begin with (RFC 8259 section 8.1).
const utf8 = new TextDecoder()

function received (fields: WholeAnswer['headers']): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? value : [value ?? '']) headers.append(name, one)
  }
  return headers
}
