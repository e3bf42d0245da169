import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import t from 'tap'
import { createBrowser } from '../src/index.ts'

type Handler = (req: IncomingMessage, res: ServerResponse, body: string) => void

/** A server on loopback that goes by two names: different sites to a browser. */
async function withServer (routes: Record<string, Handler>, run: (origins: { local: string, ip: string, port: string }) => Promise<void>): Promise<void> {
  const server = createServer((req, res) => {
    let body = ''
    req.setEncoding('utf8').on('data', (chunk: string) => { body += chunk }).on('end', () => {
      const handler = routes[(req.url ?? '/').split('?')[0] ?? '/']
      if (handler === undefined) res.writeHead(404).end()
      else handler(req, res, body)
    })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const address = server.address()
  const port = String(typeof address === 'object' && address !== null ? address.port : 0)
  try {
    await run({ local: `http://localhost:${port}`, ip: `http://127.0.0.1:${port}`, port })
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

const html = (markup: string, headers: Record<string, string> = {}): Handler => (_req, res) => {
  res.writeHead(200, { 'content-type': 'text/html', ...headers }).end(markup)
}

const to = (location: string, status = 303, headers: Record<string, string> = {}): Handler => (_req, res) => {
  res.writeHead(status, { location, ...headers }).end()
}

/** Answers with what the server received. */
const echo: Handler = (req, res, body) => {
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ method: req.method, url: req.url, headers: req.headers, body }))
}

interface Echo {
  method: string
  url: string
  headers: Record<string, string>
  body: string
}

const parsed = ({ text }: { text: string }): Echo => JSON.parse(text) as Echo

const siteOf = (answer: { text: string }): string | undefined => parsed(answer).headers['sec-fetch-site']
const port = (req: IncomingMessage): string => String(req.socket.localPort)
const set = (...cookies: string[]): Handler => (_req, res) => { res.setHeader('set-cookie', cookies).end() }
const names = (cookies: Array<{ name: string }>): string[] => cookies.map(({ name }) => name).sort()

t.test('cookies', async (t) => {
  await t.test('prefixes', async (t) => withServer({
    '/': set('__Host-good=1; Secure; Path=/', '__Host-insecure=1; Path=/', '__Host-path=1; Secure; Path=/auth', '__Host-nopath=1; Secure',
      '__Host-domain=1; Secure; Path=/; Domain=localhost', '__Secure-good=1; Secure', '__Secure-bad=1')
  }, async ({ ip, local }) => {
    const browser = createBrowser()
    await browser.open(ip)
    t.same(names(browser.cookies(ip)), ['__Host-good', '__Secure-good'])
    t.equal(browser.cookieHeader(ip), '__Host-good=1; __Secure-good=1')
    t.same(browser.cookies(local), [], 'hosts do not share')
    browser.clearCookies()
    t.same(browser.cookies(ip), [])
  }))

  await t.test('Secure is for https and loopback', async (t) => {
    const browser = createBrowser()
    browser.setCookie('a=1; Secure', 'http://app.example.com/')
    browser.setCookie('b=1; Secure', 'https://app.example.com/')
    browser.setCookie('c=1; Secure', 'http://app.localhost/')
    t.same(browser.cookies('http://app.example.com/'), [])
    t.same(names(browser.cookies('https://app.example.com/')), ['b'])
    t.same(names(browser.cookies('http://app.localhost:8080/')), ['c'], 'cookies do not know ports')
  })

  await t.test('Domain: a sibling can toss, but not across sites', async (t) => {
    const browser = createBrowser()
    browser.setCookie('tossed=1; Domain=example.com', 'https://evil.example.com/')
    browser.setCookie('foreign=1; Domain=example.com', 'https://example.org/')
    browser.setCookie('suffix=1; Domain=co.uk', 'https://shop.co.uk/')
    t.match(browser.cookies('https://app.example.com/'), [{ name: 'tossed', hostOnly: false, domain: 'example.com' }])
    t.same(browser.cookies('https://other.co.uk/'), [])
  })

  await t.test('attributes and the end of a cookie', async (t) => withServer({
    '/': set('full=1; Path=/auth; HttpOnly; SameSite=Strict; Max-Age=60', 'plain=1', 'gone=1; Max-Age=0', 'none=1; SameSite=None'),
    '/logout': set('plain=; Expires=Thu, 01 Jan 1970 00:00:00 GMT')
  }, async ({ ip }) => {
    const browser = createBrowser()
    await browser.open(ip)
    t.match(browser.cookies(`${ip}/auth/login`), [{ name: 'full', path: '/auth', httpOnly: true, sameSite: 'strict', expires: Date }, { name: 'plain', sameSite: 'lax', httpOnly: false }])
    t.same(names(browser.cookies(`${ip}/authority`)), ['plain'])
    t.match(browser.history[0], { method: 'GET', status: 200, setCookie: [/full/, /plain/, /gone/, /none/] })
    await browser.open(`${ip}/logout`)
    t.same(browser.cookies(ip), [])
  }))

  await t.test('SameSite', async (t) => {
    const link = `<a href="http://127.0.0.1:PORT/echo">go</a><form method="post" action="http://127.0.0.1:PORT/echo"><button>post</button></form>`
    const routes: Record<string, Handler> = {
      '/set': set('strict=1; SameSite=Strict', 'lax=1; SameSite=Lax', 'unset=1', 'none=1; SameSite=None; Secure'),
      '/echo': echo,
      '/foreign': (req, res) => { html(link.replaceAll('PORT', String(req.socket.localPort)))(req, res, '') },
      '/own': html('<a href="/echo">go</a>')
    }
    await withServer(routes, async ({ ip, local }) => {
      const browser = createBrowser()
      await browser.open(`${ip}/set`)
      t.equal(parsed(await browser.open(`${ip}/echo`)).headers.cookie, 'strict=1; lax=1; unset=1; none=1', 'typed')
      t.equal(parsed(await (await browser.open(`${ip}/own`)).click('go')).headers.cookie, 'strict=1; lax=1; unset=1; none=1', 'own link')
      t.equal(parsed(await (await browser.open(`${local}/foreign`)).click('go')).headers.cookie, 'lax=1; unset=1; none=1', 'foreign link')
      t.equal(parsed(await (await browser.open(`${local}/foreign`)).submit({}, { button: 'post' })).headers.cookie, 'none=1', 'foreign form')
      await browser.open(`${local}/foreign`)
      t.equal(parsed(await browser.fetch(`${ip}/echo`, { credentials: 'include' })).headers.cookie, 'none=1', 'foreign fetch')
    })
  })

  await t.test('a foreign fetch sets only what may be set', async (t) => withServer({ '/': html(''), '/set': set('lax=1', 'none=1; SameSite=None; Secure') }, async ({ ip, local }) => {
    const browser = createBrowser()
    await browser.open(local)
    await browser.fetch(`${ip}/set`)
    t.same(browser.cookies(ip), [])
    await browser.fetch(`${ip}/set`, { credentials: 'include' })
    t.same(names(browser.cookies(ip)), ['none'])
    await browser.fetch('/set')
    t.same(names(browser.cookies(local)), ['lax', 'none'])
  }))
})

t.test('Sec-Fetch-Site is that of the whole chain', async (t) => {
  await withServer({
    '/echo': echo,
    '/page': html('<a href="/echo">here</a> <a href="/there">there and back</a> <a href="/same">same</a>'),
    '/same': to('/echo'),
    '/there': (req, res) => { to(`http://localhost:${port(req)}/back`)(req, res, '') },
    '/back': (req, res) => { to(`http://127.0.0.1:${port(req)}/echo`)(req, res, '') }
  }, async ({ ip }) => {
    const browser = createBrowser()
    const typed = parsed(await browser.open(`${ip}/echo`))
    t.match(typed.headers, { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', accept: /^text\/html/ })
    t.notOk(typed.headers.referer)
    t.equal(siteOf(await browser.open(`${ip}/there`)), 'none', 'a typed address stays one')
    const page = await browser.open(`${ip}/page`)
    t.equal(siteOf(await page.click('here')), 'same-origin')
    t.equal(siteOf(await page.click('/same')), 'same-origin')
    const back = await page.click('there and back')
    t.equal(siteOf(back), 'cross-site', 'one foreign hop taints')
    t.equal(parsed(back).headers.referer, `${ip}/page`)
    t.same(browser.history.slice(-3).map(({ requestHeaders }) => requestHeaders['sec-fetch-site']), ['same-origin', 'cross-site', 'cross-site'])
    await t.rejects(page.click('nowhere'), /no link "nowhere".*"here"/)
  })
  await withServer({ '/': html(''), '/echo': echo }, async ({ ip, port }) => {
    const browser = createBrowser()
    await browser.open(`http://app.shop.localhost:${port}/`)
    t.equal(siteOf(await browser.fetch(`http://api.shop.localhost:${port}/echo`)), 'same-site')
    t.equal(siteOf(await browser.fetch(`http://evil.localhost:${port}/echo`)), 'cross-site')
    t.equal(siteOf(await browser.fetch(`${ip}/echo`)), 'cross-site')
    t.equal(siteOf(await browser.fetch('/echo')), 'same-origin')
  })
})

t.test('Referer and Origin obey the policy of the page', async (t) => {
  const form = '<form method="post" action="http://127.0.0.1:PORT/echo?x"><input name="a"><button>Send</button></form><a href="http://127.0.0.1:PORT/echo">go</a>'
  const page = (policy?: string): Handler => (req, res) => {
    html(form.replaceAll('PORT', String(req.socket.localPort)), policy === undefined ? {} : { 'referrer-policy': policy })(req, res, '')
  }
  await withServer({ '/echo': echo, '/default': page(), '/none': page('no-referrer'), '/same': page('same-origin'), '/origin': page('bogus, origin') }, async ({ ip, local }) => {
    const browser = createBrowser()
    const post = async (url: string): Promise<Record<string, string>> => parsed(await (await browser.open(url)).submit({ a: '1' })).headers
    t.match(await post(`${ip}/default?q=1`), { origin: ip, referer: `${ip}/default?q=1`, 'content-type': 'application/x-www-form-urlencoded' })
    t.match(await post(`${local}/default`), { origin: local, referer: `${local}/`, 'sec-fetch-site': 'cross-site' })
    t.match(await post(`${ip}/none`), { origin: 'null', referer: undefined }, 'no-referrer hides the origin of a form')
    t.match(await post(`${ip}/same`), { origin: ip, referer: `${ip}/same` })
    t.match(await post(`${local}/same`), { origin: 'null', referer: undefined })
    t.match(await post(`${ip}/origin`), { origin: ip, referer: `${ip}/` })
    const link = parsed(await (await browser.open(`${local}/default`)).click('go')).headers
    t.notOk(link.origin)
    t.equal(link.referer, `${local}/`)
  })
})

t.test('redirects: methods, stops, limits', async (t) => withServer({
  '/echo': echo,
  '/form': html('<form method="post" action="/303"><input name="a"></form><form action="/307" method="post"><input name="b"></form>'),
  '/303': to('/echo'),
  '/307': to('/echo', 307),
  '/steps': to('/one'),
  '/one': to('/two#part', 302, { 'set-cookie': 'one=1' }),
  '/two': to('/echo?code=c'),
  '/loop': to('/loop'),
  '/app': to('com.example.app:/callback?code=c')
}, async ({ ip }) => {
  const browser = createBrowser()
  t.match(parsed(await (await browser.open(`${ip}/form`)).submit({ a: '1' })), { method: 'GET', body: '', headers: { origin: undefined } })
  t.match(parsed(await (await browser.open(`${ip}/form`)).submit({ b: '2' })), { method: 'POST', body: 'b=2', headers: { origin: ip } })

  const stopped = await browser.open(`${ip}/steps`, { stopAt: ({ pathname }) => pathname === '/echo' })
  t.match(stopped, { status: 303, url: `${ip}/two#part`, next: `${ip}/echo?code=c#part` })
  t.equal(parsed(await stopped.follow()).url, '/echo?code=c')
  t.same(browser.history.slice(-4).map(({ url, location }) => [new URL(url).pathname, location]),
    [['/steps', '/one'], ['/one', '/two#part'], ['/two', '/echo?code=c'], ['/echo', undefined]])
  await t.rejects((await browser.open(`${ip}/echo`)).follow(), /not stopped/)

  const always = createBrowser({ stopAt: ({ pathname }) => pathname === '/two' })
  t.equal((await always.open(`${ip}/steps`)).next, `${ip}/two#part`)
  await t.rejects(browser.open(`${ip}/loop`), /redirects/)
  t.match(await browser.open(`${ip}/app`), { status: 303, next: 'com.example.app:/callback?code=c' })
  await t.rejects(browser.fetch('/loop'), /redirects/)
}))

t.test('forms', async (t) => {
  const markup = `<title> A  form </title><form id="f" method="post" action="/echo">
    <input type="hidden" name="csrf" value="a&amp;b"><input name="name" value="old"><input name="off" disabled value="1">
    <input type="checkbox" name="tick"><input type="checkbox" name="ticked" value="yes" checked>
    <input type="radio" name="pick" value="a" checked><input type="radio" name="pick" value="b">
    <select name="choice"><option>one<option selected value="2">two</select><textarea name="note">hello</textarea>
    <button type="button" name="x">No</button><button name="decision" value="go">Go on</button><button name="decision" value="stop" formaction="/echo?stop">Stop it</button>
    </form><button form="f" name="outside" value="1">Outside</button>
    <form action="/echo?dropped"><input name="q"><input type="submit" value="Find"></form>
    <form method="post" enctype="multipart/form-data"><input name="file" type="file"><input name="multi"></form>`
  await withServer({ '/': html(markup), '/echo': echo }, async ({ ip }) => {
    const browser = createBrowser()
    const page = await browser.open(ip)
    t.equal(page.title, 'A form')
    const body = async (...args: Parameters<typeof page.submit>): Promise<Record<string, string>> =>
      Object.fromEntries(new URLSearchParams(parsed(await page.submit(...args)).body))
    t.same(await body(), { csrf: 'a&b', name: 'old', ticked: 'yes', pick: 'a', choice: '2', note: 'hello', decision: 'go' })
    t.same(await body({ name: 'n w', tick: true, ticked: false, pick: 'b', choice: 'one', note: 'bye' }, { button: 'Outside' }),
      { csrf: 'a&b', name: 'n w', tick: 'on', pick: 'b', choice: 'one', note: 'bye', outside: '1' })
    t.match(parsed(await page.submit({}, { button: 'stop' })), { url: '/echo?stop', body: /decision=stop/ })
    t.match(parsed(await page.submit({ q: 'a b' })), { method: 'GET', url: '/echo?q=a+b' })
    await t.rejects(page.submit({ nothing: '1' }), /no form with \[nothing\].*csrf.*"Go on"/)
    await t.rejects(page.submit({}, { button: 'Press' }), /"Press"/)
    await t.rejects(page.submit({ multi: '' }), /multipart/)
  })
})

t.test('form-action binds a form and the redirects after it', async (t) => {
  const form = '<form method="post" action="/away"><button>Go</button></form>'
  const page = (policy: string): Handler => html(form, { 'content-security-policy': policy })
  await withServer({
    '/self': page("default-src 'none'; form-action 'self'"),
    '/none': page("form-action 'none'"),
    '/named': page("form-action 'self' http://localhost:*/elsewhere"),
    '/scheme': page("form-action http:, form-action *"),
    '/open': page("default-src 'none'"),
    '/away': (req, res) => { to(`http://localhost:${port(req)}/echo`)(req, res, '') },
    '/echo': echo
  }, async ({ ip }) => {
    const browser = createBrowser()
    const submit = async (path: string): Promise<number> => (await (await browser.open(ip + path)).submit()).status
    await t.rejects(submit('/self'), /form-action.*localhost/)
    await t.rejects(submit('/none'), /form-action/)
    t.equal(await submit('/named'), 200)
    t.equal(await submit('/scheme'), 200)
    t.equal(await submit('/open'), 200)
  })
})

t.test('a page that submits itself does so', async (t) => withServer({
  '/': html('<script>document.addEventListener("DOMContentLoaded", function () { document.forms[0].submit() })</script><form method="post" action="/echo"><input type="hidden" name="a" value="1"></form>'),
  '/echo': echo
}, async ({ ip }) => {
  t.match(parsed(await createBrowser().open(ip)), { method: 'POST', body: 'a=1', headers: { origin: ip } })
}))

t.test('fetch from a page', async (t) => withServer({
  '/page': html('<title>Page</title>', { 'referrer-policy': 'no-referrer' }),
  '/echo': echo,
  '/redirect': to('/echo'),
  '/slow': () => {}
}, async ({ ip, local }) => {
  const browser = createBrowser({ timeout: 100, headers: { 'Accept-Language': 'de' } })
  await t.rejects(browser.fetch('/echo'), /open one first/)
  t.equal(browser.page, undefined)
  await browser.open(`${ip}/page`)
  browser.setCookie('a=1; HttpOnly', ip)
  t.match(parsed(await browser.fetch('/echo')), { headers: { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', cookie: 'a=1', origin: undefined, 'accept-language': 'de' } })
  const post = await browser.fetch('/echo', { method: 'post', body: '{}', headers: { 'Content-Type': 'application/json' } })
  t.match(post.json(), { method: 'POST', body: '{}', headers: { origin: ip, 'content-type': 'application/json' } }, 'Origin is sent under no-referrer too')
  t.match((await browser.fetch(`${local}/echo`)).json(), { headers: { origin: ip, cookie: undefined, 'sec-fetch-site': 'cross-site' } })
  t.match((await browser.fetch('/echo', { credentials: 'omit' })).json(), { headers: { cookie: undefined } })
  t.match((await browser.fetch('/redirect', { method: 'POST', body: 'x' })).json(), { method: 'GET', body: '' })
  t.match(await browser.fetch('/redirect', { redirect: 'manual' }), { status: 303, url: `${ip}/redirect` })
  await t.rejects(browser.fetch('/slow'), { code: 'UND_ERR_HEADERS_TIMEOUT' })
  await t.rejects(browser.fetch('/slow', { signal: AbortSignal.abort() }), { name: 'AbortError' })
  t.equal(browser.page?.title, 'Page')
}))
