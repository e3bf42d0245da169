import { IncomingMessage } from 'node:http'
import { refused } from './refused.ts'

/** The headers of a request: of the Fetch standard, of `node:http`, or an object of names and values. */
export type HeadersSource = Headers | Readonly<Record<string, string | readonly string[] | undefined>>

/** A request of `node:http`, of the Fetch standard or of a framework, or its headers alone. */
export type RequestSource = HeadersSource | { readonly headers: HeadersSource }

/** The headers that hold credentials. */
export interface CredentialHeaders {
  cookie?: string
  authorization?: string
  'x-api-key'?: string
}

const names = ['cookie', 'authorization', 'x-api-key'] as const

/** Picks the headers that hold credentials, whatever the case of their names. @throws ConsentryError `CONSENTRY_ERR_CREDENTIAL_INVALID` for one that is there twice */
export function credentialHeaders (source: RequestSource): CredentialHeaders {
  const headers = headersOf(source)
  if (isFetchHeaders(headers)) return Object.fromEntries(names.flatMap((name) => headers.get(name) === null ? [] : [[name, headers.get(name)]]))
  const found: CredentialHeaders = {}
  // Node's own names are in lower case.
  const isNodes = source instanceof IncomingMessage
  for (const key of isNodes ? names : Object.keys(headers)) {
    const name = key.toLowerCase()
    if (!isName(name) || headers[key] === undefined) continue
    const value = single(headers[key], name)
    if (found[name] !== undefined) throw refused()
    found[name] = value
  }
  // Of several `Authorization` headers Node keeps the first, where something in front may have looked at the last.
  if (found.authorization !== undefined && isNodes && countOf('authorization', source.rawHeaders) > 1) throw refused()
  return found
}

function headersOf (source: RequestSource): HeadersSource {
  if (typeof source !== 'object' || source === null) throw refused()
  const { headers } = source as { readonly headers?: unknown }
  return typeof headers === 'object' && headers !== null && !Array.isArray(headers) ? headers as HeadersSource : source as HeadersSource
}

/** By what it does: there are more classes of this name than the global one. */
function isFetchHeaders (headers: HeadersSource): headers is Headers {
  return typeof headers['get'] === 'function'
}

function isName (name: string): name is typeof names[number] {
  return (names as readonly string[]).includes(name)
}

function single (value: unknown, name: string): string {
  if (typeof value === 'string') return value
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) throw refused()
  // HTTP/2 may send cookies in crumbs (RFC 9113 section 8.2.3).
  if (name === 'cookie') return value.join('; ')
  if (value.length !== 1) throw refused()
  return value[0] as string
}

/** How many headers of this name a list of names and values has. */
function countOf (name: string, rawHeaders: readonly string[]): number {
  let count = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const raw = rawHeaders[index]
    if (raw?.length === name.length && raw.toLowerCase() === name) count++
  }
  return count
}
