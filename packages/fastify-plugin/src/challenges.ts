import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { HttpError } from './errors.ts'

const kBasicRealm: unique symbol = Symbol('consentry.basicRealm')

declare module 'fastify' {
  interface FastifyInstance {
    [kBasicRealm]?: string | undefined
  }
}

/** Says in `WWW-Authenticate` that user names and passwords are taken, where they are. */
export function announceBasic (app: FastifyInstance, realm: string | undefined): void {
  app.decorate(kBasicRealm, realm)
}

/** The challenges of a 401 (RFC 9110 section 11.6.1): `Bearer` (RFC 6750 section 3) always, and `Basic` for programs. */
export function challenges (request: FastifyRequest, error: HttpError): string | string[] {
  const realm = request.server[kBasicRealm]
  return realm === undefined || isBrowser(request) ? bearer(request, error) : [bearer(request, error), basic(realm)]
}

function bearer ({ headers }: FastifyRequest, { code, stepUp }: HttpError): string {
  if (stepUp !== undefined) {
    const { maxAge, acr } = stepUp
    const parameters = [...maxAge === undefined ? [] : [`max_age="${maxAge}"`], ...acr === undefined ? [] : [`acr_values="${acr.join(' ')}"`]]
    return ['Bearer error="insufficient_user_authentication"', ...parameters].join(', ')
  }
  const isToken = /^bearer /i.test(headers.authorization ?? '')
  return isToken && code !== 'CONSENTRY_ERR_AUTHENTICATION_REQUIRED' ? 'Bearer error="invalid_token"' : 'Bearer'
}

/** RFC 7617 section 2.1. What a header cannot hold of the realm is percent-encoded. */
function basic (realm: string): string {
  const text = realm.replace(/[^ -~]+/g, encodeURIComponent).replace(/["\\]/g, '\\$&')
  return `Basic realm="${text}", charset="UTF-8"`
}

/**
 * A browser would ask for the password in a dialogue of its own, over a page whose script only wanted to know, and then
 * send it along with requests of other sites too. `fetch` of Node.js sends `Sec-Fetch-Mode`, but no `Sec-Fetch-Site`.
 */
function isBrowser ({ headers }: FastifyRequest): boolean {
  return headers['sec-fetch-site'] !== undefined || headers.origin !== undefined || headers['x-requested-with'] !== undefined || headers.accept?.includes('text/html') === true
}
