import { Tokens } from '@fastify/csrf'
import type { FastifyRequest } from 'fastify'
import { httpError } from './errors.ts'
import { sessionOf } from './identity.ts'
import type { Settings } from './options.ts'

/**
 * Tokens against forged requests (T3): good for one session, and perhaps one purpose. `@fastify/csrf` makes them.
 * `@fastify/csrf-protection` would too, but keeps a secret in a cookie of its own and knows no second key; here the session
 * is the secret. The header and the field are named as there.
 */
export interface CsrfTokens {
  create (session: { id: string } | null, purpose?: string): string
  /**
   * Throws `CONSENTRY_ERR_CROSS_ORIGIN` unless the `X-CSRF-Token` header or the `_csrf` field of the body holds the token of
   * the caller's session. A caller without a session has nothing that a browser would send along, and needs none.
   */
  verify (request: FastifyRequest, purpose?: string): void
}

const readsOnly: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Whether a request was made by a page of ours, if by any. Reading is left to the same-origin policy;
 * a request that says neither where it comes from was not made by a browser's page.
 */
export function isOwnPage (request: FastifyRequest, allowed: ReadonlySet<string>): boolean {
  if (readsOnly.has(request.method) && !request.ws) return true
  const { origin } = request.headers
  const site = request.headers['sec-fetch-site']
  if (origin !== undefined && origin !== 'null') return allowed.has(origin)
  return site === undefined ? origin === undefined : site === 'same-origin'
}

/** The purpose of what stands on no page of ours: the pages and scripts of the application. */
const anywhere = 'session'
const longest = 512

const bound = (session: { id: string } | null, purpose: string): string => `${purpose} ${session?.id ?? ''}`

/** A session's id is new at every sign-in and ends with it, and so do its tokens. */
export function createCsrfTokens ({ csrfKeys }: Pick<Settings, 'csrfKeys'>): CsrfTokens {
  const tokens = csrfKeys.map((key) => ({ key, of: new Tokens({ hmacKey: key, userInfo: true }) }))
  const [first] = tokens as [typeof tokens[number]]

  return {
    create: (session, purpose = anywhere) => first.of.create(first.key, bound(session, purpose)),
    verify (request, purpose = anywhere) {
      const session = sessionOf(request)
      if (session === null && purpose === anywhere) return
      const token = request.headers['x-csrf-token'] ?? (request.body as { _csrf?: unknown } | null | undefined)?._csrf
      const known = typeof token === 'string' && token.length < longest && tokens.some(({ key, of }) => of.verify(key, token, bound(session, purpose)))
      if (!known) throw httpError('CONSENTRY_ERR_CROSS_ORIGIN')
    }
  }
}
