import type { StoredCookie } from './cookies.ts'
import type { Choice, Fields } from './forms.ts'

/** Decides before each redirect whether to stop instead of following it. */
export type StopAt = (url: URL) => boolean

/** Options of a navigation. */
export interface NavigateOptions {
  stopAt?: StopAt
}

/** Options of a browser. */
export interface BrowserOptions {
  /** For every navigation that has no `stopAt` of its own. */
  stopAt?: StopAt
  /** Milliseconds until a request without an answer rejects. 10 000 unless given. */
  timeout?: number
  /** Sent with every request, such as `accept-language`. */
  headers?: Readonly<Record<string, string>>
}

/** One request that the browser made. */
export interface Hop {
  method: string
  url: string
  status: number
  /** What was sent, names in lower case. */
  requestHeaders: Readonly<Record<string, string>>
  /** The raw `Set-Cookie` headers of the answer. */
  setCookie: readonly string[]
  /** Where the answer redirects to, as it says. */
  location: string | undefined
}

/** What a page asks of the browser's `fetch`. */
export interface FetchInit {
  method?: string
  headers?: Readonly<Record<string, string>>
  body?: string
  /** `same-origin` unless given. */
  credentials?: 'omit' | 'same-origin' | 'include'
  /** `follow` unless given. */
  redirect?: 'follow' | 'manual'
  signal?: AbortSignal
}

/** The answer to a `fetch`, read to its end. */
export interface FetchResult {
  url: string
  status: number
  headers: Headers
  text: string
  /** The text parsed as JSON. */
  json (): unknown
}

/** A page that was loaded, or the redirect at which a navigation was stopped. */
export interface Page {
  readonly url: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly title: string
  /** Where a stopped redirect leads. */
  readonly next: string | undefined
  /** Goes on where the navigation was stopped, as if it had not been. */
  follow (options?: NavigateOptions): Promise<Page>
  /** Follows the link with this text or this address. */
  click (link: string, options?: NavigateOptions): Promise<Page>
  /** Fills in the first form that has these fields (and this button) and submits it. */
  submit (fields?: Fields, options?: Choice & NavigateOptions): Promise<Page>
}

/** A person's browser with one cookie jar and one tab. */
export interface Browser {
  /** The page that was loaded last. */
  readonly page: Page | undefined
  /** Every request, oldest first. */
  readonly history: readonly Hop[]
  /** Loads an address that is typed in: no initiator, `Sec-Fetch-Site: none`. */
  open (url: string | URL, options?: NavigateOptions): Promise<Page>
  /** Requests something from the current page's script. Relative to that page; CORS is not enforced. */
  fetch (url: string | URL, init?: FetchInit): Promise<FetchResult>
  /** The cookies that would go to this URL. */
  cookies (url: string | URL): StoredCookie[]
  /** The same as a `Cookie` header, for a WebSocket or an event source of the site itself. */
  cookieHeader (url: string | URL): string
  /** Keeps a cookie as if a page at `url` had set it by this `Set-Cookie` header. */
  setCookie (header: string, url: string | URL): void
  clearCookies (): void
}
