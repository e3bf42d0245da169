import { ConsentryError, memoryState, type StateStore } from '@consentry/core'
import { createClock } from '@consentry/testing'
import Fastify, { type FastifyInstance } from 'fastify'
import { createHook } from 'node:async_hooks'
import { scryptSync } from 'node:crypto'
import t from 'tap'
import consentry, { createApiKey, passwordTable } from '../src/index.ts'
import { secret, startServer } from './server.ts'
import { openSocket } from './socket.ts'

const { key, hash } = createApiKey(secret)
const apiKey = { secret, find: (found: string) => found === hash ? { id: 'robot' } : undefined }
const authorization = (username: string, password: string): string => `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

/** As `hashPassword` makes them, at a fraction of the cost. */
function quickHash (password: string, ln = 14): string {
  const salt = Buffer.from('a salt of a test')
  const bytes = scryptSync(password, salt, 32, { N: 2 ** ln, r: 8, p: 1, maxmem: 2 ** 28 })
  return `$scrypt$ln=${ln},r=8,p=1$${[salt, bytes].map((part) => part.toString('base64').replace(/=+$/, '')).join('$')}`
}

const table = passwordTable({ alice: { hash: quickHash('right') }, bob: { hash: quickHash('right') } })

t.test('T16: 200 wrong passwords sent to a public route do not hold up a right one', async (t) => {
  let checks = 0
  const server = await startServer(t, { options: { clock: createClock(), identity: { basic: { realm: 'files', check: (...all) => { checks++; return table(...all) } } } } })
  const ask = async (username: string, password: string, remoteAddress: string) => server.app.inject({ url: '/auth/status', remoteAddress, headers: { authorization: authorization(username, password) } })
  const statuses: number[] = []
  const flood = Array.from({ length: 200 }, async (_, n) => { statuses.push((await ask(`user ${n}`, `canary ${n}`, '203.0.113.1')).statusCode) })
  const right = ask('alice', 'right', '198.51.100.1').then((answer) => ({ answer, wrong: statuses.filter((status) => status === 200).length }))
  const { answer, wrong } = await right
  t.match(answer.json(), { authenticated: true })
  // The third at the latest, but the other of the two that run at once may be faster many times over.
  t.ok(wrong < 16, `its turn came after ${wrong} of 33`)
  await Promise.all(flood)
  const count = (status: number): number => statuses.filter((each) => each === status).length
  t.equal(count(200), 33, 'two at once and 32 in wait, of which one gave way; to a public route a wrong password is none')
  t.equal(count(503), 67, 'there was no room for these')
  t.equal(count(429), 100, 'and these came beyond the limit of an address')
  t.equal(checks, 101)
  t.notMatch(server.log.text(), /canary/, 'B17')
})

t.test('T16: the passwords of one application do not hold up those of another in the same process', async (t) => {
  let asked = 0
  let allAsked: () => void = () => {}
  const waiting = new Promise<void>((resolve) => { allAsked = resolve })
  const start = (realm: string) => startServer(t, { options: { clock: createClock(), identity: { basic: { realm, check: (...all) => { if (++asked === 60) allAsked(); return table(...all) } } } } })
  const [one, two] = [await start('one'), await start('two')]
  const ask = (server: typeof one, username: string, password: string) => server.app.inject({ url: '/auth/userinfo', headers: { authorization: authorization(username, password) } })
  let wrong = 0
  const flood = Array.from({ length: 60 }, async (_, n) => { if ((await ask(one, `user ${n}`, 'wrong')).statusCode === 401) wrong++ })
  await waiting
  const { statusCode, before } = await ask(two, 'alice', 'right').then((answer) => ({ statusCode: answer.statusCode, before: wrong }))
  t.equal(statusCode, 200)
  t.ok(before < 16, `its turn came after ${before} of 34`)
  await Promise.all(flood)
})

t.test('T16: the password of who hung up is not checked', async (t) => {
  let asked = 0
  let allAsked: () => void = () => {}
  const waiting = new Promise<void>((resolve) => { allAsked = resolve })
  let runs = 0
  const costly = passwordTable({ alice: { hash: quickHash('right', 16) } })
  const server = await startServer(t, { options: { clock: createClock(), identity: { basic: { realm: 'files', check: (...all) => { if (++asked === 20) allAsked(); return costly(...all) } } } } })
  const hook = createHook({ init: (_id, type) => { if (type === 'SCRYPTREQUEST') runs++ } }).enable()
  t.teardown(() => hook.disable())
  const ask = (username: string, password: string, signal?: AbortSignal) => fetch(`${server.url}/auth/userinfo`, { headers: { authorization: authorization(username, password) }, ...(signal !== undefined && { signal }) })
  const patience = new AbortController()
  const flood = Array.from({ length: 20 }, (_, n) => ask(`user ${n}`, 'wrong', patience.signal).catch(() => undefined))
  await waiting
  patience.abort()
  await Promise.all(flood)
  t.equal((await ask('alice', 'right')).status, 200)
  t.ok(runs < 20, `${runs} of 21 were worth it`)
})

t.test('T16: header, form and message count in one place, by name and address', async (t) => {
  const server = await startServer(t, { options: { clock: createClock(), login: ['corp', 'basic'], identity: { apiKey, basic: { realm: 'files', check: table } } } })
  const header = (username: string, password: string, from = '127.0.0.1') => server.app.inject({ url: '/auth/userinfo', remoteAddress: from, headers: { authorization: authorization(username, password) } })
  const form = (username: string, password: string, accept = 'text/html') => fetch(`${server.url}/auth/login/basic`, { method: 'POST', redirect: 'manual', headers: { origin: server.url, accept }, body: new URLSearchParams({ username, password }) })
  const socket = await openSocket(server)
  const message = async (username: string, password: string) => {
    const heard = socket.messages.length
    socket.send({ type: 'auth', method: 'basic', username, password })
    await socket.until(() => socket.messages.length > heard)
    return socket.messages.at(-1)
  }
  for (let n = 0; n < 4; n++) t.equal((await header('alice', `guess ${n}`)).statusCode, 401)
  for (let n = 0; n < 3; n++) t.equal((await form('alice', `by form ${n}`)).status, 401)
  for (let n = 0; n < 3; n++) t.match(await message('alice', `by message ${n}`), { error: { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' } })

  const refused = await header('alice', 'right')
  t.equal(refused.statusCode, 429)
  t.match(refused.json(), { code: 'CONSENTRY_ERR_TOO_MANY_REQUESTS', retryable: true })
  const seconds = Number(refused.headers['retry-after'])
  t.ok(seconds >= 1 && seconds <= 300, `${seconds} s`)
  t.equal(refused.headers['www-authenticate'], undefined, 'no other password is asked for')
  const page = await form('alice', 'right')
  t.equal(page.status, 429)
  t.ok(page.headers.get('retry-after'))
  t.match(await page.text(), 'Too much at once')
  t.match(await message('alice', 'right'), { type: 'auth_result', status: 'error', error: { code: 'CONSENTRY_ERR_TOO_MANY_REQUESTS' } })
  t.match(await socket.closed, { code: 4429 })
  await t.rejects(openSocket(server, { headers: { authorization: authorization('alice', 'right') } }), { message: '429' }, 'before the upgrade')

  t.equal((await header('alice', 'right', '198.51.100.1')).statusCode, 200, 'nobody is locked out by name')
  t.equal((await header('alice', 'right')).statusCode, 200, 'and by then the credential is remembered')
  t.equal((await header('bob', 'right')).statusCode, 200, 'nor by the address')
  t.equal((await form('bob', 'right')).status, 303)
  t.equal((await server.app.inject({ url: '/auth/userinfo', headers: { 'x-api-key': key } })).statusCode, 200)
})

t.test('T16: API keys and tokens that are no JWTs are limited by address', async (t) => {
  const server = await startServer(t, { options: { clock: createClock(), identity: { apiKey, attempts: { address: { max: 5, window: 60 } } } } })
  const ask = async (headers: Record<string, string>, from = '203.0.113.1') => (await server.app.inject({ url: '/auth/userinfo', remoteAddress: from, headers })).statusCode
  t.equal(await ask({ 'x-api-key': key }, '203.0.113.2'), 200)
  for (let n = 0; n < 5; n++) t.equal(await ask(n % 2 === 0 ? { 'x-api-key': `guess-${n}` } : { authorization: `Bearer guess-${n}` }), 401)
  t.equal(await ask({ 'x-api-key': 'guess' }), 429)
  t.equal(await ask({ authorization: 'Bearer guess' }), 429)
  t.equal(await ask({ 'x-api-key': 'guess' }, '203.0.113.2'), 401, 'others are not')
  t.equal(await ask({ 'x-api-key': key }), 200, 'a key that is remembered asks nobody')
})

t.test('T5 T16: the address is the one that the application trusts', async (t) => {
  for (const [trustProxy, other] of [[true, 401], [false, 429]] as const) {
    const app = Fastify({ trustProxy })
    t.teardown(() => app.close())
    await app.register(consentry, { baseUrl: 'https://app.example.com', secret, providers: {}, clock: createClock(), identity: { apiKey, attempts: { address: { max: 1, window: 60 } } } })
    const ask = async (from: string) => (await app.inject({ url: '/auth/userinfo', headers: { 'x-api-key': `guess-from-${from}`, 'x-forwarded-for': from } })).statusCode
    t.equal(await ask('203.0.113.1'), 401)
    t.equal(await ask('203.0.113.2'), other, `trustProxy: ${trustProxy}`)
  }
})

t.test('T16: what strangers ask of a flow is counted over all nodes', async (t) => {
  const options = { baseUrl: 'https://app.example.com', secret, providers: {}, clock: createClock(), stateStore: memoryState(), rateLimit: { max: 4, timeWindow: 60_000 } }
  const nodes = await Promise.all([1, 2, 3].map(async () => {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(consentry, options)
    return app
  }))
  const ask = async (app: FastifyInstance, remoteAddress = '203.0.113.1') => (await app.inject({ url: '/auth/callback/corp?state=x', remoteAddress })).statusCode
  const statuses: number[] = []
  for (const app of [...nodes, ...nodes]) statuses.push(await ask(app))
  t.same(statuses.map((status) => status === 429), [false, false, false, false, true, true])
  for (const app of nodes) t.not(await ask(app, '203.0.113.2'), 429, 'others are not')
})

t.test('T16: it can be left to others', async (t) => {
  const server = await startServer(t, { options: { clock: createClock(), identity: { apiKey, attempts: false } } })
  for (let n = 0; n < 120; n++) t.equal((await server.app.inject({ url: '/auth/userinfo', headers: { 'x-api-key': `guess-${n}` } })).statusCode, 401)
})

t.test('T17: when the store is down nothing is checked, and nobody let in who is not remembered', async (t) => {
  const inner = memoryState()
  let down = false
  let checks = 0
  const stateStore = new Proxy(inner, {
    get: (target, name: keyof StateStore) => down && name !== 'close' ? async () => { throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE') } : target[name]
  })
  const server = await startServer(t, { options: { clock: createClock(), stateStore, login: ['basic'], identity: { apiKey, basic: { realm: 'files', check: (...all) => { checks++; return table(...all) } } } } })
  const ask = async (headers: Record<string, string>, url = '/auth/userinfo') => server.app.inject({ url, headers })
  t.equal((await ask({ authorization: authorization('alice', 'right') })).statusCode, 200)
  down = true
  for (const headers of [{ authorization: authorization('bob', 'right') }, { authorization: authorization('bob', 'wrong') }, { 'x-api-key': key }, { authorization: `Bearer ${key}` }] as Array<Record<string, string>>) {
    for (const url of ['/auth/userinfo', '/auth/status']) {
      const answer = await ask(headers, url)
      t.equal(answer.statusCode, 503, url)
      t.ok(answer.headers['retry-after'])
      t.equal(answer.json<{ code: string }>().code, 'CONSENTRY_ERR_STORE_UNAVAILABLE')
    }
  }
  t.equal(checks, 1)
  t.equal((await ask({ authorization: authorization('alice', 'right') })).statusCode, 200)
  down = false
  t.equal((await ask({ authorization: authorization('bob', 'right') })).statusCode, 200)
})
