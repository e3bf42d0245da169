import { ConsentryError } from '@consentry/core'

/** The headers of a request: of `node:http`, of a Web `Request`, or a plain object with names in lower case. */
export type HeadersSource = Headers | Readonly<Record<string, string | readonly string[] | undefined>>

/** What a connection presents to say who it is. */
export interface Credentials {
  /** The session cookie's value. */
  session?: string
  /** A bearer token of three parts (RFC 6750). */
  jwt?: string
}

/** The longest credential that is looked at, in characters. */
const longest = 16 * 1024

/**
 * The credentials in the headers; none of them is checked yet.
 * Throws `CONSENTRY_ERR_CREDENTIAL_INVALID` for a header that cannot be understood or a cookie that is there twice.
 */
export function readCredentials (headers: HeadersSource, sessionCookie: string | undefined): Credentials {
  const credentials: Credentials = {}
  const authorization = header(headers, 'authorization')
  if (authorization !== undefined) credentials.jwt = bearer(authorization)
  const cookies = sessionCookie === undefined ? undefined : header(headers, 'cookie')
  if (cookies !== undefined) {
    const values = cookieValues(cookies, sessionCookie as string)
    // A second cookie of the name was put there by someone else; which one, nobody can tell.
    if (values.length > 1) throw new ConsentryError('CONSENTRY_ERR_CREDENTIAL_INVALID')
    if (values[0] !== undefined) credentials.session = values[0]
  }
  return credentials
}

/** All values of a cookie, in order (RFC 6265 section 5.4). */
export function cookieValues (cookies: string, name: string): string[] {
  return cookies.split(';').map((pair) => pair.trim()).filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1))
}

function bearer (authorization: string): string {
  const space = authorization.indexOf(' ')
  const token = authorization.slice(space + 1)
  const isJwt = /^bearer$/i.test(authorization.slice(0, space)) && token.length <= longest && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)
  if (!isJwt) throw new ConsentryError('CONSENTRY_ERR_CREDENTIAL_INVALID')
  return token
}

function header (headers: HeadersSource, name: string): string | undefined {
  const value = headers instanceof Headers ? headers.get(name) ?? undefined : (headers as Record<string, string | readonly string[] | undefined>)[name]
  if (typeof value === 'string' || value === undefined) return value
  if (value.length > 1) throw new ConsentryError('CONSENTRY_ERR_CREDENTIAL_INVALID')
  return value[0]
}
