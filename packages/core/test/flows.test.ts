import t from 'tap'
import { createDeadlines } from '../src/deadlines.ts'
import { ConsentryError } from '../src/errors.ts'
import { createFlows, type MatchedFlow } from '../src/flows.ts'
import type { ConnectFlow, FlowEnd } from '../src/flow.ts'
import { memoryState } from '../src/memory-state.ts'
import type { StateStore } from '../src/ports.ts'
import { systemRandomBytes } from '../src/random.ts'
import { Waiter } from '../src/waiter.ts'
import { createWakeups } from '../src/wakeups.ts'
import { alice, answer, bob, code, codeOf, createWorld, denial, keyOf, lifetime, minute, rest, type World } from './world.ts'

const key = keyOf(alice)

const begin = ({ flows }: World, scopes = ['read'], id = 'w', owner = alice): Promise<ConnectFlow> =>
  flows.beginConnect({ key: keyOf(owner), scopes, waiter: { id } })

const evidence = (flow: ConnectFlow) => ({ state: flow.state, provider: 'github', binding: () => flow.binding, owner: alice })

async function matched ({ flows }: World, flow: ConnectFlow): Promise<MatchedFlow<ConnectFlow>> {
  return await flows.match(evidence(flow)) as MatchedFlow<ConnectFlow>
}

t.test('B2: unguessable ids and secrets, each its own', async (t) => {
  const world = createWorld()
  const flow = await begin(world)
  const login = await world.flows.beginLogin({ provider: 'github', scopes: ['openid'], returnTo: '/' })
  const secrets = [flow, login].flatMap(({ id, state, binding, nonce, codeVerifier }) => [id, state.split('.')[1], binding, nonce, codeVerifier])
  t.equal(new Set(secrets).size, secrets.length)
  for (const secret of secrets) t.match(secret, /^[\w-]{22,}$/)
  for (const { codeVerifier } of [flow, login]) t.ok(codeVerifier.length >= 43 && codeVerifier.length <= 128)
  t.equal(flow.redirectUri, 'https://app.test/auth/callback/github')
})

t.test('B4: the binding is compared, and a wrong one does not use the flow up', async (t) => {
  const world = createWorld()
  const flow = await begin(world)
  const right = evidence(flow)
  const wrong = async (change: object): Promise<string> => codeOf(world.flows.match({ ...right, ...change }))
  t.equal(await wrong({ binding: () => undefined }), 'CONSENTRY_ERR_BINDING_MISMATCH')
  t.equal(await wrong({ binding: () => '' }), 'CONSENTRY_ERR_BINDING_MISMATCH')
  t.equal(await wrong({ binding: () => `${flow.binding}x` }), 'CONSENTRY_ERR_BINDING_MISMATCH')
  t.equal(await wrong({ owner: undefined }), 'CONSENTRY_ERR_AUTHENTICATION_REQUIRED')
  t.equal(await wrong({ owner: bob }), 'CONSENTRY_ERR_OWNER_MISMATCH')
  t.equal(await wrong({ owner: { tenant: 'other', userId: 'alice' } }), 'CONSENTRY_ERR_OWNER_MISMATCH')
  t.equal(await wrong({ state: `${flow.id}.x` }), 'CONSENTRY_ERR_STATE_MISMATCH')
  t.equal(await wrong({ state: flow.id }), 'CONSENTRY_ERR_STATE_MISMATCH')
  t.equal(await wrong({ state: '' }), 'CONSENTRY_ERR_STATE_MISMATCH')
  t.equal(await wrong({ state: `${flow.state}=` }), 'CONSENTRY_ERR_STATE_MISMATCH')
  t.same(await world.flows.find(flow.id), flow, 'untouched')
  let asked: string | undefined
  t.equal((await world.flows.match({ ...right, binding: (id) => { asked = id; return flow.binding } })).id, flow.id)
  t.equal(asked, flow.id, 'the cookie of this flow')
  t.ok(await world.flows.claim(await matched(world, flow)), 'and still good')
})

t.test('B9, seed E: future store: state fixes provider, redirect URI, scopes, owner and purpose', async (t) => {
  const world = createWorld()
  const flow = await begin(world)
  t.equal(await codeOf(world.flows.match({ ...evidence(flow), provider: 'gitlab' })), 'CONSENTRY_ERR_STATE_MISMATCH')
  const login = await world.flows.beginLogin({ provider: 'github', scopes: ['openid'], returnTo: '/home' })
  const found = await world.flows.match({ state: login.state, provider: 'github', binding: () => login.binding, owner: undefined })
  t.match(found, { purpose: 'login', returnTo: '/home', scopes: ['openid'] }, 'a login stays a login')
  t.equal(await codeOf(world.flows.match({ state: login.state, provider: 'github', binding: () => flow.binding, owner: alice })), 'CONSENTRY_ERR_BINDING_MISMATCH')
  t.equal(await codeOf(world.flows.match({ ...evidence(flow), state: `${flow.id}.${login.state.split('.')[1]}` })), 'CONSENTRY_ERR_STATE_MISMATCH')
})

t.test('B8: of fifty claims one gets the flow, on several nodes too', async (t) => {
  const state = memoryState()
  const one = createWorld({ state })
  const two = createWorld({ state, github: one.github, tokens: one.tokens })
  const flow = await begin(one)
  const outcomes = await Promise.all(Array.from({ length: 50 }, (_, index) => answer(index % 2 === 0 ? one : two, flow.id)))
  t.equal(one.github.exchanges, 1)
  t.same(new Set(outcomes), new Set(['granted']), 'all learn the same')
})

t.test('R7: a second callback waits for the first and gets its result', async (t) => {
  const world = createWorld()
  let exchange: (() => void) | undefined
  world.github.onExchange = () => new Promise((resolve) => { exchange = () => resolve({ accessToken: 'a', tokenType: 'bearer' }) })
  const flow = await begin(world)
  const first = answer(world, flow.id)
  await rest()
  const second = answer(world, flow.id)
  await rest()
  let done = false
  second.then(() => { done = true })
  await rest()
  t.notOk(done)
  exchange?.()
  t.same(await Promise.all([first, second]), ['granted', 'granted'])
  t.equal(world.github.exchanges, 1)
  t.equal(await answer(world, flow.id).catch((error) => error.code), 'CONSENTRY_ERR_FLOW_NOT_FOUND', 'and a reload is not sent to the provider again')
})

t.test('R5, R8: a claim that the store does not take is none, and the same answer counts later', async (t) => {
  const inner = memoryState()
  const away = new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE')
  let failing = false
  const world = createWorld({ state: { ...inner, compareAndSetWith: async (...args) => {
    if (failing) throw away
    return inner.compareAndSetWith(...args)
  } } })
  const flow = await begin(world)
  const answered = await matched(world, flow)
  failing = true
  t.equal(await codeOf(world.flows.claim(answered)), 'CONSENTRY_ERR_STORE_UNAVAILABLE')
  failing = false
  t.equal(await answer(world, flow.id), 'granted')
  t.equal(world.github.exchanges, 1)
})

t.test('R8: a claim whose owner died is given up: the code is not used again, and a new question can be asked', async (t) => {
  const world = createWorld()
  const flow = await begin(world)
  const waiting = world.flows.wait(flow, 'w')
  await world.flows.open(flow)
  t.ok(await world.flows.claim(await matched(world, flow)))
  t.equal((await world.flows.pending(key))?.id, flow.id)
  const onlooker = world.flows.ended(flow)
  await world.clock.advance(70_000)
  t.equal((await waiting).outcome, 'expired')
  t.equal((await onlooker).outcome, 'expired')
  t.equal(await world.flows.claim(await matched(world, flow)), undefined)
  t.equal(await world.flows.pending(key), undefined)
  t.not((await begin(world)).id, flow.id)
})

t.test('R8: who comes after the death begins anew, though nobody waited', async (t) => {
  const world = createWorld()
  const flow = await world.flows.beginConnect({ key, scopes: [] })
  await world.flows.claim(await matched(world, flow))
  t.equal((await begin(world)).id, flow.id, 'joins while the exchange may still be under way')
  await world.clock.advance(31_000)
  t.not((await begin(world)).id, flow.id)
})

for (const [name, off] of [['ahead', 3 * 60_000], ['behind', -3 * 60_000]] as const) {
  t.test(`R16: a node whose clock is minutes ${name} waits for an exchange elsewhere as long as others do`, async (t) => {
    const world = createWorld()
    const { clock, state } = world
    const other = createWorld({ clock: { ...clock, now: () => clock.now() + off }, state })
    for (const settles of [true, false]) {
      const flow = await begin(world)
      const waiting = [world, other].map(async ({ flows }) => flows.wait(flow, 'w'))
      const claimed = await world.flows.claim(await matched(world, flow))
      if (claimed === undefined) return t.fail('not claimed')
      const onlooker = other.flows.ended(flow)
      t.equal((await begin(other)).id, flow.id, 'who comes meanwhile joins')
      await clock.advance(settles ? 29_000 : 31_000)
      if (settles) await world.flows.settle(claimed, 'granted')
      else await clock.advance(5_000)
      t.same((await Promise.all([...waiting, onlooker])).map(({ outcome }) => outcome), Array(3).fill(settles ? 'granted' : 'expired'))
      t.equal(await other.flows.pending(key), undefined)
    }
  })
}

t.test('an answer in time is waited for beyond the end of the time', async (t) => {
  for (const before of [1, 10_000]) {
    const world = createWorld()
    const flow = await begin(world)
    const waiting = world.flows.wait(flow, 'w')
    const short = world.flows.wait(flow, 'w', { timeout: lifetime - before / 2 })
    await world.clock.advance(lifetime - before)
    const claimed = await world.flows.claim(await matched(world, flow))
    await world.clock.advance(before + 20_000)
    if (claimed === undefined) return t.fail('not claimed')
    await world.flows.settle(claimed, 'granted')
    t.same((await Promise.all([waiting, short])).map(({ outcome }) => outcome), ['granted', 'granted'])
  }
})

t.test('an answer that is accepted while the waiter is about to give up', async (t) => {
  const world = createWorld()
  const { clock, wakeups } = world
  const flow = await begin(world)
  const claimed: ConnectFlow = { ...flow, status: 'claimed', claimedAt: clock.now() }
  let stored: ConnectFlow = flow
  const deadlines = createDeadlines(clock)
  const records = { abandon: async () => stored, find: async () => stored, leave: async () => (stored = claimed) }
  const waiter = new Waiter(flow, { id: 'w', timeout: 1_000 }, { clock, wakeups, deadlines, records })
  await clock.advance(2_000)
  t.equal(stored, claimed)
  stored = { ...claimed, status: 'settled', outcome: 'granted' }
  await clock.advance(40_000)
  t.equal((await waiter.ended).outcome, 'granted')
})

t.test('B14, seed E: future store: a denial settles at once, whatever the clock', async (t) => {
  const world = createWorld()
  const flow = await begin(world)
  const waiting = world.flows.wait(flow, 'w')
  await rest()
  t.equal(await answer(world, flow.id, denial), 'denied')
  t.same(await waiting, { id: flow.id, status: 'settled', outcome: 'denied', scopes: ['read'], pinned: false })
  t.equal(world.clock.monotonic(), 0)
})

t.test('B15: after cancel or expiry a late callback gets nothing, and is told why', async (t) => {
  const world = createWorld()
  const cancelled = await begin(world)
  const late = await matched(world, cancelled)
  t.ok(await world.flows.withdraw(cancelled.id, 'cancelled'))
  t.notOk(await world.flows.withdraw(cancelled.id, 'denied'), 'once')
  t.equal(await world.flows.claim(late), undefined)
  t.equal((await world.flows.ended(late)).outcome, 'cancelled')
  t.equal(await codeOf(world.flows.open(cancelled)), 'CONSENTRY_ERR_FLOW_CANCELLED')

  const expired = await begin(world)
  const later = await matched(world, expired)
  await world.clock.advance(lifetime)
  t.equal(await codeOf(world.flows.claim(later)), 'CONSENTRY_ERR_FLOW_EXPIRED')
  t.equal(await codeOf(world.flows.open(expired)), 'CONSENTRY_ERR_FLOW_EXPIRED')
  t.equal(await world.flows.pending(key), undefined)
  t.equal(world.github.exchanges, 0)
  await world.clock.advance(lifetime + minute)
  t.equal(await codeOf(world.flows.match(evidence(expired))), 'CONSENTRY_ERR_STATE_MISMATCH', 'after that it is forgotten')
  t.equal(await world.flows.find(expired.id), undefined)
  t.equal(await codeOf(world.flows.open(expired)), 'CONSENTRY_ERR_FLOW_EXPIRED')
})

t.test('B17: what a settled flow leaves behind holds no secret of the token request', async (t) => {
  const world = createWorld()
  const flow = await begin(world)
  await answer(world, flow.id)
  const left = JSON.stringify(await world.flows.find(flow.id))
  t.notMatch(left, flow.codeVerifier)
  t.notMatch(left, flow.nonce)
})

t.test('one lifetime: record, waiter and pending question end together', async (t) => {
  const world = createWorld()
  const flow = await begin(world)
  t.equal(flow.expiresAt - flow.createdAt, lifetime)
  const waiting = world.flows.wait(flow, 'w')
  await world.clock.advance(lifetime - 1)
  t.equal((await world.flows.pending(key))?.id, flow.id)
  await world.clock.advance(2_000)
  t.equal((await waiting).outcome, 'expired')
  t.equal((await world.flows.find(flow.id))?.outcome, 'expired')
  t.equal(await world.flows.pending(key), undefined)
})

t.test('R16: a step of the wall clock does not end a flow for who waits', async (t) => {
  const world = createWorld()
  const flow = await begin(world)
  const waiting = world.flows.wait(flow, 'w')
  await rest()
  world.clock.step(-5 * minute)
  await world.clock.advance(lifetime - minute)
  t.equal(await answer(world, flow.id), 'granted')
  t.equal((await waiting).outcome, 'granted')
})

t.test('a waiter gives up in time by a clock that stands between two milliseconds', async (t) => {
  const world = createWorld()
  await world.clock.advance(0.3)
  let end: FlowEnd | undefined
  void world.flows.wait(await begin(world), 'w').then((ended) => { end = ended })
  await world.clock.advance(lifetime * 17 / 16)
  t.equal(end?.outcome, 'expired')
})

t.test('waiters of one key join one flow, with the union of the scopes, until it is opened', async (t) => {
  const world = createWorld()
  const first = await begin(world, ['read'], 'a')
  const changes: string[][] = []
  const waiting = world.flows.wait(first, 'a', { onRequired: ({ scopes }) => { changes.push(scopes) } })
  await rest()
  const second = await begin(world, ['write', 'read'], 'b')
  t.equal(second.id, first.id)
  t.same(second.scopes, ['read', 'write'])
  await rest()
  t.same(changes, [['read', 'write']], 'who waits hears of it')
  await world.flows.open(second)
  const third = await begin(world, ['admin'], 'c')
  t.equal(third.id, first.id)
  t.same(third.scopes, ['read', 'write'], 'from then on it stays')
  t.same(third.waiters.map(({ id }) => id), ['a', 'b', 'c'])
  await answer(world, first.id)
  t.same((await waiting).scopes, ['read', 'write'])
  t.not((await begin(world, ['read'], 'x', bob)).id, first.id, 'another person has a flow of their own')
})

t.test('fifty that begin at once, on two nodes, share one flow', async (t) => {
  const state = memoryState()
  const worlds = [createWorld({ state }), createWorld({ state })] as const
  const flows = await Promise.all(Array.from({ length: 50 }, (_, index) => begin(worlds[index % 2] as World, [`s${index % 5}`], `w${index}`)))
  t.equal(new Set(flows.map(({ id }) => id)).size, 1)
  const stored = await worlds[0].flows.pending(key)
  t.equal(stored?.waiters.length, 50)
  t.equal(stored?.scopes.length, 5)
})

t.test('each waiter settles by itself; the last one to leave withdraws the question', async (t) => {
  const world = createWorld()
  const flow = await begin(world, ['read'], 'a')
  await begin(world, ['read'], 'b')
  const abort = new AbortController()
  const impatient = world.flows.wait(flow, 'a', { timeout: minute })
  const cancelled = world.flows.wait(flow, 'b', { signal: abort.signal })
  await world.clock.advance(minute + 5_000)
  t.equal((await impatient).outcome, 'expired')
  t.equal((await world.flows.find(flow.id))?.status, 'pending', 'the other one still waits')
  abort.abort()
  t.equal((await cancelled).outcome, 'cancelled')
  t.match(await world.flows.find(flow.id), { status: 'settled', outcome: 'cancelled' })
  t.equal(await world.flows.pending(key), undefined)
})

t.test('who joins while the last one leaves is not thrown out with it', async (t) => {
  for (let turns = 0; turns < 12; turns++) {
    const world = createWorld()
    const flow = await begin(world, ['read'], 'a')
    const abort = new AbortController()
    const leaving = world.flows.wait(flow, 'a', { signal: abort.signal })
    await rest()
    abort.abort()
    for (let turn = 0; turn < turns; turn++) await Promise.resolve()
    const joined = await begin(world, ['read'], 'b')
    await leaving
    t.match(await world.flows.find(joined.id), { status: 'pending', waiters: [{ id: 'b' }] })
    t.equal((await world.flows.pending(key))?.id, joined.id)
  }
})

t.test('an abort signal that is already aborted, a timeout that is none', async (t) => {
  const world = createWorld()
  const flow = await begin(world)
  t.equal((await world.flows.wait(flow, 'w', { signal: AbortSignal.abort() })).outcome, 'cancelled')
  for (const timeout of [0, -1, Number.NaN]) {
    const flow = await begin(world)
    const waiting = world.flows.wait(flow, 'w', { timeout })
    await world.clock.advance(1)
    t.equal((await waiting).outcome, 'expired')
  }
  const signal = new AbortController().signal
  const other = await begin(world)
  const waiting = world.flows.wait(other, 'w', { timeout: Infinity, signal })
  await world.clock.advance(lifetime + minute)
  t.equal((await waiting).outcome, 'expired')
})

t.test('a standing flow outlives its waiters', async (t) => {
  const world = createWorld()
  const flow = await begin(world)
  t.notOk(flow.standing)
  t.ok((await world.flows.beginConnect({ key, scopes: [] })).standing)
  const abort = new AbortController()
  const waiting = world.flows.wait(flow, 'w', { signal: abort.signal })
  abort.abort()
  t.equal((await waiting).outcome, 'cancelled')
  t.match(await world.flows.find(flow.id), { status: 'pending', waiters: [] })
  t.equal(await answer(world, flow.id), 'granted')
})

t.test('an exchange that was begun survives the cancelling of who waits', async (t) => {
  const world = createWorld()
  let exchange: (() => void) | undefined
  world.github.onExchange = () => new Promise((resolve) => { exchange = () => resolve({ accessToken: 'a', tokenType: 'bearer' }) })
  const flow = await begin(world)
  const abort = new AbortController()
  const waiting = world.flows.wait(flow, 'w', { signal: abort.signal })
  const answering = answer(world, flow.id)
  await rest()
  abort.abort()
  t.equal((await waiting).outcome, 'cancelled')
  exchange?.()
  t.equal(await answering, 'granted')
  t.ok(await world.tokens.exists(key), 'a consent that was given is not lost')
})

t.test('R6: the answer comes before the waiter', async (t) => {
  const world = createWorld()
  const flow = await begin(world)
  await answer(world, flow.id, code)
  t.equal((await world.flows.wait(flow, 'w')).outcome, 'granted')
})

t.test('R6: the wake-up is lost', async (t) => {
  const inner = memoryState()
  const state: StateStore = { ...inner, publish: async () => {} }
  const world = createWorld({ state })
  const flow = await begin(world)
  const waiting: Promise<FlowEnd> = world.flows.wait(flow, 'w')
  await rest()
  await answer(createWorld(world), flow.id)
  let end: FlowEnd | undefined
  waiting.then((value) => { end = value })
  await world.clock.advance(25_000)
  t.equal(end, undefined)
  await world.clock.advance(7_000)
  t.equal(end?.outcome, 'granted', 'a slow re-read finds it')
})

t.test('R5: a store that is away for a while is read again; one that stays away does not hold the waiter', async (t) => {
  const inner = memoryState()
  let away = false
  const state: StateStore = { ...inner, get: async (name) => { if (away) throw new Error('away'); return inner.get(name) } }
  const world = createWorld({ state })
  const flow = await begin(world)
  const waiting = world.flows.wait(flow, 'w')
  await rest()
  away = true
  await world.clock.advance(minute)
  away = false
  await answer(world, flow.id)
  t.equal((await waiting).outcome, 'granted')
  const other = await begin(world)
  const hopeless = world.flows.wait(other, 'w')
  await rest()
  away = true
  await world.clock.advance(lifetime + minute)
  t.equal((await hopeless).outcome, 'expired')
})

t.test('a flow that the store lost ends as expired', async (t) => {
  const world = createWorld()
  const flow = await begin(world)
  await world.state.take(`flow:${flow.id}`)
  t.equal((await world.flows.wait(flow, 'w')).outcome, 'expired')
  t.equal(await world.flows.withdraw(flow.id, 'cancelled'), false)
})

t.test('the same flow is found from another node, and close leaves no timer', async (t) => {
  const world = createWorld()
  const { state, clock } = world
  const flows = createFlows({ state, clock, wakeups: createWakeups(state), randomBytes: systemRandomBytes, lifetime, redirectUri: () => 'https://app.test' })
  const flow = await begin(world)
  t.same(await flows.find(flow.id), flow)
  const timers = clock.timers
  void flows.wait(flow, 'w')
  await rest()
  t.equal(clock.timers, timers + 1)
  flows.close()
  t.equal(clock.timers, timers)
})
