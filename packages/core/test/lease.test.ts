import t, { type Test } from 'tap'
import { createClock, type ManualClock } from '@consentry/testing'
import { ConsentryError } from '../src/errors.ts'
import type { Execution } from '../src/execution.ts'
import { memoryState } from '../src/memory-state.ts'
import type { StateStore } from '../src/ports.ts'
import { alice, answer, bob, codeOf, createWorld, history, listen, question, rest, statusOf, types, type World } from './world.ts'

const second = 1_000
/** More than a lease. */
const long = 20 * second
const lost = 'CONSENTRY_ERR_NODE_LOST'

const askRead = (execution: Execution): Promise<unknown> => execution.authorize('github')

interface Nodes {
  /** The store's time, and that of every node but `here`. */
  clock: ManualClock
  state: StateStore
  /** A node with a clock of its own: while nobody moves it, the process is paused or dead. */
  here: World
  there: World
}

function nodes (options: { maxPerUser?: number } = {}): Nodes {
  const clock = createClock(1_700_000_000_000)
  const state = memoryState({ clock })
  const here = createWorld({ state })
  return { clock, state, here, there: createWorld({ ...options, state, clock, tokens: here.tokens, github: here.github }) }
}

/** Both go on by `ms`. */
async function together ({ clock, here }: Nodes, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += second) {
    await clock.advance(second)
    await here.clock.advance(second)
  }
}

for (const way of ['get', 'list', 'cancel'] as const) {
  t.test(`R9: whoever looks at an execution of a node that died ends it: ${way}`, async (t) => {
    const { clock, state, here, there } = nodes()
    const run = await here.executions.start(alice, askRead)
    await rest()
    await clock.advance(10 * second)
    t.equal((await there.executions.get(alice, run.id)).status, 'oauth_required', 'not before its lease is over')
    await clock.advance(10 * second)
    t.equal(await codeOf(there.executions.get(bob, run.id)), 'CONSENTRY_ERR_EXECUTION_NOT_FOUND')
    if (way === 'list') t.same(await there.executions.list(alice), [])
    else t.match(await there.executions[way](alice, run.id), { status: 'failed', error: { code: lost }, seq: 3 })
    t.equal(statusOf(await there.executions.get(alice, run.id)), lost)
    t.same(types(await history(there, alice, run.id)), ['running', 'oauth_required', 'failed'])
    t.equal(await state.get('executions:default/alice'), undefined, 'it counts no more')
    t.ok(new ConsentryError(lost).retryable)
  })
}

t.test('R9: who listens hears of it without asking', async (t) => {
  const { clock, here, there } = nodes()
  const run = await here.executions.start(alice, askRead)
  await rest()
  const everything = listen(there, alice)
  await everything.feed.subscribeAll()
  const one = listen(there, alice)
  await one.feed.subscribe(run.id)
  const later = await here.executions.start(alice, askRead)
  await rest()
  await clock.advance(long)
  t.same(types(everything.events.filter(({ executionId }) => executionId === run.id)), ['oauth_required', 'failed'])
  t.same(types(everything.events.filter(({ executionId }) => executionId === later.id)), ['running', 'oauth_required', 'failed'], 'of what began since, too')
  t.same(types(one.events), ['running', 'oauth_required', 'failed'])
  everything.feed.close()
  one.feed.close()
  await clock.advance(60 * second)
  t.equal(clock.timers, 1, 'nobody looks any more: what is left is the store\'s')
})

t.test('R9: many who look at once end it once', async (t) => {
  const { clock, state, here, there } = nodes()
  const run = await here.executions.start(alice, askRead)
  await rest()
  await clock.advance(long)
  const others = Array.from({ length: 20 }, () => createWorld({ state, clock }))
  const seen = await Promise.all(others.map(({ executions }) => executions.get(alice, run.id)))
  t.same(new Set(seen.map(statusOf)), new Set([lost]))
  t.same(types(await history(there, alice, run.id)), ['running', 'oauth_required', 'failed'])
})

t.test('R9: the question can still be answered, and a new run needs no consent', async (t) => {
  const { clock, here, there } = nodes()
  const run = await here.executions.start(alice, askRead)
  await rest()
  const flowId = await question(there, alice, run.id)
  await clock.advance(long)
  t.equal(statusOf(await there.executions.get(alice, run.id)), lost)
  t.equal(await answer(there, flowId), 'granted')
  const second = await there.executions.start(alice, askRead)
  t.equal((await second.ended).status, 'completed')
  t.equal(here.github.exchanges, 1)
})

t.test('R9: a place that a dead node took is free when it is needed', async (t) => {
  const { clock, here, there } = nodes({ maxPerUser: 1 })
  await here.executions.start(alice, askRead)
  t.equal(await codeOf(there.executions.start(alice, askRead)), 'CONSENTRY_ERR_TOO_MANY_EXECUTIONS')
  await clock.advance(long)
  t.ok(await there.executions.start(alice, askRead))
})

t.test('a node that lives keeps its lease, and one without runs has none', async (t) => {
  const both = nodes()
  const run = await both.here.executions.start(alice, askRead)
  await rest()
  await together(both, 60 * second)
  t.equal((await both.there.executions.get(alice, run.id)).status, 'oauth_required')
  t.equal(both.clock.timers + both.here.clock.timers, 3, 'no timer for each')
  await both.here.executions.cancel(alice, run.id)
  await together(both, 60 * second)
  t.equal(both.here.clock.timers, 0)
  const next = await both.here.executions.start(alice, askRead)
  await together(both, 60 * second)
  t.equal((await both.there.executions.get(alice, next.id)).status, 'oauth_required', 'it is taken again')
})

/** A run that a paused node goes on with. */
async function paused (t: Test, both: Nodes): Promise<{ id: string, ended: Promise<unknown>, aborted: () => boolean, wake: () => void }> {
  let wake = (): void => {}
  let signal: AbortSignal | undefined
  const run = await both.here.executions.start(alice, async (execution) => {
    signal = execution.signal
    await new Promise<void>((resolve) => { wake = resolve })
    execution.progress('written by the dead')
    await execution.authorize('github')
    return 'done'
  })
  await rest()
  await both.clock.advance(long)
  t.equal(statusOf(await both.there.executions.get(alice, run.id)), lost)
  return { id: run.id, ended: run.ended, aborted: () => signal?.aborted === true, wake: () => { wake() } }
}

t.test('R2: a node that wakes after its lease writes nothing more', async (t) => {
  const both = nodes()
  // The hint was lost with the pause.
  both.here.state.publish = async () => {}
  const { id, ended, aborted, wake } = await paused(t, both)
  wake()
  await both.here.clock.advance(long)
  t.match(await ended, { status: 'failed', error: { code: lost } })
  t.ok(aborted())
  t.same(types(await history(both.there, alice, id)), ['running', 'failed'])
  t.equal(statusOf(await both.there.executions.get(alice, id)), lost, 'the record says what the log says')
})

t.test('R2: it finds out by its lease alone, though its code does nothing', async (t) => {
  const both = nodes()
  both.here.state.publish = async () => {}
  const { ended, aborted } = await paused(t, both)
  await both.here.clock.advance(long)
  t.match(await ended, { error: { code: lost } })
  t.ok(aborted())
})

t.test('R2: or by the hint', async (t) => {
  const { ended, aborted } = await paused(t, nodes())
  t.match(await ended, { error: { code: lost } })
  t.ok(aborted())
})

t.test('R2: a node that wakes before anybody looked goes on', async (t) => {
  const both = nodes()
  const run = await both.here.executions.start(alice, askRead)
  await rest()
  await both.clock.advance(long)
  await both.here.clock.advance(long)
  t.equal((await both.there.executions.get(alice, run.id)).status, 'oauth_required')
  await answer(both.there, await question(both.there, alice, run.id))
  t.equal((await run.ended).status, 'completed')
})

t.test('R5: while the store was away nobody could renew, and nobody is declared dead for that', async (t) => {
  const clock = createClock(1_700_000_000_000)
  const inner = memoryState({ clock })
  let away = false
  const state = new Proxy(inner, {
    get: (target, name: keyof StateStore) => away ? async () => { throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE') } : target[name]
  })
  const here = createWorld({ state })
  const there = createWorld({ state, clock })
  const both = { clock, state, here, there }
  const run = await here.executions.start(alice, askRead)
  await rest()
  const { feed } = listen(there, alice)
  await feed.subscribe(run.id)
  await together(both, 5 * second)
  away = true
  await together(both, 60 * second)
  away = false
  t.equal((await there.executions.get(alice, run.id)).status, 'oauth_required', 'looked at before the node could renew')
  await together(both, long)
  t.equal((await there.executions.get(alice, run.id)).status, 'oauth_required')
  await clock.advance(2 * long)
  t.equal(statusOf(await there.executions.get(alice, run.id)), lost, 'one that really died is found after that')
  feed.close()
})

t.test('R5: an end that could not be written is found by who looks', async (t) => {
  const clock = createClock(1_700_000_000_000)
  const inner = memoryState({ clock })
  let away = false
  const state: StateStore = { ...inner, append: async (...args) => {
    if (away) throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE')
    return inner.append(...args)
  } }
  const world = createWorld({ state, clock })
  let end = (): void => {}
  const run = await world.executions.start(alice, () => new Promise<void>((resolve) => { end = resolve }))
  away = true
  end()
  await run.ended
  away = false
  t.equal(statusOf(await world.executions.get(alice, run.id)), lost)
  t.same(types(await history(world, alice, run.id)), ['running', 'failed'])
})

t.test('R5: an event that the store took without saying so is written once', async (t) => {
  const clock = createClock(1_700_000_000_000)
  const inner = memoryState({ clock })
  let silent = false
  const state: StateStore = { ...inner, append: async (...args) => {
    const seq = await inner.append(...args)
    if (!silent) return seq
    silent = false
    throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE')
  } }
  const world = createWorld({ state, clock })
  const run = await world.executions.start(alice, async (execution) => {
    silent = true
    execution.progress(1)
    await rest()
    execution.progress(2)
  })
  t.equal(statusOf(await run.ended), 'CONSENTRY_ERR_STORE_UNAVAILABLE')
  const events = await history(world, alice, run.id)
  t.same(types(events), ['running', 'progress', 'failed'])
  t.same(events.map(({ seq }) => seq), [1, 2, 3])
})

t.test('R6: hints that are lost while a node is cut off are made up for when it is back', async (t) => {
  const clock = createClock(1_700_000_000_000)
  const inner = memoryState({ clock })
  let cut = false
  const missed: Array<() => void> = []
  const state: StateStore = { ...inner, subscribe (channel, listener, onMissed) {
    if (onMissed !== undefined) missed.push(onMissed)
    return inner.subscribe(channel, (message) => { if (!cut) listener(message) })
  } }
  const here = createWorld({ state, clock })
  const there = createWorld({ state: inner, clock, tokens: here.tokens, github: here.github })
  const [waiting, cancelled] = [await here.executions.start(alice, askRead), await here.executions.start(bob, askRead)]
  await rest()
  const { feed, events } = listen(here, alice)
  await feed.subscribeAll()
  cut = true
  await there.executions.cancel(bob, cancelled.id)
  await answer(there, await question(there, alice, waiting.id))
  await rest()
  t.equal((await there.executions.get(alice, waiting.id)).status, 'oauth_required', 'it has not heard')
  cut = false
  for (const tell of missed) tell()
  t.equal((await waiting.ended).status, 'completed')
  t.equal((await cancelled.ended).status, 'cancelled')
  await rest()
  t.equal(events.at(-1)?.type, 'completed')
})
