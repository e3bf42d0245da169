import { request, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { once } from 'node:events'
import { consent, createBrowser, signIn } from '@consentry/testing'
import t, { type Test } from 'tap'
import { createWorld, listens, path, states, until, type Begun, type World } from './world.ts'

interface Visit { method?: string, host?: string, target?: string, body?: string }

/** A request that names what it likes. */
async function visit ({ redirectUri }: Pick<Begun, 'redirectUri'>, { method = 'GET', host, target, body }: Visit = {}): Promise<{ status: number, headers: IncomingMessage['headers'], text: string }> {
  const url = new URL(redirectUri)
  const sent = request({ host: url.hostname, port: url.port, method, path: target ?? url.pathname, headers: { host: host ?? url.host } })
  sent.end(body)
  const [response] = await once(sent, 'response') as [IncomingMessage]
  return { status: response.statusCode ?? 0, headers: response.headers, text: await text(response) }
}

/** Up to the redirect that brings the answer. */
async function answerOf ({ url }: Begun, decision: 'allow' | 'deny' = 'allow'): Promise<URL> {
  const { next = '' } = await consent(await signIn(await createBrowser().open(url), 'alice'), decision, { stopAt: ({ pathname }) => pathname === path })
  return new URL(next)
}

const target = ({ pathname, search }: URL): string => pathname + search

async function finish (t: Test, world: World, begun: Begun, answer: URL): Promise<void> {
  t.equal((await visit(begun, { target: target(answer) })).status, 200)
  t.ok(await (await begun.granted).accessToken())
  t.same(states(world.events), ['pending', 'in_progress', 'completed'])
  t.equal(world.op.ledger.token.authorization_code, 1)
  t.notOk(await listens(begun.redirectUri))
}

t.test('T14 seed C: AuthFlowManager first hit on the loopback wins before state is checked: here what does not match changes nothing', async (t) => {
  const world = await createWorld(t)
  const begun = await world.begin()
  const answer = await answerOf(begun)
  const { host, port } = new URL(begun.redirectUri)
  const changed = (change: (parameters: URLSearchParams) => void): string => {
    const other = new URL(answer)
    change(other.searchParams)
    return target(other)
  }
  const state = answer.searchParams.get('state') ?? ''
  const hits: Record<string, Visit> = {
    'nothing in it': {},
    'no state': { target: changed((parameters) => parameters.delete('state')) },
    'an empty state': { target: changed((parameters) => parameters.set('state', '')) },
    'another state': { target: changed((parameters) => parameters.set('state', `${state.slice(0, -1)}_`)) },
    'half of the state': { target: changed((parameters) => parameters.set('state', state.split('.')[0] ?? '')) },
    'an error without the state': { target: `${path}?error=access_denied` },
    'an error with another state': { target: `${path}?error=access_denied&state=x` },
    'another path': { target: `/${target(answer)}` },
    'a path below': { target: target(answer).replace(path, `${path}/`) },
    'a path in other letters': { target: target(answer).replace(path, '/CB') },
    'the root': { target: `/${answer.search}` },
    'the icon': { target: '/favicon.ico' },
    'a name that leads here': { host: `evil.example:${port}`, target: target(answer) },
    'the other name of this machine': { host: `localhost:${port}`, target: target(answer) },
    'the host without its port': { host: '127.0.0.1', target: target(answer) },
    'an absolute URL of another': { target: `http://evil.example${target(answer)}` },
    'an absolute URL with a user': { target: `http://evil@${host}@x${target(answer)}` },
    'what is no URL': { target: '//[' },
    ...Object.fromEntries(['POST', 'PUT', 'HEAD', 'OPTIONS', 'DELETE'].map((method) => [method, { method, target: target(answer) }]))
  }
  for (const [name, hit] of Object.entries(hits)) {
    const { status, headers, text } = await visit(begun, hit)
    t.equal(status, 404, name)
    t.equal(headers['cache-control'], 'no-store')
    t.match(headers['content-security-policy'], "default-src 'none'")
    t.notMatch(text, /evil|access_denied|state/, 'nothing of it is shown')
  }
  t.same(states(world.events), ['pending'])
  t.equal(world.op.ledger.token.authorization_code, 0)
  await finish(t, world, begun, answer)
})

t.test('T14: the right state with what a provider would not send is told apart, and changes nothing', async (t) => {
  const world = await createWorld(t)
  const begun = await world.begin()
  const answer = await answerOf(begun)
  const code = answer.searchParams.get('code') ?? ''
  for (const [name, value, expected] of [['iss', 'https://evil.example', 'CONSENTRY_ERR_ISSUER_MISMATCH'], ['code', '', 'CONSENTRY_ERR_RESPONSE_INVALID'], ['error', 'access_denied', 'CONSENTRY_ERR_RESPONSE_INVALID'], ['access_token', 'x', 'CONSENTRY_ERR_RESPONSE_INVALID']] as const) {
    const wrong = new URL(answer)
    wrong.searchParams.set(name, value)
    const page = await visit(begun, { target: target(wrong) })
    t.equal(page.status, 400, name)
    t.match(page.text, expected)
  }
  const twice = await visit(begun, { target: `${target(answer)}&state=x` })
  t.equal(twice.status, 400, 'a state that comes twice')
  t.notMatch(twice.text, code)
  t.same(states(world.events), ['pending'])
  await finish(t, world, begun, answer)
})

t.test('seed C: AuthFlowManager success shown before the exchange: here the page waits for it', async (t) => {
  const world = await createWorld(t)
  const begun = await world.begin()
  const answer = await answerOf(begun)
  world.op.fail('token', 'status500')
  const page = await visit(begun, { target: target(answer) })
  t.notMatch(page.text, 'You are signed in')
  t.match(page.text, 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE')
  t.equal(await begun.failed(), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE')
})

t.test('R7: the same answer thirty times at once makes one token request, and one page', async (t) => {
  const world = await createWorld(t)
  const begun = await world.begin()
  const answer = await answerOf(begun)
  const pages = await Promise.allSettled(Array.from({ length: 30 }, async () => visit(begun, { target: target(answer) })))
  const shown = pages.flatMap((page) => page.status === 'fulfilled' ? [page.value] : [])
  t.ok(shown.length > 0)
  for (const { status, text } of shown) t.match([status, text], [200, 'You are signed in'])
  await begun.granted
  t.equal(world.op.ledger.token.authorization_code, 1)
})

t.test('T14 pages: not kept, not framed, not told to others, without the code in the address', async (t) => {
  const world = await createWorld(t)
  const begun = await world.begin()
  const answer = await answerOf(begun)
  const { headers, text } = await visit(begun, { target: target(answer) })
  t.match(headers, { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff', connection: 'close' })
  t.match(headers['content-security-policy'], /frame-ancestors 'none'/)
  t.notMatch(headers['content-security-policy'], /unsafe/)
  t.match(text, 'history.replaceState')
  t.notMatch(text, answer.searchParams.get('code') ?? 'no code')
  await begun.granted
})

t.test('T14: a flood is bounded, holds nobody up, and goes with the login', async (t) => {
  const world = await createWorld(t)
  const begun = await world.begin()
  const answer = await answerOf(begun)
  const { hostname, port } = new URL(begun.redirectUri)
  const sockets: Socket[] = []
  const open = new Set<Socket>()
  const told: string[] = []
  for (let n = 0; n < 300; n++) {
    const socket = connect(Number(port), hostname)
    sockets.push(socket)
    socket.on('error', () => {}).on('data', (data) => { told.push(data.toString()) })
    socket.on('connect', () => { open.add(socket) })
    socket.on('close', () => { open.delete(socket) })
    // What never ends, and what is no HTTP.
    socket.write(n % 2 === 0 ? `GET ${path} HTTP/1.1\r\nHost: x\r\nX-Slow: ` : '\u0000\u0001')
  }
  await until(() => sockets.every((socket) => socket.destroyed || open.has(socket)))
  await until(() => open.size <= 40)
  t.notOk(told.some((text) => text.includes(' 408 ')), 'the oldest went for the newest, none by its time')
  for (let n = 0; n < 200; n++) t.equal((await visit(begun, { target: `${path}?state=${n}` })).status, 404)
  await finish(t, world, begun, answer)
  await until(() => open.size === 0)
  t.ok(sockets.every((socket) => socket.destroyed), 'all are cut')
})

t.test('T14: headers that are too long, and a body without an end', async (t) => {
  const world = await createWorld(t)
  const begun = await world.begin()
  const answer = await answerOf(begun)
  t.equal((await visit(begun, { target: `${path}?state=${'x'.repeat(20_000)}` })).status, 431)
  t.equal((await visit(begun, { method: 'POST', body: 'x'.repeat(100_000) }).catch(() => ({ status: 404 }))).status, 404)
  await finish(t, world, begun, answer)
})

t.test('T14: a denial counts with the right state alone', async (t) => {
  const world = await createWorld(t)
  const begun = await world.begin()
  const denial = await answerOf(begun, 'deny')
  const forged = new URL(denial)
  forged.searchParams.set('state', 'x')
  t.equal((await visit(begun, { target: target(forged) })).status, 404)
  t.same(states(world.events), ['pending'])
  t.match((await visit(begun, { target: target(denial) })).text, 'You declined')
  t.equal(await begun.failed(), 'CONSENTRY_ERR_CONSENT_DENIED')
  t.equal(world.op.ledger.token.authorization_code, 0)
})
