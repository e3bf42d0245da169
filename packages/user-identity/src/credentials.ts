import { ConsentryError } from '@consentry/core'

/** The headers of a request: of `node:http`, of the Fetch standard, or a plain object with names in lower case. */
export type HeadersSource = Headers | Readonly<Record<string, string | readonly string[] | undefined>>

/** What a connection presents to say who it is. Not checked yet. */
export type Credential =
  | { readonly source: 'session', readonly secret: string }
  | { readonly source: 'jwt', readonly token: string }
  | { readonly source: 'api_key', readonly key: string }
  | { readonly source: 'basic', readonly username: string, readonly password: string }

/** The longest credential that is looked at, in characters. */
const longest = 16 * 1024

/**
 * All credentials in the headers: the session cookie, then `Authorization`, then `X-API-Key`. A bearer token of three
 * parts is a JWT, any other an API key. Throws `CONSENTRY_ERR_CREDENTIAL_INVALID` for a header that cannot be
 * understood and for one that is there twice.
 */
export function readCredentials (headers: HeadersSource, sessionCookie?: string): Credential[] {
  const credentials: Credential[] = []
  const cookies = sessionCookie === undefined ? undefined : header(headers, 'cookie')
  if (cookies !== undefined) {
    const values = cookieValues(cookies, sessionCookie as string)
    // A second cookie of the name was put there by someone else; which one, nobody can tell.
    if (values.length > 1) throw refused()
    if (values[0] !== undefined) credentials.push({ source: 'session', secret: values[0] })
  }
  const authorization = header(headers, 'authorization')
  if (authorization !== undefined) credentials.push(readAuthorization(authorization))
  const key = header(headers, 'x-api-key')
  if (key !== undefined) credentials.push(readApiKey(key))
  return credentials
}

/** All values of a cookie, in order (RFC 6265 section 5.4). */
export function cookieValues (cookies: string, name: string): string[] {
  return cookies.split(';').map((pair) => pair.trim()).filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1))
}

/** `Authorization: Bearer` (RFC 6750) or `Basic` (RFC 7617). */
function readAuthorization (value: string): Credential {
  const space = value.indexOf(' ')
  const scheme = value.slice(0, Math.max(space, 0)).toLowerCase()
  const parameter = value.slice(space + 1)
  if (value.length > longest) throw refused()
  if (scheme === 'basic') return readBasic(parameter)
  if (scheme !== 'bearer') throw refused()
  return readBearer(parameter)
}

/** A bearer token: a JWT where it has three parts, otherwise an API key. */
export function readBearer (token: string): Credential {
  return token.split('.').length === 3 ? readJwt(token) : readApiKey(token)
}

export function readJwt (token: string): Credential {
  if (token.length > longest || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) throw refused()
  return { source: 'jwt', token }
}

export function readApiKey (key: string): Credential {
  // The characters of a bearer token, RFC 6750 section 2.1.
  if (key.length > longest || !/^[\w.~+/-]+=*$/.test(key)) throw refused()
  return { source: 'api_key', key }
}

/** The user name and password of a `Basic` header. A password may hold colons, a user name may not. */
function readBasic (parameter: string): Credential {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(parameter)) throw refused()
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(parameter, 'base64'))
  } catch {
    throw refused()
  }
  const colon = text.indexOf(':')
  if (colon === -1) throw refused()
  return readUsernameAndPassword(text.slice(0, colon), text.slice(colon + 1))
}

/** RFC 7617 section 2: neither may hold control characters. */
export function readUsernameAndPassword (username: string, password: string): Credential {
  if (username === '' || username.length + password.length > longest || username.includes(':') || /\p{Cc}/u.test(username + password)) throw refused()
  return { source: 'basic', username, password }
}

function header (headers: HeadersSource, name: string): string | undefined {
  const value = headers instanceof Headers ? headers.get(name) ?? undefined : (headers as Record<string, string | readonly string[] | undefined>)[name]
  if (typeof value === 'string' || value === undefined) return value
  if (value.length > 1) throw refused()
  return value[0]
}

function refused (): ConsentryError {
  return new ConsentryError('CONSENTRY_ERR_CREDENTIAL_INVALID')
}
