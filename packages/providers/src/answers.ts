import { ProviderFault, unavailable } from './errors.ts'
import type { Fetch } from './fetch.ts'
import { retryAfter } from './retry-after.ts'

/**
 * `fetch`, without the answers that are none: redirects, 429 and 5xx reject with
 * `CONSENTRY_ERR_PROVIDER_UNAVAILABLE`, like every failure to get an answer, and with `retryAfter` where it was sent.
 */
export function onlyAnswers (fetch: Fetch, now: () => number): Fetch {
  return async (input, init) => {
    let response: Response
    try {
      response = await fetch(input, init)
    } catch (error) {
      throw unavailable(error)
    }
    const { status } = response
    if (status !== 429 && status >= 200 && status < 500 && !(status >= 300 && status < 400)) return response
    await response.body?.cancel()
    const fault = new ProviderFault(status >= 300 && status < 400 ? 'The answer is a redirect' : 'The answer is a failure of the server', { status })
    throw unavailable(fault, retryAfter(response.headers.get('retry-after'), now()))
  }
}
