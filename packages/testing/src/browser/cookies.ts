import { Cookie, CookieJar } from 'tough-cookie'
import { sameSite } from './site.ts'

/** A cookie as the jar holds it. */
export interface StoredCookie {
  name: string
  value: string
  /** Without a leading dot. */
  domain: string
  /** Sent to this very host only. */
  hostOnly: boolean
  path: string
  secure: boolean
  httpOnly: boolean
  sameSite: 'strict' | 'lax' | 'none'
  /** `undefined` for a session cookie. */
  expires: Date | undefined
}

/** How a request came about, as far as SameSite cares. */
export interface CookieContext {
  /** `undefined` for an address that was typed in. */
  initiator: URL | undefined
  /** A navigation of the whole page, rather than a fetch. */
  navigation: boolean
  method: string
}

const sameSiteOf = (cookie: Cookie): StoredCookie['sameSite'] =>
  cookie.sameSite === 'strict' || cookie.sameSite === 'none' ? cookie.sameSite : 'lax'

function levelOf (url: URL, { initiator, navigation, method }: CookieContext): StoredCookie['sameSite'] {
  if (initiator === undefined || sameSite(initiator, url)) return 'strict'
  return navigation && (method === 'GET' || method === 'HEAD') ? 'lax' : 'none'
}

/** A cookie jar with the rules of today's browsers: `__Host-` and `__Secure-`, SameSite with `Lax` as the default, Secure on loopback. */
export class Cookies {
  readonly #jar = new CookieJar(undefined, { prefixSecurity: 'silent' })

  /** Keeps what a response sets, unless the rules forbid it; then it is ignored, as a browser does. */
  store (header: string, url: URL, context: CookieContext): void {
    const cookie = Cookie.parse(header)
    if (cookie === undefined) return
    cookie.sameSite = sameSiteOf(cookie)
    if (cookie.sameSite === 'none' && !cookie.secure) return
    // A foreign site cannot plant SameSite cookies by a fetch; any response to a navigation can.
    if (cookie.sameSite !== 'none' && !context.navigation && levelOf(url, context) !== 'strict') return
    this.#jar.setCookieSync(cookie, url.href, { ignoreError: true })
  }

  /** The `Cookie` header of a request; `undefined` when there is nothing to send. */
  header (url: URL, context: CookieContext): string | undefined {
    const cookies = this.#jar.getCookiesSync(url.href, { sameSiteContext: levelOf(url, context), sort: true })
    return cookies.length === 0 ? undefined : cookies.map((cookie) => cookie.cookieString()).join('; ')
  }

  /** Every cookie that this URL's own pages would be sent. */
  list (url: URL): StoredCookie[] {
    return this.#jar.getCookiesSync(url.href, { sort: true }).map((cookie) => ({
      name: cookie.key,
      value: cookie.value,
      domain: cookie.domain ?? url.hostname,
      hostOnly: cookie.hostOnly ?? true,
      path: cookie.path ?? '/',
      secure: cookie.secure,
      httpOnly: cookie.httpOnly,
      sameSite: sameSiteOf(cookie),
      expires: cookie.expiryDate()
    }))
  }

  clear (): void {
    this.#jar.removeAllCookiesSync()
  }
}
