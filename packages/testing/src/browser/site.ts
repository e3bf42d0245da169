import { isIP } from 'node:net'
import { getPublicSuffix } from 'tough-cookie'

/** How a request relates to whoever caused it. */
export type FetchSite = 'none' | 'same-origin' | 'same-site' | 'cross-site'

function siteOf ({ protocol, hostname }: URL): string {
  const host = isIP(hostname.replace(/^\[|\]$/g, '')) === 0
    // The registrable domain; a name without one, such as localhost, stands for itself.
    ? getPublicSuffix(hostname, { allowSpecialUseDomain: true, ignoreError: true }) ?? hostname
    : hostname
  return `${protocol}//${host}`
}

/** Whether two URLs are same site, schemes included (HTML, "same site"). */
export function sameSite (a: URL, b: URL): boolean {
  return a.origin === b.origin || siteOf(a) === siteOf(b)
}

/**
 * `Sec-Fetch-Site` over a whole chain of redirects, whose last URL is the one requested now: one foreign hop taints the rest.
 * Without an initiator, as for a typed address, it is `none` throughout.
 * @see https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
 */
export function fetchSite (initiator: URL | undefined, chain: readonly URL[]): FetchSite {
  if (initiator === undefined) return 'none'
  let result: FetchSite = 'same-origin'
  for (const url of chain) {
    if (url.origin === initiator.origin) continue
    if (!sameSite(initiator, url)) return 'cross-site'
    result = 'same-site'
  }
  return result
}

const policies = new Set(['no-referrer', 'no-referrer-when-downgrade', 'origin', 'origin-when-cross-origin', 'same-origin', 'strict-origin', 'strict-origin-when-cross-origin', 'unsafe-url'])

/** The last policy of a `Referrer-Policy` header that is one; `current` when there is none. */
export function referrerPolicy (header: string | null, current: string): string {
  return header?.split(',').map((policy) => policy.trim().toLowerCase()).findLast((policy) => policies.has(policy)) ?? current
}

/** `Referer` of a request to `to` (Referrer Policy, "determine request's referrer"); loopback counts as secure. */
export function referrer (from: URL, to: URL, policy: string): string | undefined {
  const same = from.origin === to.origin
  const downgrade = from.protocol === 'https:' && to.protocol === 'http:'
  const full = `${from.origin}${from.pathname}${from.search}`
  const origin = `${from.origin}/`
  switch (policy) {
    case 'no-referrer': return undefined
    case 'unsafe-url': return full
    case 'origin': return origin
    case 'origin-when-cross-origin': return same ? full : origin
    case 'same-origin': return same ? full : undefined
    case 'strict-origin': return downgrade ? undefined : origin
    case 'no-referrer-when-downgrade': return downgrade ? undefined : full
    default: return same ? full : downgrade ? undefined : origin
  }
}

/** `Origin` of a navigation by POST (Fetch, "append a request Origin header"). */
export function originHeader (from: URL, chain: readonly URL[], policy: string): string {
  const to = chain.at(-1) ?? from
  const tainted = chain.some((url, index) => index > 0 && url.origin !== chain[index - 1]?.origin && chain[index - 1]?.origin !== from.origin)
  if (tainted || policy === 'no-referrer') return 'null'
  if (policy === 'same-origin' && from.origin !== to.origin) return 'null'
  if (policy.startsWith('strict-') || policy === 'no-referrer-when-downgrade') {
    return from.protocol === 'https:' && to.protocol === 'http:' ? 'null' : from.origin
  }
  return from.origin
}
