import t from 'tap'
import { ConsentryError } from '../src/errors.ts'
import { createGrants } from '../src/grants.ts'
import type { TokenSet } from '../src/grant.ts'
import type { DirectProvider, DirectRequest, FormProvider } from '../src/provider.ts'
import { alice, answer, bob, codeOf, createWorld, keyOf, minute, question, rest, types, history, type World } from './world.ts'

interface Machine extends DirectProvider {
  requests: DirectRequest[]
  onObtain: (request: DirectRequest) => TokenSet | Promise<TokenSet>
}

function machine (subject?: DirectProvider['subject']): Machine {
  let tokens = 0
  const provider: Machine = {
    kind: 'direct',
    label: 'Machine',
    host: 'machine.test',
    issuer: 'https://machine.test',
    defaultScopes: ['call'],
    ...(subject !== undefined && { subject }),
    requests: [],
    onObtain: ({ scopes }) => ({ accessToken: `machine-${++tokens}`, tokenType: 'bearer', expiresIn: 600, scopes }),
    async obtain (request) {
      provider.requests.push(request)
      return provider.onObtain(request)
    },
    revoke: async () => false,
    userInfo: async () => undefined
  }
  return provider
}

const form: FormProvider = {
  kind: 'form',
  label: 'Weather',
  host: 'weather.test',
  issuer: 'https://weather.test',
  defaultScopes: [],
  fields: [{ name: 'key', label: 'API key', secret: true }],
  async submit ({ key = '' }) {
    if (key !== 'right-key') throw new ConsentryError('CONSENTRY_ERR_SECRET_REFUSED')
    return { accessToken: key, tokenType: 'api_key', account: { issuer: 'https://weather.test', subject: 'alice@weather', claims: {} } }
  },
  async resourceRequest ({ accessToken }, url, init, fetch) {
    const headers = new Headers(init.headers)
    headers.set('x-api-key', accessToken)
    return fetch(url, { ...init, headers })
  },
  revoke: async () => false,
  userInfo: async () => undefined
}

t.test('client credentials: nobody is asked, and all share one token until it is stale', async (t) => {
  const own = machine()
  const world = createWorld({ providers: { own } })
  const runs = await Promise.all([alice, bob, alice].map((owner) => world.executions.start(owner, async (execution) => (await execution.authorize('own')).accessToken())))
  for (const run of runs) t.equal((await run.ended).result, 'machine-1')
  t.same(own.requests, [{ scopes: ['call'] }])
  t.same(await world.grants.list(alice), [], 'it is no connection of hers')
  await world.clock.advance(10 * minute)
  const { key, requirement } = world.grants.requirement(alice, 'own', { scopes: ['more'] })
  t.equal(await (await world.grants.available(key, requirement))?.accessToken(), 'machine-2')
  t.same(own.requests[1], { scopes: ['call', 'more'] }, 'what others need stays in it')
  t.same(await world.grants.check(...both(world, ['call', 'more'])), 'skip_auth')
  t.equal(await world.flows.pending(key), undefined)
})

const both = (world: World, scopes: string[]) => {
  const { key, requirement } = world.grants.requirement(bob, 'own', { scopes })
  return [key, requirement] as const
}

t.test('client credentials: an outage is no question, and a token that still works is used', async (t) => {
  const own = machine()
  const world = createWorld({ providers: { own } })
  const ask = () => world.grants.available(...both(world, ['call']))
  await ask()
  own.onObtain = () => { throw new ConsentryError('CONSENTRY_ERR_PROVIDER_UNAVAILABLE') }
  await world.clock.advance(9.5 * minute)
  t.equal(await (await ask())?.accessToken(), 'machine-1')
  await world.clock.advance(minute)
  t.equal(await codeOf(ask()), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE')
})

t.test('client credentials: less than was asked for is said, by name', async (t) => {
  const own = machine()
  own.onObtain = () => ({ accessToken: 'little', tokenType: 'bearer', scopes: ['call'] })
  const world = createWorld({ providers: { own } })
  const error: unknown = await world.grants.available(...both(world, ['call', 'admin'])).catch((error: unknown) => error)
  t.match(error, { code: 'CONSENTRY_ERR_SCOPES_MISSING', missingScopes: ['admin'] })
})

t.test('token exchange: the person is asked for what is exchanged, and never for the exchange', async (t) => {
  const downstream = machine({ provider: 'github', scopes: ['repo'] })
  const world = createWorld({ providers: { downstream } })
  const started = await world.executions.start(alice, async (execution) => (await execution.authorize('downstream')).accessToken())
  await rest()
  const flowId = await question(world, alice, started.id)
  t.match(await world.flows.find(flowId), { provider: 'github', scopes: ['repo'], key: keyOf(alice) })
  t.equal(await answer(world, flowId), 'granted')
  t.equal((await started.ended).result, 'machine-1')
  t.same(downstream.requests, [{ scopes: ['call'], subjectToken: 'access-1' }])
  await world.clock.advance(10 * minute)
  const { key, requirement } = world.grants.requirement(alice, 'downstream')
  t.equal(await (await world.grants.available(key, requirement))?.accessToken(), 'machine-2')
  t.same((await world.grants.list(alice)).map(({ provider }) => provider), ['github', 'downstream'], 'both are hers')
  t.equal(await world.grants.available(...Object.values(world.grants.requirement(bob, 'downstream')) as [typeof key, typeof requirement]), undefined, 'nobody else has either')
  await world.grants.disconnect(keyOf(alice))
  await world.clock.advance(10 * minute)
  t.equal(await world.grants.available(key, requirement), undefined, 'without the one there is no other')
  t.match(await world.grants.prepare(key, requirement), { provider: 'github' })
})

t.test('T17: an exchange of what nobody is asked for is a mistake', async (t) => {
  const { tokens, flows, wakeups, clock } = createWorld()
  const providers = { a: machine({ provider: 'b' }), b: machine() }
  t.throws(() => createGrants({ providers, tokens, flows, wakeups, clock, fetch, refreshBuffer: minute, onError: () => {} }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
  t.throws(() => createGrants({ providers: { a: machine({ provider: 'c' }) }, tokens, flows, wakeups, clock, fetch, refreshBuffer: minute, onError: () => {} }), { code: 'CONSENTRY_ERR_PROVIDER_UNKNOWN' })
})

t.test('seed E: token forms: a secret that is typed in goes through the same question, events and list', async (t) => {
  const sent: unknown[] = []
  const fetch: typeof globalThis.fetch = async (url, init) => {
    sent.push([new Request(url).url, Object.fromEntries(new Headers(init?.headers))])
    return new Response()
  }
  const world = createWorld({ providers: { weather: form }, fetch })
  const started = await world.executions.start(alice, async (execution) => {
    const grant = await execution.authorize('weather')
    await grant.fetch('https://api.weather.test/today')
    return grant.account
  })
  await rest()
  const flowId = await question(world, alice, started.id)
  t.match((await world.executions.get(alice, started.id)).pending, [{ label: 'Weather', host: 'app.test' }], 'a page of ours asks')
  t.equal(await codeOf(world.grants.submit(flowId, alice, { key: 'wrong-key' })), 'CONSENTRY_ERR_SECRET_REFUSED')
  t.equal(await codeOf(world.grants.submit(flowId, bob, { key: 'right-key' })), 'CONSENTRY_ERR_FLOW_NOT_FOUND')
  t.same(await world.grants.submit(flowId, alice, { key: 'right-key' }), { outcome: 'granted' }, 'a slip does not use the question up')
  t.same((await started.ended).result, { issuer: 'https://weather.test', subject: 'alice@weather' })
  t.same(sent, [['https://api.weather.test/today', { 'x-api-key': 'right-key' }]])
  t.same(types(await history(world, alice, started.id)), ['running', 'oauth_required', 'oauth_resolved', 'completed'])
  t.match(await world.grants.list(alice), [{ provider: 'weather', account: { subject: 'alice@weather' }, status: 'active' }])
  t.equal(await codeOf(world.grants.submit(flowId, alice, { key: 'right-key' })), 'CONSENTRY_ERR_FLOW_NOT_FOUND', 'it is over')
  t.equal(await codeOf(world.grants.submit('nobody', alice, {})), 'CONSENTRY_ERR_FLOW_NOT_FOUND')
})

t.test('B9: what is typed in is no answer to a redirect, and a redirect none to a form', async (t) => {
  const world = createWorld({ providers: { weather: form } })
  const { id } = await world.grants.prepare(keyOf(alice), { scopes: ['read'] })
  t.equal(await codeOf(world.grants.submit(id, alice, { key: 'right-key' })), 'CONSENTRY_ERR_FLOW_NOT_FOUND')
  const weather = await world.grants.prepare(keyOf(alice, 'weather'), { scopes: [] })
  t.equal(await answer(world, weather.id), 'provider_error')
  t.equal(await world.tokens.exists(keyOf(alice, 'weather')), false)
})

t.test('R7: a form that is sent twice at once stores once', async (t) => {
  const world = createWorld({ providers: { weather: form } })
  const { id } = await world.grants.prepare(keyOf(alice, 'weather'), { scopes: [] })
  const both = await Promise.all([1, 2].map(() => world.grants.submit(id, alice, { key: 'right-key' })))
  t.same(both, [{ outcome: 'granted' }, { outcome: 'granted' }])
  t.equal(world.audits.filter(({ type }) => type === 'granted').length, 1)
})

t.test('client credentials: callers who need different things at once all get theirs', async (t) => {
  const own = machine()
  const world = createWorld({ providers: { own } })
  const scopes = ['a', 'b', 'c', 'd']
  const grants = await Promise.all(scopes.map((scope) => world.grants.available(...both(world, [scope]))))
  t.same(grants.map((grant) => grant?.missingScopes), [[], [], [], []])
  t.same([...own.requests.at(-1)?.scopes ?? []].sort(), scopes)
  t.equal((await Promise.all(scopes.map((scope) => world.grants.available(...both(world, [scope]))))).length, 4)
  t.equal(own.requests.length, 4)
})

t.test('token exchange: what was derived from a grant ends with it, and is not served for another account', async (t) => {
  const downstream = machine({ provider: 'github' })
  downstream.onObtain = ({ subjectToken }) => ({ accessToken: `derived-of-${subjectToken}`, tokenType: 'bearer', expiresIn: 600 })
  const world = createWorld({ providers: { downstream } })
  const { key, requirement } = world.grants.requirement(alice, 'downstream')
  const connect = async (subject: string): Promise<void> => {
    world.github.onExchange = (scopes) => ({ accessToken: `of-${subject}`, tokenType: 'bearer', expiresIn: 3600, scopes, account: { issuer: 'https://github.com', subject, claims: {} } })
    await answer(world, (await world.grants.prepare(keyOf(alice), { scopes: ['read'] })).id)
  }
  const derived = async (): Promise<string | undefined> => (await world.grants.available(key, requirement))?.accessToken()
  await connect('a')
  t.equal(await derived(), 'derived-of-of-a')
  const holding = await world.executions.start(alice, async (execution) => {
    await execution.authorize('downstream')
    await new Promise<void>((resolve) => { execution.signal.addEventListener('abort', () => { resolve() }) })
  })
  await rest()
  await world.grants.disconnect(keyOf(alice))
  t.match(await holding.ended, { error: { code: 'CONSENTRY_ERR_GRANT_REVOKED' } })
  t.same(await world.grants.list(alice), [])
  t.equal(await derived(), undefined)
  await world.clock.advance(1)
  await connect('b')
  t.equal(await derived(), 'derived-of-of-b')
  // As after a disconnect on a node that knows nothing of the exchange.
  await world.tokens.delete(keyOf(alice))
  await world.clock.advance(1)
  await connect('c')
  t.equal(await derived(), 'derived-of-of-c')
})
