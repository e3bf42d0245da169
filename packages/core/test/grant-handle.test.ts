import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { inspect } from 'node:util'
import t from 'tap'
import { ConsentryError } from '../src/errors.ts'
import type { Grant } from '../src/grant-handle.ts'
import { account, alice, codeOf, createWorld, fakeProvider, grantOf, keyOf, minute, rest, type World, type WorldOptions } from './world.ts'

const key = keyOf(alice)
const start = 1_700_000_000_000

async function handle (values: Parameters<typeof grantOf>[0] = {}, options: WorldOptions = {}): Promise<{ world: World, grant: Grant }> {
  const world = createWorld(options)
  await world.tokens.save(key, grantOf(values), undefined)
  return { world, grant: await world.grants.available(key, { scopes: ['read'] }) as Grant }
}

async function read (request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request) body += String(chunk)
  return body
}

t.test('B17: printed in whatever way, a grant shows no token', async (t) => {
  const { grant } = await handle({ accessToken: 'canary-access', refreshToken: 'canary-refresh', account: { ...account(), claims: { email: 'octocat@example.com', id_token: 'canary-claim' } } })
  const written: string[] = []
  const { Console } = await import('node:console')
  const { Writable } = await import('node:stream')
  const stream = new Writable({ write (chunk, _encoding, done) { written.push(String(chunk)); done() } })
  new Console(stream).log('grant: %o %O %j %s', grant, grant, grant, grant, grant, { nested: { deeper: { grant } } })
  const shown = [
    JSON.stringify(grant), JSON.stringify({ grant }), inspect(grant), inspect({ grant }, { depth: 9 }), inspect(grant, { showHidden: true, customInspect: false, depth: 9 }),
    inspect([grant], { showProxy: true, getters: true }), Object.entries(grant).join(), JSON.stringify(structuredClone({ ...grant })), written.join('')
  ]
  for (const text of shown) t.notMatch(text, 'canary')
  t.match(JSON.parse(JSON.stringify(grant)), { provider: 'github', profile: 'default', scopes: ['read'], accessToken: '[redacted]', account: { subject: 'octocat', email: 'octocat@example.com' } })
  t.match(inspect(grant), /^Grant .*\[redacted\]/s)
  t.equal(await grant.accessToken(), 'canary-access')
})

t.test('accessToken in the background hands out what works, and renews it meanwhile', async (t) => {
  const { world, grant } = await handle()
  await world.clock.advance(59.5 * minute)
  t.equal(await grant.accessToken({ background: true }), 'stored-access')
  await rest()
  t.same(world.github.refreshes, ['stored-refresh'])
  t.equal(await grant.accessToken({ background: true }), 'access-1')
  await world.clock.advance(61 * minute)
  t.equal(await grant.accessToken({ background: true }), 'access-2', 'what is over is waited for')
  world.github.onRefresh = () => { throw new Error('a failure that nobody waits for') }
  await world.clock.advance(59.5 * minute)
  t.equal(await grant.accessToken({ background: true }), 'access-2')
})

t.test('B13: a grant in hand does not become that of another account', async (t) => {
  const { world, grant } = await handle()
  await world.clock.advance(59.5 * minute)
  await world.grants.disconnect(key)
  await world.tokens.save(key, grantOf({ accessToken: 'others', account: account('other'), createdAt: start + 1, expiresAt: start + 200 * minute }), undefined)
  t.equal(await codeOf(grant.accessToken()), 'CONSENTRY_ERR_GRANT_REVOKED')
  t.equal(grant.account?.subject, 'octocat')
})

t.test('a token that is new and refused all the same is not renewed again', async (t) => {
  const { world, grant } = await handle({}, { fetch: async () => new Response(null, { status: 401 }) })
  for (let call = 0; call < 10; call++) t.equal((await grant.fetch('https://api.github.com/')).status, 401)
  t.equal(world.github.refreshes.length, 1)
})

t.test('accessToken renews what is stale, once, and not before', async (t) => {
  const { world, grant } = await handle()
  t.equal(await grant.accessToken(), 'stored-access')
  await world.clock.advance(58 * minute)
  t.equal(await grant.accessToken(), 'stored-access')
  await world.clock.advance(minute)
  t.same(await Promise.all([grant.accessToken(), grant.accessToken(), grant.accessToken()]), ['access-1', 'access-1', 'access-1'])
  t.equal(await grant.accessToken(), 'access-1')
  t.equal(world.github.refreshes.length, 1)
})

t.test('without a refresh token it serves to its end, and then says so', async (t) => {
  const world = createWorld()
  const { refreshToken: _refreshToken, ...record } = grantOf()
  await world.tokens.save(key, record, undefined)
  const grant = await world.grants.available(key, { scopes: ['read'] })
  await world.clock.advance(60 * minute - 1)
  t.equal(await grant?.accessToken(), 'stored-access')
  await world.clock.advance(1)
  t.equal(await codeOf(grant?.accessToken() ?? Promise.resolve()), 'CONSENTRY_ERR_REAUTH_REQUIRED')
  const stored = await world.tokens.load(key)
  await world.tokens.save(key, grantOf({ accessToken: 'consented again', expiresAt: start + 600 * minute }), stored?.version)
  t.equal(await grant?.accessToken(), 'consented again')
})

t.test('what it gives out is a copy', async (t) => {
  const { grant } = await handle()
  ;(grant.scopes as string[]).push('admin')
  t.same(grant.scopes, ['read'])
})

t.test('fetch, against a server', async (t) => {
  const seen: Array<{ method: string | undefined, authorization: string | undefined, extra: unknown, body: string }> = []
  let accepts = 'stored-access'
  const server = createServer(async (request, response) => {
    const { authorization } = request.headers
    seen.push({ method: request.method, authorization, extra: request.headers['x-extra'], body: await read(request) })
    if (request.url === '/elsewhere') response.writeHead(302, { location: 'http://example.invalid/' }).end()
    else response.writeHead(authorization === `Bearer ${accepts}` ? 200 : 401).end(authorization)
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { server.closeAllConnections(); server.close() })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`

  t.test('adds the token, keeps the rest', async (t) => {
    const { grant } = await handle()
    const response = await grant.fetch(url, { method: 'POST', body: 'hello', headers: { 'x-extra': '1', authorization: 'Basic mine' } })
    t.equal(response.status, 200)
    t.same(seen.splice(0), [{ method: 'POST', authorization: 'Bearer stored-access', extra: '1', body: 'hello' }])
    t.equal((await grant.fetch(new URL(url))).status, 200)
    seen.length = 0
  })

  t.test('after a 401 it renews and tries once more, with the same body', async (t) => {
    for (const body of ['text', new URLSearchParams('a=b'), new TextEncoder().encode('bytes'), new Blob(['blob'])]) {
      const { world, grant } = await handle()
      accepts = 'access-1'
      t.equal((await grant.fetch(url, { method: 'POST', body })).status, 200)
      const [first, second] = seen.splice(0)
      t.same([first?.authorization, second?.authorization], ['Bearer stored-access', 'Bearer access-1'])
      t.ok(first?.body !== '' && first?.body === second?.body)
      t.equal(world.github.refreshes.length, 1)
    }
  })

  t.test('a token that was refused is not sent again because the provider is away', async (t) => {
    const { world, grant } = await handle({ expiresAt: start + 30_000 })
    world.github.onRefresh = () => { throw new ConsentryError('CONSENTRY_ERR_PROVIDER_UNAVAILABLE') }
    accepts = 'access-1'
    t.equal(await codeOf(grant.fetch(url)), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE')
    t.equal(seen.splice(0).length, 1)
  })

  t.test('a second 401 is the answer', async (t) => {
    const { world, grant } = await handle()
    accepts = 'something else'
    t.equal((await grant.fetch(url)).status, 401)
    t.equal(seen.splice(0).length, 2)
    t.equal(world.github.refreshes.length, 1)
  })

  t.test('what can be sent only once is sent only once', async (t) => {
    accepts = 'access-1'
    const bodies = [new Blob(['x']).stream(), Readable.from(['x']), (async function * () { yield new TextEncoder().encode('x') })()]
    for (const body of bodies) {
      const { grant, world } = await handle()
      const response = await grant.fetch(url, { method: 'POST', body: body as ReadableStream, duplex: 'half' })
      t.equal(response.status, 401)
      t.same(seen.splice(0).map(({ body }) => body), ['x'])
      t.equal(world.github.refreshes.length, 0)
    }
  })

  t.test('never over plain http to another host, whatever it looks like', async (t) => {
    const asked: unknown[] = []
    const { grant } = await handle({}, { fetch: async (input) => { asked.push(input); return new Response() } })
    for (const target of ['http://example.com/', 'http://127.0.0.1.example.com/', 'http://localhost.example.com/', 'http://127.0.0.1@example.com/', 'ftp://127.0.0.1/', 'ws://127.0.0.1/', 'http://[::2]/', 'http://128.0.0.1/']) {
      t.equal(await codeOf(grant.fetch(target)), 'CONSENTRY_ERR_HOST_REFUSED', target)
    }
    await t.rejects(grant.fetch('not a url'))
    t.same(asked, [])
    for (const target of ['https://example.com/', 'http://localhost:1/', 'http://127.1.2.3/', 'http://[::1]/']) await grant.fetch(target)
    t.equal(asked.length, 4)
  })

  t.test('where the provider names hosts, to these and no other, whoever chose the URL', async (t) => {
    const asked: unknown[] = []
    const github = Object.assign(fakeProvider(), { resourceHosts: ['api.github.com', 'uploads.github.com:8443'] })
    const { grant } = await handle({}, { github, fetch: async (input) => { asked.push(input); return new Response() } })
    for (const target of ['https://evil.example/', 'https://api.github.com.evil.example/', 'https://api.github.com:8443/', 'https://github.com/', 'https://api.github.com@evil.example/']) {
      t.equal(await codeOf(grant.fetch(target)), 'CONSENTRY_ERR_HOST_REFUSED', target)
    }
    t.same(asked, [])
    for (const target of ['https://api.github.com/user', 'https://API.github.com:443/user', 'https://uploads.github.com:8443/']) await grant.fetch(target)
    t.equal(asked.length, 3)
  })

  t.test('a redirect to another origin does not take the token along', async (t) => {
    const other: Array<string | undefined> = []
    const foreign = createServer((request, response) => { other.push(request.headers.authorization); response.end() })
    await new Promise<void>((resolve) => { foreign.listen(0, '127.0.0.1', resolve) })
    t.teardown(() => { foreign.closeAllConnections(); foreign.close() })
    const redirecting = createServer((_request, response) => { response.writeHead(302, { location: `http://127.0.0.1:${(foreign.address() as AddressInfo).port}/` }).end() })
    await new Promise<void>((resolve) => { redirecting.listen(0, '127.0.0.1', resolve) })
    t.teardown(() => { redirecting.closeAllConnections(); redirecting.close() })
    const { grant } = await handle()
    t.equal((await grant.fetch(`http://127.0.0.1:${(redirecting.address() as AddressInfo).port}/`)).status, 200)
    t.same(other, [undefined])
  })
})
