import { createSend } from './browser/client.ts'
import type { Exchange } from './browser/client.ts'
import { Cookies } from './browser/cookies.ts'
import type { CookieContext } from './browser/cookies.ts'
import { formActionAllows } from './browser/csp.ts'
import { submission, submitsItself } from './browser/forms.ts'
import { attribute, elements, parseHtml, textOf } from './browser/html.ts'
import { fetchSite, originHeader, referrer, referrerPolicy } from './browser/site.ts'
import type { Browser, BrowserOptions, FetchInit, FetchResult, Hop, NavigateOptions, Page, StopAt } from './browser/types.ts'

interface Navigation {
  method: string
  body: string | undefined
  /** Where it leads now and through which URLs it came. */
  chain: readonly URL[]
  /** The page that holds the link or form; `undefined` for a typed address. */
  from: URL | undefined
  policy: string
  /** The policies that bind a form and its redirects. */
  formPolicies: readonly string[]
}

const maxHops = 20
const redirects = new Set([301, 302, 303, 307, 308])
const accept = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

/** The navigation after a redirect (Fetch, "HTTP-redirect fetch"). */
function redirected (navigation: Navigation, { status, headers }: Exchange, next: URL): Navigation {
  const { method, body, chain, policy } = navigation
  const becomesGet = status === 303 ? method !== 'HEAD' : status < 303 && method === 'POST'
  return {
    ...navigation,
    method: becomesGet ? 'GET' : method,
    body: becomesGet ? undefined : body,
    chain: [...chain, next],
    policy: referrerPolicy(headers.get('referrer-policy'), policy)
  }
}

function locationOf ({ status, headers }: Exchange, url: URL): URL | undefined {
  const location = headers.get('location')
  if (!redirects.has(status) || location === null) return undefined
  const next = new URL(location, url)
  if (next.hash === '') next.hash = url.hash
  return next
}

/** A browser without script and styles, which follows the rules of real ones where they decide about security. */
export function createBrowser (options: BrowserOptions = {}): Browser {
  const send = createSend(options.timeout ?? 10_000)
  const jar = new Cookies()
  const history: Hop[] = []
  let current: Page | undefined

  async function exchange (method: string, url: URL, headers: Record<string, string | undefined>, body: string | undefined, context: CookieContext, credentials: boolean, signal?: AbortSignal): Promise<Exchange> {
    const sent: Record<string, string> = { 'user-agent': 'Mozilla/5.0 (test browser)', 'accept-language': 'en' }
    const all = { ...options.headers, ...headers, cookie: credentials ? jar.header(url, context) : undefined }
    for (const [name, value] of Object.entries(all)) {
      if (value !== undefined) sent[name.toLowerCase()] = value
    }
    const response = await send(method, url, sent, body, signal)
    if (credentials) response.setCookie.forEach((header) => { jar.store(header, url, context) })
    history.push({
      method,
      url: url.href,
      status: response.status,
      requestHeaders: sent,
      setCookie: response.setCookie,
      location: response.headers.get('location') ?? undefined
    })
    return response
  }

  async function load (navigation: Navigation): Promise<{ url: URL, response: Exchange }> {
    const { method, body, chain, from, policy } = navigation
    const url = chain.at(-1)
    if (url === undefined) throw new Error('a navigation without a URL')
    const response = await exchange(method, url, {
      accept,
      'content-type': body === undefined ? undefined : 'application/x-www-form-urlencoded',
      origin: from !== undefined && method !== 'GET' && method !== 'HEAD' ? originHeader(from, chain, policy) : undefined,
      referer: from && referrer(from, url, policy),
      'sec-fetch-dest': 'document',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-site': fetchSite(from, chain),
      'sec-fetch-user': '?1',
      'upgrade-insecure-requests': '1'
    }, body, { initiator: from, navigation: true, method }, true)
    return { url, response }
  }

  async function navigate (start: Navigation, { stopAt = options.stopAt }: NavigateOptions): Promise<Page> {
    let navigation = start
    for (let hops = 0; hops < maxHops; hops++) {
      const { url, response } = await load(navigation)
      const next = locationOf(response, url)
      if (next === undefined) return arrive(url, response, stopAt)
      const { from, formPolicies } = navigation
      if (from !== undefined && !formActionAllows(formPolicies, from, next, true)) {
        throw new Error(`the form-action policy of ${from.href} does not let its form lead to ${next.href}`)
      }
      navigation = redirected(navigation, response, next)
      // An application on this machine takes over what is not the web's, such as com.example.app:/callback.
      const foreign = next.protocol !== 'http:' && next.protocol !== 'https:'
      if (foreign || stopAt?.(next) === true) {
        current = createPage(url, response, foreign ? undefined : navigation, next)
        return current
      }
    }
    throw new Error(`more than ${maxHops} redirects from ${start.chain.at(-1)?.href}`)
  }

  async function arrive (url: URL, response: Exchange, stopAt: StopAt | undefined): Promise<Page> {
    const page = createPage(url, response, undefined, undefined)
    current = page
    const isHtml = response.headers.get('content-type')?.startsWith('text/html') === true
    return isHtml && submitsItself(parseHtml(response.text)) ? page.submit({}, stopAt === undefined ? {} : { stopAt }) : page
  }

  function createPage (url: URL, response: Exchange, stopped: Navigation | undefined, next: URL | undefined): Page {
    const document = parseHtml(response.text)
    const policies = [response.headers.get('content-security-policy') ?? ''].filter(Boolean)
    const policy = referrerPolicy(response.headers.get('referrer-policy'), 'strict-origin-when-cross-origin')
    const title = [...elements(document)].find(({ tagName }) => tagName === 'title')
    const here = `${response.status} ${url.href}`

    return {
      url: url.href,
      status: response.status,
      headers: response.headers,
      text: response.text,
      title: title === undefined ? '' : textOf(title),
      next: next?.href,
      async follow (options = {}) {
        if (stopped === undefined) throw new Error(`${here} was not stopped at a redirect`)
        return navigate(stopped, options)
      },
      async click (link, options = {}) {
        const links = [...elements(document)].filter((element) => element.tagName === 'a' && attribute(element, 'href') !== undefined)
        const addressOf = (element: typeof links[number]): URL => new URL(attribute(element, 'href') ?? '', url)
        const found = links.find((element) => textOf(element) === link) ??
          links.find((element) => attribute(element, 'href') === link || addressOf(element).href === link)
        if (found === undefined) throw new Error(`no link "${link}" on ${here}; there are ${links.map((element) => `"${textOf(element)}"`).join(', ') || 'none'}`)
        return navigate({ method: 'GET', body: undefined, chain: [addressOf(found)], from: url, policy, formPolicies: [] }, options)
      },
      async submit (fields = {}, options = {}) {
        let form
        try {
          form = submission(document, url, fields, options)
        } catch (cause) {
          throw new Error(`cannot submit ${here}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
        }
        const { method, body } = form
        if (!formActionAllows(policies, url, form.url, false)) throw new Error(`the form-action policy of ${url.href} does not allow ${form.url.href}`)
        return navigate({ method, body, chain: [form.url], from: url, policy, formPolicies: policies }, options)
      }
    }
  }

  async function fetch (target: string | URL, init: FetchInit = {}): Promise<FetchResult> {
    if (current === undefined) throw new Error('fetch needs a page: open one first')
    const from = new URL(current.url)
    const policy = referrerPolicy(current.headers.get('referrer-policy'), 'strict-origin-when-cross-origin')
    let method = init.method?.toUpperCase() ?? 'GET'
    let { body } = init
    const chain = [new URL(target, from)]
    for (let hops = 0; hops < maxHops; hops++) {
      const url = chain.at(-1) ?? from
      const crossOrigin = chain.some(({ origin }) => origin !== from.origin)
      const response = await exchange(method, url, {
        accept: '*/*',
        ...(body === undefined ? {} : { 'content-type': 'text/plain;charset=UTF-8' }),
        ...Object.fromEntries(Object.entries(init.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])),
        origin: crossOrigin || (method !== 'GET' && method !== 'HEAD') ? from.origin : undefined,
        referer: referrer(from, url, policy),
        'sec-fetch-dest': 'empty',
        'sec-fetch-mode': 'cors',
        'sec-fetch-site': fetchSite(from, chain)
      }, body, { initiator: from, navigation: false, method }, init.credentials === 'include' || (init.credentials !== 'omit' && !crossOrigin), init.signal)
      const next = init.redirect === 'manual' ? undefined : locationOf(response, url)
      if (next === undefined) {
        const { status, headers, text } = response
        return { url: url.href, status, headers, text, json: (): unknown => JSON.parse(text) }
      }
      if (response.status === 303 || (response.status < 303 && method === 'POST')) [method, body] = ['GET', undefined]
      chain.push(next)
    }
    throw new Error(`more than ${maxHops} redirects from ${chain[0]?.href}`)
  }

  const typed: CookieContext = { initiator: undefined, navigation: true, method: 'GET' }
  return {
    get page () { return current },
    history,
    open: async (url, options = {}) => navigate({ method: 'GET', body: undefined, chain: [new URL(url)], from: undefined, policy: 'strict-origin-when-cross-origin', formPolicies: [] }, options),
    fetch,
    cookies: (url) => jar.list(new URL(url)),
    cookieHeader: (url) => jar.header(new URL(url), typed) ?? '',
    setCookie: (header, url) => { jar.store(header, new URL(url), typed) },
    clearCookies: () => { jar.clear() }
  }
}

/** Signs in on the local provider's page and goes on. Any password will do there. */
export async function signIn (page: Page, username: string, options: NavigateOptions & { password?: string } = {}): Promise<Page> {
  const { password = 'correct horse', ...rest } = options
  return page.submit({ username, password }, { button: 'Sign in', ...rest })
}

/** Answers the local provider's consent page, `without` some of its scopes, and goes on. */
export async function consent (page: Page, decision: 'allow' | 'deny', { without = [], ...options }: NavigateOptions & { without?: readonly string[] } = {}): Promise<Page> {
  return page.submit(Object.fromEntries(without.map((scope) => [`scope:${scope}`, false])), { button: decision === 'allow' ? 'Allow' : 'Deny', ...options })
}
