import { ConsentryError } from '@consentry/core'
import { invalid } from './refused.ts'

/** The part of the standard `fetch` that is used here; the global one fits. */
export type Fetch = (input: string, init?: RequestInit) => Promise<Response>

/** How issuers are asked. */
export interface FetchOptions {
  /** The global one unless given. */
  fetch?: Fetch
  /** For connection, headers and body together, in milliseconds. Default 10,000. */
  timeout?: number
}

/** The largest answer that is read, in bytes. */
const largest = 1_048_576

/**
 * A `fetch` with one deadline over everything and a limit to the body, which follows no redirects (T6). It rejects with
 * `CONSENTRY_ERR_PROVIDER_UNAVAILABLE`.
 */
export function boundedFetch ({ fetch, timeout = 10_000 }: FetchOptions): Fetch {
  if (!Number.isFinite(timeout) || timeout <= 0) throw invalid('timeout must be a number of milliseconds above 0')

  async function ask (url: string, init: RequestInit): Promise<Response> {
    const response = await (fetch ?? globalThis.fetch)(url, init)
    const body = await read(response)
    const isEmpty = [204, 205, 304].includes(response.status)
    return new Response(isEmpty ? null : body, { status: response.status, headers: response.headers })
  }

  return async (url, init) => {
    const deadline = new AbortController()
    let timer: NodeJS.Timeout | undefined
    // A `fetch` of the application's own need not heed the signal.
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        const error = new DOMException('the deadline passed', 'TimeoutError')
        deadline.abort(error)
        reject(error)
      }, timeout)
    })
    try {
      return await Promise.race([ask(url, { ...init, redirect: 'manual', signal: deadline.signal }), late])
    } catch (error) {
      throw new ConsentryError('CONSENTRY_ERR_PROVIDER_UNAVAILABLE', { cause: error })
    } finally {
      clearTimeout(timer)
    }
  }
}

async function read ({ body }: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  // Leaving the loop early cancels the stream.
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > largest) throw new RangeError('the answer is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Whether the URL may be asked: https, or http on this machine. @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID` */
export function endpoint (name: string, value: string | URL): URL {
  const url = URL.canParse(String(value)) ? new URL(value) : undefined
  if (url === undefined || (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url)))) throw invalid(`${name} must be an https URL`)
  if (url.username !== '' || url.password !== '' || url.hash !== '') throw invalid(`${name} must have no credentials and no fragment`)
  return url
}

/** This machine by its very name (RFC 6761 section 6.3) or address. */
export function isLoopback ({ hostname }: URL): boolean {
  return /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/.test(hostname)
}
