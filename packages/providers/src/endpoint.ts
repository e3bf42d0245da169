import { addressKind, hostKind } from './addresses.ts'
import type { AddressKind } from './addresses.ts'

/** Which hosts beyond the public ones may be spoken to. */
export interface Reach {
  /** Loopback addresses, and plain http there. For development and tests. */
  readonly allowLoopback: boolean
  /** Addresses of private networks, by https. */
  readonly allowPrivate: boolean
}

/** Why `url` may not be spoken to, in words that hold nothing of it; `undefined` when it may. */
export function refusal (url: URL, reach: Reach): string | undefined {
  const kind = hostKind(url)
  const local = kind === 'loopback'
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && local && reach.allowLoopback)) return 'is not an https URL'
  if (url.username !== '' || url.password !== '') return 'holds credentials'
  if (local && !reach.allowLoopback) return 'leads to this machine'
  return kind === undefined || reaches(kind, reach) ? undefined : 'leads to a private or reserved address'
}

/** Whether a connection to the IP address may be made. */
export function isAllowed (address: string, reach: Reach): boolean {
  return reaches(addressKind(address), reach)
}

function reaches (kind: AddressKind, reach: Reach): boolean {
  return kind === 'public' || (kind === 'loopback' && reach.allowLoopback) || (kind === 'private' && reach.allowPrivate)
}

/**
 * `value` as the URL of an endpoint: absolute, https (or what `reach` allows), without credentials and fragment
 * (RFC 6749 sections 3.1 and 3.2).
 *
 * @throws TypeError that names `name` and nothing of the value
 */
export function endpoint (name: string, value: unknown, reach: Reach): URL {
  const url = typeof value === 'string' ? parse(value) : undefined
  if (url === undefined) throw new TypeError(`${name} is not an absolute URL`)
  const reason = url.hash === '' ? refusal(url, reach) : 'has a fragment'
  if (reason !== undefined) throw new TypeError(`${name} ${reason}`)
  return url
}

function parse (value: string): URL | undefined {
  return URL.canParse(value) ? new URL(value) : undefined
}
