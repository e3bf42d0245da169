import { lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { Agent, request } from 'undici'

/** One request and its answer, without redirects. */
export interface Exchange {
  status: number
  headers: Headers
  setCookie: string[]
  text: string
}

/** Makes one request. */
export type Send = (method: string, url: URL, headers: Readonly<Record<string, string>>, body: string | undefined, signal?: AbortSignal) => Promise<Exchange>

// Every name below localhost is this machine, as in browsers; not every resolver knows that.
const resolve: LookupFunction = (hostname, options, callback) => {
  lookup(/(?:^|\.)localhost$/.test(hostname) ? 'localhost' : hostname, options, callback)
}

/** A client that opens a connection per request, so that nothing is left open when a test ends. `timeout` is in milliseconds. */
export function createSend (timeout: number): Send {
  const dispatcher = new Agent({ connect: { lookup: resolve }, headersTimeout: timeout, bodyTimeout: timeout })
  return async (method, url, headers, body, signal) => {
    const response = await request(url, {
      dispatcher,
      method: method as 'GET',
      headers,
      body: body ?? null,
      reset: true,
      ...(signal === undefined ? {} : { signal })
    })
    const received = new Headers()
    for (const [name, value] of Object.entries(response.headers)) {
      for (const one of [value ?? []].flat()) received.append(name, one)
    }
    return { status: response.statusCode, headers: received, setCookie: received.getSetCookie(), text: await response.body.text() }
  }
}
