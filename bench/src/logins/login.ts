import type { FastifyInstance, FastifyReply } from 'fastify'
import { createHash, randomBytes } from 'node:crypto'
import { client, codeFor } from '../issuer.ts'
import type { Request } from '../row.ts'
import { cookiesOf } from '../scenarios/http.ts'

/** What an application with a way to sign in has. */
export interface Login {
  app: FastifyInstance
  /** Where its provider answers. */
  callback: string
}

/** Where all applications that are no Consentry let the provider answer. Nobody goes there by it. */
export const redirectUri = 'http://127.0.0.1/callback'

/** What an application remembers of a sign-in that is under way. */
export interface Remembered {
  state: string
  nonce: string
  codeVerifier: string
}

/** As OAuth 2.0 (RFC 6749), PKCE (RFC 7636) and OpenID Connect ask for. */
export function authorizationUrl (issuer: string, { state, nonce, codeVerifier }: Remembered): string {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: client.id,
    redirect_uri: redirectUri,
    scope: 'openid profile email',
    state,
    nonce,
    code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
    code_challenge_method: 'S256'
  })
  return `${issuer}/authorize?${query.toString()}`
}

/** 256 bits. */
export function random (): string {
  return randomBytes(32).toString('base64url')
}

/** Sign-ins under way, by state, until they are taken; a cookie binds each to its browser. */
export class Records {
  readonly #records = new Map<string, Remembered>()

  remember (reply: FastifyReply, record: Remembered): void {
    this.#records.set(record.state, record)
    void reply.setCookie('state', record.state, { httpOnly: true, secure: true, sameSite: 'lax', path: '/', signed: true })
  }

  take ({ unsignCookie, cookies, query }: { unsignCookie: (value: string) => { valid: boolean, value: string | null }, cookies: Record<string, string | undefined>, query: unknown }): Remembered {
    const { state = '' } = query as { state?: string }
    const cookie = unsignCookie(cookies['state'] ?? '')
    const record = this.#records.get(state)
    if (record === undefined || !cookie.valid || cookie.value !== state) throw new Error('another browser')
    this.#records.delete(state)
    return record
  }
}

/** Who has signed in, by the id in their cookie. */
export class Sessions {
  readonly #sessions = new Map<string, { subject: string }>()

  begin (reply: FastifyReply, subject: string): FastifyReply {
    const id = random()
    this.#sessions.set(id, { subject })
    return reply.setCookie('session', id, { httpOnly: true, secure: true, sameSite: 'lax', path: '/' }).redirect('/', 303)
  }
}

/** A sign-in that has come back from the issuer with its answer: what the browser sends next. */
export async function answered ({ app, callback }: Login, subject: string): Promise<Request> {
  const begun = await app.inject('/login')
  const { searchParams } = new URL(begun.headers.location ?? '')
  const nonce = searchParams.get('nonce')
  const query = new URLSearchParams({ state: searchParams.get('state') ?? '', code: codeFor({ subject, ...nonce !== null && { nonce } }) })
  return { path: `${callback}?${query.toString()}`, headers: { cookie: cookiesOf(begun) } }
}
