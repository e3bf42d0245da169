import { isUtf8 } from 'node:buffer'
import { credentialHeaders, type RequestSource } from './headers.ts'
import { refused } from './refused.ts'

/** What a connection presents to say who it is. Well-formed, and not checked yet. */
export type Credential =
  | { readonly kind: 'session', readonly secret: string }
  | { readonly kind: 'jwt', readonly token: string }
  /** A bearer token that is no JWT: an API key, or a token that its issuer alone can read. */
  | { readonly kind: 'bearer', readonly token: string }
  | { readonly kind: 'api_key', readonly key: string }
  | { readonly kind: 'basic', readonly username: string, readonly password: string }

/** The longest credential that is looked at, in characters. */
const longest = 16 * 1024

/**
 * All credentials of a request: the session cookie, then `Authorization`, then `X-API-Key`.
 *
 * @throws ConsentryError `CONSENTRY_ERR_CREDENTIAL_INVALID` for one that cannot be understood, or is there twice
 */
export function readCredentials (source: RequestSource, sessionCookie?: string): Credential[] {
  const { cookie, authorization, 'x-api-key': key } = credentialHeaders(source)
  const credentials: Credential[] = []
  if (cookie !== undefined && sessionCookie !== undefined) {
    const values = cookieValues(cookie, sessionCookie)
    // A second cookie of the name was put there by someone else; which one, nobody can tell (T1).
    if (values.length > 1) throw refused()
    if (values[0] !== undefined) credentials.push(readSession(values[0]))
  }
  if (authorization !== undefined) credentials.push(readAuthorization(authorization))
  if (key !== undefined) credentials.push(readApiKey(key))
  return credentials
}

/** All values of a cookie, in order (RFC 6265 section 5.4). */
export function cookieValues (cookies: string, name: string): string[] {
  const start = `${name}=`
  const values: string[] = []
  for (const pair of cookies.split(';')) {
    const trimmed = pair.trim()
    if (trimmed.startsWith(start)) values.push(trimmed.slice(start.length))
  }
  return values
}

/**
 * The credential of a parsed WebSocket message `{ type: 'auth', method, token?, username?, password? }`, with the
 * methods `jwt`, `api_key` and `basic`.
 *
 * @throws ConsentryError `CONSENTRY_ERR_CREDENTIAL_INVALID` for anything else
 */
export function readAuthMessage (message: unknown): Credential {
  if (typeof message !== 'object' || message === null || own(message, 'type') !== 'auth') throw refused()
  switch (own(message, 'method')) {
    case 'jwt': return readJwt(own(message, 'token'))
    case 'api_key': return readApiKey(own(message, 'token'))
    case 'basic': return readUsernameAndPassword(own(message, 'username'), own(message, 'password'))
    default: throw refused()
  }
}

/** A credential that was put together elsewhere, held to the rules of those read here. */
export function wellFormed (credential: Credential): Credential {
  switch (credential?.kind) {
    case 'session': return readSession(credential.secret)
    case 'jwt': return readJwt(credential.token)
    case 'bearer': return readOpaque(credential.token)
    case 'api_key': return readApiKey(credential.key)
    case 'basic': return readUsernameAndPassword(credential.username, credential.password)
    default: throw refused()
  }
}

/** `Bearer` (RFC 6750) or `Basic` (RFC 7617). */
function readAuthorization (value: string): Credential {
  const space = value.indexOf(' ')
  const scheme = value.slice(0, Math.max(space, 0)).toLowerCase()
  const parameter = value.slice(space + 1)
  if (value.length > longest) throw refused()
  if (scheme === 'basic') return readBasic(parameter)
  if (scheme !== 'bearer') throw refused()
  if (isJwt(parameter)) return { kind: 'jwt', token: parameter }
  // Three parts are nothing else.
  if (parameter.split('.').length === 3) throw refused()
  return readOpaque(parameter)
}

function readSession (secret: string): Credential {
  if (typeof secret !== 'string' || secret === '' || secret.length > longest) throw refused()
  return { kind: 'session', secret }
}

/** Three parts of base64url; the last is empty where there is no signature, which only `trust: 'upstream'` lets pass. */
function isJwt (token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)
}

function readJwt (token: unknown): Credential {
  if (typeof token !== 'string' || token.length > longest || !isJwt(token)) throw refused()
  return { kind: 'jwt', token }
}

/** The characters of RFC 6750 section 2.1. */
function readOpaque (token: unknown): Credential {
  if (typeof token !== 'string' || token.length > longest || !/^[\w.~+/-]+=*$/.test(token)) throw refused()
  return { kind: 'bearer', token }
}

/** Any visible ASCII: two headers, which are joined by a comma and a space, are none. */
function readApiKey (key: unknown): Credential {
  if (typeof key !== 'string' || key.length > longest || !/^[!-~]+$/.test(key)) throw refused()
  return { kind: 'api_key', key }
}

function readBasic (parameter: string): Credential {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(parameter)) throw refused()
  const bytes = Buffer.from(parameter, 'base64')
  if (!isUtf8(bytes)) throw refused()
  const text = bytes.toString()
  const colon = text.indexOf(':')
  if (colon === -1) throw refused()
  return readUsernameAndPassword(text.slice(0, colon), text.slice(colon + 1))
}

/** RFC 7617 section 2: no control characters, no colon in the user name, which is the same in every normal form. */
function readUsernameAndPassword (username: unknown, password: unknown): Credential {
  if (typeof username !== 'string' || typeof password !== 'string' || username === '' || username.length + password.length > longest) throw refused()
  if (username.includes(':') || /[\p{Cc}\p{Surrogate}]/u.test(username + password)) throw refused()
  return { kind: 'basic', username: username.normalize('NFC'), password }
}

function own (object: object, name: string): unknown {
  return Object.hasOwn(object, name) ? (object as Record<string, unknown>)[name] : undefined
}
