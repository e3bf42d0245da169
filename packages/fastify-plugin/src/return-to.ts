import { httpError, type StepUp } from './errors.ts'
import type { Settings } from './options.ts'

/** The longest path to return to, in characters. */
const longest = 2048

/** Paths below the prefix to which nobody returns: a login would go in circles, and an answer must not be taken along in a URL. */
const ways = ['login', 'callback', 'logout']

/**
 * The page to return to, as a path on our own origin: parsed as a browser would, then compared. Throws
 * `CONSENTRY_ERR_RETURN_TO_INVALID` for anything that leads elsewhere.
 */
export function readReturnTo (value: string | undefined, settings: Settings): string {
  if (value === undefined || value === '') return '/'
  const url = ownUrl(value, settings)
  if (url === undefined) throw httpError('CONSENTRY_ERR_RETURN_TO_INVALID')
  return isWay(url.pathname, settings) ? '/' : url.pathname + url.search + url.hash
}

/** Where to sign in and come back to `path`. */
export function loginPath (settings: Settings, path: string): string {
  return `${settings.prefix}/login?${new URLSearchParams({ return_to: possible(path, settings) }).toString()}`
}

/** Where to sign in again, as the same person, and come back to `path`. */
export function stepUpPath (settings: Settings, provider: string, path: string, { maxAge, acr }: StepUp): string {
  const parameters = new URLSearchParams({ return_to: possible(path, settings) })
  if (maxAge !== undefined) parameters.set('max_age', String(maxAge))
  if (acr !== undefined) parameters.set('acr_values', acr.join(' '))
  return `${settings.prefix}/login/${provider}?${parameters.toString()}`
}

/** A URL that a request may have and that nobody can be sent back to is no reason not to sign in. */
function possible (path: string, settings: Settings): string {
  return ownUrl(path, settings) === undefined ? '/' : path
}

function ownUrl (value: string, { origin }: Settings): URL | undefined {
  // Browsers drop tab, CR and LF and read a backslash as a slash, so that what looks like a path is another host.
  // eslint-disable-next-line no-control-regex
  if (value.length > longest || !value.startsWith('/') || /[\u0000-\u0020\\\u007f]/.test(value) || !URL.canParse(value, origin)) return undefined
  const url = new URL(value, origin)
  return url.origin === origin && !url.pathname.startsWith('//') ? url : undefined
}

/** Whatever the router would take for the path: it decodes, and may fold slashes and case. */
function isWay (pathname: string, { prefix }: Settings): boolean {
  const path = decoded(pathname).replace(/\/{2,}/g, '/').toLowerCase()
  return ways.map((way) => `${prefix}/${way}`.toLowerCase()).some((way) => path === way || path.startsWith(`${way}/`))
}

function decoded (path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
