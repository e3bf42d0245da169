import type { Dispatcher } from 'undici'
import { ProviderFault } from './errors.ts'

/** An answer with its whole body. */
export interface WholeAnswer {
  status: number
  headers: Readonly<Record<string, string | string[] | undefined>>
  body: Buffer
}

/** What ends a request. */
export interface RequestBounds {
  /** For connection, headers and body together, in milliseconds. */
  timeout: number
  /** The largest body, in bytes. */
  maxBody: number
  signal?: AbortSignal | null | undefined
}

/**
 * A request by the events of undici: where the answer is wanted whole, the stream and the signal of its `request()` would
 * be made for nothing. Rejects with a `ProviderFault` at the bounds, and with whatever else kept the answer away.
 *
 * @see https://undici.nodejs.org/#/docs/api/Dispatcher?id=dispatcherdispatchoptions-handler
 */
export function boundedRequest (dispatcher: Dispatcher, request: Dispatcher.DispatchOptions, { timeout, maxBody, signal }: RequestBounds): Promise<WholeAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    let status = 0
    let headers: WholeAnswer['headers'] = {}
    let connection: Dispatcher.DispatchController | undefined
    let failure: { reason: Error } | undefined

    const end = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', cancel)
    }
    const fail = (reason: Error) => {
      end()
      failure ??= { reason }
      reject(reason)
      connection?.abort(reason)
    }
    const cancel = () => { fail(signal?.reason as Error) }
    const timer = setTimeout(() => { fail(new ProviderFault('The deadline passed')) }, timeout)
    if (signal?.aborted === true) return cancel()
    signal?.addEventListener('abort', cancel, { once: true })

    dispatcher.dispatch(request, {
      onRequestStart (controller) {
        connection = controller
        // Over before there was a connection for it: it is not sent any more.
        if (failure !== undefined) controller.abort(failure.reason)
      },
      onResponseStart (_controller, statusCode, received) {
        status = statusCode
        headers = received
        const { 'content-encoding': encoding = 'identity', 'content-length': length = '0' } = received
        if (String(encoding).toLowerCase() !== 'identity') fail(new ProviderFault('The body is compressed'))
        else if (Number(length) > maxBody) fail(new ProviderFault('The body is too large'))
      },
      onResponseData (_controller, chunk) {
        size += chunk.length
        if (size > maxBody) fail(new ProviderFault('The body is too large'))
        else chunks.push(chunk)
      },
      onResponseEnd () {
        end()
        resolve({ status, headers, body: Buffer.concat(chunks) })
      },
      onResponseError (_controller, error) { fail(error) }
    })
  })
}
