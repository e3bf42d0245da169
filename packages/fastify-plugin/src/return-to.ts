import { httpError, type StepUp } from './errors.ts'
import type { Settings } from './options.ts'

/** The longest path to return to, in characters. */
const longest = 2048

/**
 * The page to return to, as a path on our own origin: parsed as a browser would, then compared. Throws
 * `CONSENTRY_ERR_RETURN_TO_INVALID` for anything that leads elsewhere.
 */
export function readReturnTo (value: string | undefined, { origin, prefix }: Settings): string {
  if (value === undefined || value === '') return '/'
  // Browsers drop tab, CR and LF and read a backslash as a slash, so that what looks like a path is another host.
  // eslint-disable-next-line no-control-regex
  if (value.length > longest || !value.startsWith('/') || /[\u0000-\u0020\\\u007f]/.test(value)) throw httpError('CONSENTRY_ERR_RETURN_TO_INVALID')
  const url = URL.canParse(value, origin) ? new URL(value, origin) : undefined
  if (url?.origin !== origin || url.pathname.startsWith('//')) throw httpError('CONSENTRY_ERR_RETURN_TO_INVALID')
  // Back to where a login starts would go in circles; an answer must not be taken along in a URL.
  if (new RegExp(`^${prefix}/(login|callback|logout)(/|$)`).test(url.pathname)) return '/'
  return url.pathname + url.search + url.hash
}

/** Where to sign in and come back to `path`. */
export function loginPath ({ prefix }: Settings, path: string): string {
  // A path that is too long to come back to is no reason not to sign in.
  return `${prefix}/login?${new URLSearchParams({ return_to: path.length > longest ? '/' : path }).toString()}`
}

/** Where to sign in again, as the same person, and come back to `path`. */
export function stepUpPath ({ prefix }: Settings, provider: string, path: string, { maxAge, acr }: StepUp): string {
  const parameters = new URLSearchParams({ return_to: path.length > longest ? '/' : path })
  if (maxAge !== undefined) parameters.set('max_age', String(maxAge))
  if (acr !== undefined) parameters.set('acr_values', acr.join(' '))
  return `${prefix}/login/${provider}?${parameters.toString()}`
}
