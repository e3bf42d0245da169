import { ConsentryError } from '@consentry/core'
import type { Claims } from '@consentry/core'
import type { Context } from './context.ts'
import { ProviderFault, unavailable } from './errors.ts'
import type { VendorOptions } from './vendor.ts'

/** What a vendor's file may use to speak to its vendor beyond OAuth. */
export interface VendorApi {
  readonly clientId: string
  readonly clientSecret: string | undefined
  /** The answer to a GET with the access token, whatever its JSON is. */
  get (url: string, accessToken: string, headers?: Readonly<Record<string, string>>): Promise<unknown>
  /**
   * Any request. Rejects with `CONSENTRY_ERR_PROVIDER_REFUSED` for an answer of 400 to 403 or 422, and with
   * `CONSENTRY_ERR_PROVIDER_UNAVAILABLE` for any other that is not 2xx; `cause.status` has the status.
   */
  request (url: string, init: RequestInit): Promise<Response>
  /** The members of an answer that is a JSON object. */
  object (response: Response): Promise<Claims>
}

const refusals: ReadonlySet<number> = new Set([400, 401, 403, 422])

/** The calls of one provider. */
export function vendorApi (context: Context, { clientId, clientSecret }: VendorOptions): VendorApi {
  const request = async (url: string, init: RequestInit) => {
    const response = await context.fetch(url, init)
    if (response.ok) return response
    throw refusals.has(response.status) ? refusal(response.status) : unavailable(new ProviderFault('The answer of the API is a failure', { status: response.status }))
  }
  return {
    clientId,
    clientSecret,
    request,
    get: async (url, accessToken, headers) => json(await request(url, { headers: { accept: 'application/json', authorization: `Bearer ${accessToken}`, ...headers } })),
    async object (response) {
      const value = await json(response)
      if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unavailable(new ProviderFault('The answer of the API is not a JSON object'))
      return value as Claims
    }
  }
}

/** `CONSENTRY_ERR_PROVIDER_REFUSED`; some vendors refuse with a status of 200. */
export function refusal (status: number): ConsentryError {
  return new ConsentryError('CONSENTRY_ERR_PROVIDER_REFUSED', { cause: new ProviderFault('The answer of the API is a refusal', { status }) })
}

/** `Authorization` of RFC 7617, as vendors' pages have it: without the encoding of RFC 6749 section 2.3.1, which not all undo. */
export function basicAuthorization (clientId: string, clientSecret: string): string {
  return `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
}

async function json (response: Response): Promise<unknown> {
  return response.json().catch(() => { throw unavailable(new ProviderFault('The answer of the API is not JSON')) })
}
