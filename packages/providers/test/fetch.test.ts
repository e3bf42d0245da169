import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ConsentryError } from '@consentry/core'
import t from 'tap'
import type { Test } from 'tap'
import { addressKind } from '../src/addresses.ts'
import { onlyAnswers } from '../src/answers.ts'
import { ProviderFault } from '../src/errors.ts'
import { createFetch } from '../src/fetch.ts'
import type { FetchOptions, GuardedFetch, Lookup } from '../src/fetch.ts'
import { retryAfter } from '../src/retry-after.ts'
import { fails } from './helpers.ts'

const unavailable = 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'

async function serve (t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.closeAllConnections(); server.close() })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function local (t: Test, options: FetchOptions = {}): GuardedFetch {
  const fetch = createFetch({ allowLoopback: true, ...options })
  t.teardown(() => fetch.close())
  return fetch
}

const resolving = (...addresses: string[]): Lookup =>
  (_host, _options, callback) => callback(null, addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })))
const faultOf = (error: ConsentryError) => error.cause instanceof ProviderFault ? error.cause.message : undefined

t.test('an ordinary exchange', async (t) => {
  const url = await serve(t, (request, response) => {
    let body = ''
    request.on('data', (chunk) => { body += String(chunk) }).on('end', () => {
      response.setHeader('set-cookie', ['a=1', 'b=2'])
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ method: request.method, headers: request.headers, body, url: request.url }))
    })
  })
  const fetch = local(t)
  const response = await fetch(`${url}/path?q=1#fragment`, { method: 'POST', body: new URLSearchParams({ a: 'b c' }), headers: { 'X-Test': '1' } })
  t.ok(response instanceof Response)
  t.equal(response.status, 200)
  t.same(response.headers.getSetCookie(), ['a=1', 'b=2'])
  const clone = response.clone()
  t.match(await response.json(), {
    method: 'POST', url: '/path?q=1', body: 'a=b+c',
    headers: { 'x-test': '1', 'accept-encoding': 'identity', 'content-type': /^application\/x-www-form-urlencoded/ }
  })
  t.same(JSON.parse(Buffer.from(await clone.arrayBuffer()).toString()), await response.json(), 'a clone reads the same')
  t.match(await (await fetch(new URL(url), { method: 'POST', body: 'text' })).json(), { body: 'text' })
})

t.test('R14: one deadline over headers and body', async (t) => {
  const url = await serve(t, (request, response) => {
    if (request.url === '/hang') return
    response.write('{')
    const drip = setInterval(() => response.write(' '), 20)
    response.on('close', () => clearInterval(drip))
  })
  for (const path of ['hang', 'drip']) {
    const started = performance.now()
    const error = await fails(t, local(t, { timeout: 150 })(`${url}/${path}`), unavailable, path)
    t.equal(faultOf(error), 'The deadline passed')
    t.equal(error.retryable, true)
    t.ok(performance.now() - started < 1000, `${path} is cut`)
  }
})

t.test('R14: the wait for a connection counts too', async (t) => {
  const lookup: Lookup = (host, options, callback) => { setTimeout(() => { resolving()(host, options, callback) }, 2000) }
  const started = performance.now()
  t.equal(faultOf(await fails(t, local(t, { timeout: 150, lookup })('http://op.localhost/'), unavailable, 'no connection')), 'The deadline passed')
  t.ok(performance.now() - started < 1000)
})

t.test('the caller can abort', async (t) => {
  const url = await serve(t, () => {})
  const abort = new AbortController()
  const pending = local(t)(url, { signal: abort.signal })
  setTimeout(() => abort.abort(), 20)
  await fails(t, pending, unavailable, 'while waiting')
  await fails(t, local(t)(url, { signal: AbortSignal.abort() }), unavailable, 'before')
})

t.test('what is aborted before there is a connection is not sent', async (t) => {
  const paths: Array<string | undefined> = []
  const { port } = new URL(await serve(t, (request, response) => { paths.push(request.url); response.end() }))
  const lookup: Lookup = (host, options, callback) => { setTimeout(() => { resolving('127.0.0.1')(host, options, callback) }, 50) }
  const fetch = local(t, { lookup })
  const abort = new AbortController()
  const pending = fetch(`http://op.localhost:${port}/aborted`, { signal: abort.signal })
  setTimeout(() => abort.abort(), 10)
  await fails(t, pending, unavailable, 'while connecting')
  await fetch(`http://op.localhost:${port}/`)
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.same(paths, ['/'])
})

t.test('T6: the body has a limit, announced or not', async (t) => {
  const url = await serve(t, (request, response) => {
    if (request.url === '/announced') response.setHeader('content-length', 2000)
    if (request.url === '/fits') response.end('x'.repeat(1000))
    else if (request.url === '/endless') {
      const flood = setInterval(() => response.write('x'.repeat(100)), 1)
      response.on('close', () => clearInterval(flood))
    } else {
      response.write('x')
      response.end('x'.repeat(1999))
    }
  })
  const fetch = local(t, { maxBody: 1000 })
  t.equal((await (await fetch(`${url}/fits`)).text()).length, 1000)
  for (const path of ['announced', 'chunked', 'endless']) {
    t.equal(faultOf(await fails(t, fetch(`${url}/${path}`), unavailable, path)), 'The body is too large')
  }
})

t.test('T6: redirects are not followed', async (t) => {
  let requests = 0
  const url = await serve(t, (_request, response) => { requests++; response.writeHead(302, { location: '/elsewhere' }).end() })
  const fetch = local(t)
  t.equal((await fetch(url)).status, 302)
  t.match(await fails(t, onlyAnswers(fetch, Date.now)(url), unavailable, 'no answer'), { cause: { status: 302 } })
  t.equal(requests, 2)
})

t.test('T6: compressed bodies are refused', async (t) => {
  const url = await serve(t, (_request, response) => { response.writeHead(200, { 'content-encoding': 'gzip' }).end('bomb') })
  t.equal(faultOf(await fails(t, local(t)(url), unavailable, 'gzip')), 'The body is compressed')
})

t.test('T6: https, and addresses that are public', async (t) => {
  let requests = 0
  const url = await serve(t, (_request, response) => { requests++; response.end() })
  const { port } = new URL(url)
  const fetch = createFetch({ timeout: 500 })
  for (const refused of [
    url, `https://127.0.0.1:${port}`, `https://localhost:${port}`, `https://[::1]:${port}`, `https://[::ffff:127.0.0.1]:${port}`,
    'https://2130706433/', 'https://0x7f.1/', 'https://10.0.0.1/', 'https://192.168.1.1/', 'https://169.254.169.254/latest/meta-data',
    'https://[fd00::1]/', 'https://[fe80::1]/', 'https://0.0.0.0/', 'https://[64:ff9b::a9fe:a9fe]/', 'http://provider.example/',
    'ftp://provider.example/', 'file:///etc/passwd', 'data:text/plain,x', 'not a url', 'https://user:pass@provider.example/'
  ]) await fails(t, fetch(refused), unavailable, refused)
  for (const refused of ['http://provider.example/', 'http://10.0.0.1/', 'https://10.0.0.1/']) {
    t.match(faultOf(await fails(t, local(t)(refused), unavailable, `loopback allowed: ${refused}`)), /^The URL/)
  }
  for (const refused of ['https://169.254.169.254/', `https://127.0.0.1:${port}/`, 'http://10.0.0.1/']) {
    t.match(faultOf(await fails(t, createFetch({ allowPrivate: true })(refused), unavailable, `private allowed: ${refused}`)), /^The URL/)
  }
  t.equal(requests, 0)
})

t.test('T6: what a name resolves to counts, at every connection', async (t) => {
  const { port } = new URL(await serve(t, (_request, response) => { response.end('reached') }))
  for (const addresses of [['127.0.0.1'], ['10.1.2.3'], ['93.184.215.14', '127.0.0.1'], ['::1'], ['fe80::1%eth0'], ['::ffff:10.0.0.1']]) {
    const fetch = createFetch({ timeout: 500, lookup: resolving(...addresses) })
    const error = await fails(t, fetch(`https://rebind.example:${port}/`), unavailable, addresses.join())
    t.equal(faultOf(error), 'The host has a private or reserved address')
  }
  const fetch = createFetch({ timeout: 500, lookup: resolving() })
  t.equal(faultOf(await fails(t, fetch('https://nowhere.example/'), unavailable, 'none')), 'The host has no address')
  t.equal(await (await local(t, { lookup: resolving('127.0.0.1') })(`http://op.localhost:${port}/`)).text(), 'reached', 'loopback by name, when allowed')
})

t.test('kinds of addresses', async (t) => {
  const kinds: Record<string, string[]> = {
    loopback: ['127.0.0.1', '127.255.0.1', '::1', '::ffff:127.0.0.1'],
    private: ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.0.1', '100.64.0.1', 'fd12::1', '::ffff:192.168.0.1', '64:ff9b::10.0.0.1'],
    reserved: ['0.0.0.0', '169.254.169.254', '224.0.0.1', '255.255.255.255', '198.18.0.1', '::', 'fe80::1%eth0', 'ff02::1', '2002:7f00:1::', '2001:db8::1', 'nonsense', ''],
    public: ['93.184.215.14', '172.32.0.1', '100.128.0.1', '2606:2800:21f:cb07::1', '64:ff9b::8.8.8.8', '::ffff:8.8.8.8']
  }
  for (const [kind, addresses] of Object.entries(kinds)) for (const address of addresses) t.equal(addressKind(address), kind, address)
})

t.test('R14: outages are no answers, and say when to come back', async (t) => {
  const url = await serve(t, (request, response) => { response.writeHead(Number(request.url?.slice(1)), { 'retry-after': '7' }).end('provider text') })
  const fetch = onlyAnswers(local(t), Date.now)
  for (const status of [429, 500, 502, 503, 504, 599, 301, 307]) {
    t.equal((await fails(t, fetch(`${url}/${status}`), unavailable, String(status))).retryAfter, 7000)
  }
  for (const status of [200, 204, 400, 401, 404]) t.equal((await fetch(`${url}/${status}`)).status, status)
  await fails(t, fetch('http://127.0.0.1:1/'), unavailable, 'nobody listens')
  await fails(t, onlyAnswers(async () => { throw new Error('provider text') }, Date.now)(url), unavailable, 'a fetch of the application')
})

t.test('R14: Retry-After in both forms', async (t) => {
  const now = Date.parse('Fri, 01 Jan 2027 00:00:00 GMT')
  t.equal(retryAfter('120', now), 120_000)
  t.equal(retryAfter('Fri, 01 Jan 2027 00:01:00 GMT', now), 60_000)
  t.equal(retryAfter('Thu, 31 Dec 2026 00:00:00 GMT', now), 0, 'past')
  t.equal(retryAfter('99999999999999999999', now), 86_400_000, 'never more than a day')
  for (const odd of [null, '', 'soon', '-5', '1.5', '5; x', 'Mon']) t.equal(retryAfter(odd, now), undefined, String(odd))
})
