import t, { type Test } from 'tap'
import { ConsentryError } from '../src/errors.ts'
import type { ExecutionEvent } from '../src/events.ts'
import type { Execution } from '../src/execution.ts'
import type { StartedExecution } from '../src/executions.ts'
import { memoryState } from '../src/memory-state.ts'
import type { StateStore } from '../src/ports.ts'
import { alice, answer, bob, codeOf, createWorld, denial, grantOf, history, keyOf, lifetime, listen, minute, question, rest, statusOf, types, type World } from './world.ts'

const start = ({ executions }: World, fn: (execution: Execution) => unknown, owner = alice): Promise<StartedExecution> => executions.start(owner, fn)
const askRead = (execution: Execution): Promise<unknown> => execution.authorize('github')
const forever = (execution: Execution): Promise<void> => new Promise((resolve) => { execution.signal.addEventListener('abort', () => resolve()) })
const indexOf = ({ state }: World): Promise<string | undefined> => state.get('executions:default/alice')

/** `seq` counts from 1 without a gap, and the last event is the only final one. */
function assertLog (t: Test, events: ExecutionEvent[], expected: string[]): void {
  t.same(types(events), expected)
  t.same(events.map(({ seq }) => seq), events.map((_, index) => index + 1), 'gapless')
  t.same(types(events).filter((type) => ['completed', 'failed', 'cancelled'].includes(type)), expected.slice(-1))
}

t.test('ends before it needs anyone', async (t) => {
  const world = createWorld()
  const run = await start(world, () => ({ answer: 42 }))
  t.equal(await run.firstOutcome, 'ended')
  t.same(await run.ended, { executionId: run.id, status: 'completed', seq: 2, result: { answer: 42 } })
  t.same(await world.executions.get(alice, run.id), await run.ended)
  assertLog(t, await history(world, alice, run.id), ['running', 'completed'])
  t.match(run.id, /^[\w-]{22}$/)
})

t.test('asks, waits, is answered, goes on', async (t) => {
  const world = createWorld()
  const run = await start(world, async (execution) => {
    execution.progress({ step: 1 })
    const grant = await execution.authorize('github', { scopes: ['repo'] })
    execution.progress('two')
    return { scopes: grant.scopes, owner: execution.owner, id: execution.id }
  })
  t.equal(await run.firstOutcome, 'oauth_required')
  const asked = await world.executions.get(alice, run.id)
  const flowId = await question(world, alice, run.id)
  const pending = { flowId, provider: 'github', profile: 'default', label: 'GitHub', host: 'github.com', scopes: ['repo'], connectUrl: `https://app.test/auth/connect/${flowId}`, expiresAt: '2023-11-14T22:23:20.000Z' }
  t.same(asked, { executionId: run.id, status: 'oauth_required', seq: 3, pending: [pending] })
  t.same(await world.executions.list(alice), [asked])
  t.same(await world.executions.list(bob), [])
  await answer(world, flowId)
  t.same(await run.ended, { executionId: run.id, status: 'completed', seq: 6, result: { scopes: ['repo'], owner: alice, id: run.id } })
  const events = await history(world, alice, run.id)
  assertLog(t, events, ['running', 'progress', 'oauth_required', 'oauth_resolved', 'progress', 'completed'])
  t.same(events[2], { type: 'oauth_required', executionId: run.id, seq: 3, time: '2023-11-14T22:13:20.000Z', data: pending })
  t.same(events[3]?.data, { flowId, provider: 'github', profile: 'default', outcome: 'granted' })
  t.same(await world.executions.list(alice), [])
  t.equal(await indexOf(world), undefined)
})

t.test('a denial reaches the code, which may go on without', async (t) => {
  const world = createWorld()
  const run = await start(world, (execution) => askRead(execution).catch((error) => (error as ConsentryError).code))
  await rest()
  await answer(world, await question(world, alice, run.id), denial)
  t.match(await run.ended, { status: 'completed', result: 'CONSENTRY_ERR_CONSENT_DENIED' })
  const failing = await start(world, askRead)
  await rest()
  await answer(world, await question(world, alice, failing.id), denial)
  t.same((await failing.ended).error, { code: 'CONSENTRY_ERR_CONSENT_DENIED', message: 'The consent was declined.' })
})

t.test('B12: another person\'s execution does not exist for get, list, cancel and subscribe', async (t) => {
  const world = createWorld()
  const run = await start(world, askRead)
  await run.firstOutcome
  const { feed, events } = listen(world, bob)
  await feed.subscribeAll()
  for (const owner of [bob, { tenant: 'other', userId: 'alice' }]) {
    t.equal(await codeOf(world.executions.get(owner, run.id)), 'CONSENTRY_ERR_EXECUTION_NOT_FOUND')
    t.equal(await codeOf(world.executions.cancel(owner, run.id)), 'CONSENTRY_ERR_EXECUTION_NOT_FOUND')
    t.equal(await codeOf(listen(world, owner).feed.subscribe(run.id)), 'CONSENTRY_ERR_EXECUTION_NOT_FOUND')
  }
  t.equal(await codeOf(world.executions.get(alice, 'no such')), 'CONSENTRY_ERR_EXECUTION_NOT_FOUND')
  await answer(world, await question(world, alice, run.id))
  t.equal((await run.ended).status, 'completed')
  await rest()
  t.same(events, [])
})

t.test('B17: what the application throws is in no status and no event', async (t) => {
  const canary = 'canary-4711'
  class Sly extends ConsentryError {
    override message = canary
  }
  const world = createWorld()
  const thrown: unknown[] = [new Error(canary), canary, { message: canary, code: canary }, new Sly('CONSENTRY_ERR_FORBIDDEN'), undefined]
  for (const error of thrown) {
    // oxlint-disable-next-line no-throw-literal, typescript/only-throw-error -- what applications do
    const run = await start(world, () => { throw error })
    const expected = error instanceof ConsentryError ? 'CONSENTRY_ERR_FORBIDDEN' : 'CONSENTRY_ERR_EXECUTION_FAILED'
    t.equal(statusOf(await run.ended), expected)
    t.notMatch(JSON.stringify([await run.ended, await world.executions.get(alice, run.id), await history(world, alice, run.id)]), canary)
  }
  t.equal(world.errors.length, 4, 'but the log hears of those that are not ours')
})

t.test('results and progress that are no JSON, or too large', async (t) => {
  const world = createWorld()
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  for (const [value, expected] of [
    [1n, 'CONSENTRY_ERR_RESULT_INVALID'], [cycle, 'CONSENTRY_ERR_RESULT_INVALID'], ['x'.repeat(1024 * 1024), 'CONSENTRY_ERR_RESULT_INVALID'],
    [{ toJSON () { throw new Error('no') } }, 'CONSENTRY_ERR_RESULT_INVALID'],
    [undefined, 'completed'], [() => {}, 'completed'], [Symbol('s'), 'completed'], [Number.NaN, 'completed'], ['x'.repeat(1024 * 1024 - 2), 'completed']
  ] as const) {
    const run = await start(world, () => value)
    const last = await run.ended
    t.equal(statusOf(last), expected)
    if (expected === 'completed' && typeof value !== 'string') t.equal(last.result, null)
  }
  const run = await start(world, (execution) => {
    t.throws(() => execution.progress(1n), { code: 'CONSENTRY_ERR_RESULT_INVALID' })
    t.throws(() => execution.progress('x'.repeat(64 * 1024)), { code: 'CONSENTRY_ERR_RESULT_INVALID' })
    const live = { count: 1 }
    execution.progress(live)
    live.count = 2
    execution.progress(undefined)
    return live
  })
  t.equal((await run.ended).status, 'completed')
  t.same((await history(world, alice, run.id)).map(({ data }) => data), [{}, { count: 1 }, null, { result: { count: 2 } }], 'as it was when it was told')
})

t.test('cancel ends it at once, tells why, and withdraws its question', async (t) => {
  const world = createWorld()
  let rejected: unknown
  const run = await start(world, (execution) => askRead(execution).catch((error) => { rejected = error }))
  await rest()
  const flowId = await question(world, alice, run.id)
  t.same(await world.executions.cancel(alice, run.id, 'enough'), { executionId: run.id, status: 'cancelled', seq: 4 })
  await rest()
  t.ok(ConsentryError.is(rejected, 'CONSENTRY_ERR_EXECUTION_CANCELLED'))
  const events = await history(world, alice, run.id)
  assertLog(t, events, ['running', 'oauth_required', 'oauth_resolved', 'cancelled'])
  t.match(events[2]?.data, { outcome: 'cancelled' })
  t.same(events[3]?.data, { reason: 'enough' })
  t.match(await world.flows.find(flowId), { status: 'settled', outcome: 'cancelled' })
  t.equal(await world.flows.pending(keyOf(alice)), undefined)
  t.equal((await world.executions.cancel(alice, run.id)).status, 'cancelled', 'again: nothing more')
  t.equal(await codeOf(answer(world, flowId)), 'CONSENTRY_ERR_FLOW_CANCELLED', 'B15')
})

t.test('cancel during an exchange: the run is over, the grant is kept', async (t) => {
  const world = createWorld()
  let exchange: (() => void) | undefined
  world.github.onExchange = () => new Promise((resolve) => { exchange = () => resolve({ accessToken: 'a', tokenType: 'bearer' }) })
  const run = await start(world, askRead)
  await rest()
  const answering = answer(world, await question(world, alice, run.id))
  await rest()
  t.equal((await world.executions.cancel(alice, run.id)).status, 'cancelled')
  exchange?.()
  t.equal(await answering, 'granted')
  const second = await start(world, askRead)
  t.equal((await second.ended).status, 'completed', 'not asked for twice')
  assertLog(t, await history(world, alice, run.id), ['running', 'oauth_required', 'oauth_resolved', 'cancelled'])
})

t.test('cancel from another node', async (t) => {
  const state = memoryState()
  const [here, there] = [createWorld({ state }), createWorld({ state })] as const
  const run = await start(here, askRead)
  await rest()
  t.equal(await codeOf(there.executions.cancel(bob, run.id)), 'CONSENTRY_ERR_EXECUTION_NOT_FOUND')
  t.equal((await there.executions.cancel(alice, run.id, 'from afar')).status, 'cancelled', 'it is over when this resolves')
  t.equal((await run.ended).status, 'cancelled')
  t.equal((await there.executions.get(alice, run.id)).status, 'cancelled')
  assertLog(t, await history(there, alice, run.id), ['running', 'oauth_required', 'oauth_resolved', 'cancelled'])
  await rest()
  t.equal(await here.flows.pending(keyOf(alice)), undefined, 'its question is withdrawn')
})

t.test('an execution that ends while another of its calls still waits', async (t) => {
  const unhandled: unknown[] = []
  const note = (error: unknown): void => { unhandled.push(error) }
  process.on('unhandledRejection', note)
  t.teardown(() => { process.off('unhandledRejection', note) })
  const world = createWorld()
  const run = await start(world, async (execution) => {
    void execution.authorize('github')
    await rest()
    return 'done'
  })
  t.match(await run.ended, { status: 'completed', result: 'done' })
  await rest()
  assertLog(t, await history(world, alice, run.id), ['running', 'oauth_required', 'oauth_resolved', 'completed'])
  t.equal(await world.flows.pending(keyOf(alice)), undefined)
  t.same(unhandled, [], 'ends no process')
})

t.test('after its end an execution does nothing any more', async (t) => {
  const world = createWorld()
  let kept: Execution | undefined
  const run = await start(world, (execution) => { kept = execution })
  await run.ended
  t.equal(kept?.signal.aborted, false, 'a good end is no abort: nothing is to be rolled back')
  kept?.progress('late')
  t.equal(await codeOf(kept?.authorize('github') ?? Promise.resolve()), 'CONSENTRY_ERR_EXECUTION_CANCELLED')
  await world.tokens.save(keyOf(alice), grantOf(), undefined)
  t.equal(await codeOf(kept?.authorize('github') ?? Promise.resolve()), 'CONSENTRY_ERR_EXECUTION_CANCELLED', 'also where nobody need be asked')
  t.equal((await history(world, alice, run.id)).length, 2)
})

t.test('two calls of one execution for one grant make one question', async (t) => {
  const world = createWorld()
  const run = await start(world, async (execution) => {
    const [a, b] = await Promise.all([execution.authorize('github'), execution.authorize('github')])
    return [a.scopes, b.scopes]
  })
  await rest()
  await answer(world, await question(world, alice, run.id))
  t.same((await run.ended).result, [['read'], ['read']])
  assertLog(t, await history(world, alice, run.id), ['running', 'oauth_required', 'oauth_resolved', 'completed'])
})

t.test('one call gives up while the other stays', async (t) => {
  const world = createWorld()
  const run = await start(world, async (execution) => {
    const [a, b] = await Promise.allSettled([execution.authorize('github', { timeout: minute }), execution.authorize('github')])
    return [a.status === 'rejected' && (a.reason as ConsentryError).code, b.status]
  })
  await rest()
  const flowId = await question(world, alice, run.id)
  await world.clock.advance(2 * minute)
  t.equal((await world.executions.get(alice, run.id)).status, 'oauth_required', 'still asking')
  await answer(world, flowId)
  t.same((await run.ended).result, ['CONSENTRY_ERR_FLOW_EXPIRED', 'fulfilled'])
  assertLog(t, await history(world, alice, run.id), ['running', 'oauth_required', 'oauth_resolved', 'completed'])
})

t.test('the signal of one call cancels that call alone', async (t) => {
  const world = createWorld()
  const abort = new AbortController()
  const run = await start(world, async (execution) => {
    const [a, b] = await Promise.allSettled([execution.authorize('github', { signal: abort.signal }), execution.authorize('github', { profile: 'work' })])
    return [a.status === 'rejected' && (a.reason as ConsentryError).code, b.status]
  })
  await rest()
  t.equal((await world.executions.get(alice, run.id)).pending?.length, 2)
  abort.abort()
  await rest()
  await answer(world, await question(world, alice, run.id))
  t.same((await run.ended).result, ['CONSENTRY_ERR_FLOW_CANCELLED', 'fulfilled'])
})

t.test('a question that grows is told again, and only to those whom it concerns', async (t) => {
  const world = createWorld()
  const one = await start(world, (execution) => execution.authorize('github', { scopes: ['read'] }).then(({ scopes }) => scopes))
  await rest()
  const two = await start(world, (execution) => execution.authorize('github', { scopes: ['write'] }).then(({ scopes }) => scopes))
  await rest()
  t.same((await world.executions.get(alice, one.id)).pending?.map(({ scopes }) => scopes), [['read', 'write']])
  const flowId = await question(world, alice, one.id)
  t.equal(await question(world, alice, two.id), flowId)
  await answer(world, flowId)
  t.same((await Promise.all([one.ended, two.ended])).map(({ result }) => result), [['read', 'write'], ['read', 'write']])
  assertLog(t, await history(world, alice, one.id), ['running', 'oauth_required', 'oauth_required', 'oauth_resolved', 'completed'])
  assertLog(t, await history(world, alice, two.id), ['running', 'oauth_required', 'oauth_resolved', 'completed'])
})

t.test('one execution that is cancelled leaves the question to the other', async (t) => {
  const world = createWorld()
  const [one, two] = await Promise.all([start(world, askRead), start(world, (execution) => execution.authorize('github').then(() => 'ok'))])
  await rest()
  await world.executions.cancel(alice, one.id)
  await rest()
  await answer(world, await question(world, alice, two.id))
  t.equal((await two.ended).result, 'ok')
})

t.test('quota: as many as allowed, and one more when one ended', async (t) => {
  const world = createWorld({ maxPerUser: 3 })
  const runs = await Promise.all([1, 2, 3].map(() => start(world, askRead)))
  t.equal(await codeOf(start(world, askRead)), 'CONSENTRY_ERR_TOO_MANY_EXECUTIONS')
  t.ok(await start(world, askRead, bob), 'another person is not concerned')
  await world.executions.cancel(alice, runs[0]?.id ?? '')
  t.ok(await start(world, askRead))
  t.equal(await codeOf(start(world, askRead)), 'CONSENTRY_ERR_TOO_MANY_EXECUTIONS')
  t.equal((await world.executions.list(alice)).length, 3)
})

t.test('many starts at once of one person take their turns', async (t) => {
  const world = createWorld({ maxPerUser: 500 })
  const gets = { count: 0 }
  const get = world.state.get.bind(world.state)
  world.state.get = (name) => { gets.count++; return get(name) }
  const runs = await Promise.all(Array.from({ length: 500 }, () => start(world, askRead)))
  await rest()
  t.equal((await world.executions.list(alice)).length, 500)
  t.ok(gets.count < 500 * 12, `${gets.count} reads`)
  await answer(world, await question(world, alice, runs[0]?.id ?? ''))
  t.same(new Set((await Promise.all(runs.map((run) => run.ended))).map(({ status }) => status)), new Set(['completed']))
  t.equal(world.github.exchanges, 1)
  t.equal(await indexOf(world), undefined)
})

t.test('too old: it is ended, and its status can be read for a while', async (t) => {
  const world = createWorld()
  const run = await start(world, forever)
  let aborted: unknown
  const waiting = await start(world, async (execution) => {
    execution.signal.addEventListener('abort', () => { aborted = execution.signal.reason })
    await execution.authorize('github', { timeout: 1e12 }).catch(() => {})
    return forever(execution)
  })
  await world.clock.advance(64 * minute)
  t.equal(statusOf(await run.ended), 'CONSENTRY_ERR_EXECUTION_EXPIRED')
  t.equal(statusOf(await waiting.ended), 'CONSENTRY_ERR_EXECUTION_EXPIRED')
  t.ok(ConsentryError.is(aborted))
  t.equal(statusOf(await world.executions.get(alice, run.id)), 'CONSENTRY_ERR_EXECUTION_EXPIRED')
  await world.clock.advance(11 * minute)
  t.equal(await codeOf(world.executions.get(alice, run.id)), 'CONSENTRY_ERR_EXECUTION_NOT_FOUND')
  t.same(await world.state.read(`events:${run.id}`, 0), [])
})

t.test('the log keeps its newest events, and seq goes on', async (t) => {
  const world = createWorld({ maxEvents: 5 })
  const run = await start(world, (execution) => { for (let step = 0; step < 20; step++) execution.progress(step) })
  await run.ended
  t.same((await history(world, alice, run.id)).map(({ seq }) => seq), [18, 19, 20, 21, 22])
  t.equal((await world.executions.get(alice, run.id)).seq, 22)
})

t.test('close ends what runs, refuses what comes, and leaves nothing behind', async (t) => {
  const world = createWorld()
  const run = await start(world, askRead)
  await rest()
  const starting = start(world, forever)
  await world.executions.close()
  t.equal(statusOf(await run.ended), 'CONSENTRY_ERR_SHUTDOWN')
  t.equal(statusOf(await world.executions.get(alice, run.id)), 'CONSENTRY_ERR_SHUTDOWN', 'and that is written')
  t.equal(statusOf(await (await starting).ended), 'CONSENTRY_ERR_SHUTDOWN', 'what was just starting too')
  t.equal(await codeOf(start(world, forever)), 'CONSENTRY_ERR_SHUTDOWN')
  t.equal(await indexOf(world), undefined)
  await rest()
  t.ok(await world.flows.pending(keyOf(alice)), 'R17: but the question, which another node can take the answer to')
})

t.test('R5: a store that fails ends the execution with a coded error', async (t) => {
  const inner = memoryState()
  const failing = { append: false }
  const state: StateStore = {
    ...inner,
    append: async (log, value, options) => {
      if (failing.append && !value.includes('"failed"')) throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE')
      return inner.append(log, value, options)
    }
  }
  const world = createWorld({ state })
  const run = await start(world, async (execution) => {
    failing.append = true
    execution.progress(1)
    await forever(execution)
  })
  t.equal(statusOf(await run.ended), 'CONSENTRY_ERR_STORE_UNAVAILABLE')
  const events = await history(world, alice, run.id)
  assertLog(t, events, ['running', 'failed'])
  t.equal((await world.executions.get(alice, run.id)).seq, 2, 'the record counts what the log counts')
  t.equal(await codeOf(start(world, forever)), 'CONSENTRY_ERR_STORE_UNAVAILABLE', 'and a start is refused')
  t.ok(world.errors.length > 0)
})

t.test('R10: a feed cut at every event and resumed loses nothing and changes no order', async (t) => {
  const world = createWorld()
  const run = await start(world, async (execution) => {
    for (let step = 0; step < 3; step++) {
      execution.progress(step)
      await execution.authorize('github', { scopes: [`scope-${step}`] })
    }
    return 'end'
  })
  const received: ExecutionEvent[] = []
  // A connection that breaks after each event it was sent, and another that takes over where it ended.
  const connect = async (): Promise<void> => {
    const feed = world.executions.feed(alice, (event) => {
      received.push(event)
      feed.close()
      if (received.length < 11) void connect()
    })
    await feed.subscribe(run.id, received.at(-1)?.seq ?? 0)
  }
  await connect()
  for (let step = 0; step < 3; step++) {
    await rest(20)
    await answer(world, await question(world, alice, run.id))
  }
  await run.ended
  await rest(20)
  assertLog(t, received, ['running', 'progress', 'oauth_required', 'oauth_resolved', 'progress', 'oauth_required', 'oauth_resolved', 'progress', 'oauth_required', 'oauth_resolved', 'completed'])
  for (let after = 0; after <= 11; after++) {
    const { feed, events } = listen(world, alice)
    await feed.subscribe(run.id, after)
    t.same(events.map(({ seq }) => seq), Array.from({ length: 11 - after }, (_, index) => after + index + 1))
  }
})

t.test('a feed of everything: first the questions that wait, then what comes, each end once', async (t) => {
  const world = createWorld()
  const old = await start(world, async (execution) => {
    await execution.authorize('github')
    execution.progress(1)
    execution.progress(2)
  })
  await rest()
  const { feed, events } = listen(world, alice)
  await feed.subscribeAll()
  t.same(types(events), ['oauth_required'])
  const fresh = await start(world, (execution) => { execution.progress('x') })
  await fresh.ended
  await rest(10)
  t.same(types(events.filter(({ executionId }) => executionId === fresh.id)), ['running', 'progress', 'completed'])
  await answer(world, await question(world, alice, old.id))
  await old.ended
  await rest(10)
  t.same(events.filter(({ executionId }) => executionId === old.id).map(({ seq }) => seq), [2, 3, 4, 5, 6])
  world.wakeups.wake('events:default/alice', old.id)
  await rest()
  t.equal(events.length, 8, 'a late hint starts nothing anew')
  feed.close()
  await (await start(world, () => 1)).ended
  await rest()
  t.equal(events.length, 8, 'closed is closed')
})

t.test('unsubscribe: that execution is heard of no more, others are', async (t) => {
  const world = createWorld()
  const { feed, events } = listen(world, alice)
  await feed.subscribeAll()
  const [one, two] = await Promise.all([start(world, forever), start(world, forever)])
  await rest()
  feed.unsubscribe(one.id)
  for (let index = 0; index < 3; index++) feed.unsubscribe(`unknown-${index}`)
  await Promise.all([one, two].map(({ id }) => world.executions.cancel(alice, id)))
  await rest()
  t.same(events.map(({ type, executionId }) => [type, executionId]), [['running', one.id], ['running', two.id], ['cancelled', two.id]])
})

t.test('R6: a feed finds what it got no hint of', async (t) => {
  const inner = memoryState()
  let deaf = false
  const state: StateStore = { ...inner, publish: async (channel, message) => { if (!deaf) await inner.publish(channel, message) } }
  const world = createWorld({ state })
  const elsewhere = createWorld(world)
  const all = listen(world, alice)
  await all.feed.subscribeAll()
  const run = await start(elsewhere, (execution) => { execution.progress(1); return forever(execution) })
  await rest()
  const single = listen(world, alice)
  await single.feed.subscribe(run.id)
  deaf = true
  const unheard = await start(elsewhere, forever)
  await elsewhere.executions.cancel(alice, run.id)
  await rest()
  t.same(types(single.events), ['running', 'progress'])
  await world.clock.advance(minute)
  t.same(types(single.events), ['running', 'progress', 'cancelled'])
  t.same(all.events.filter(({ executionId }) => executionId === run.id).map(({ seq }) => seq), [1, 2, 3])
  t.same(types(all.events.filter(({ executionId }) => executionId === unheard.id)), ['running'])
})

t.test('P11: what is written on this node is not read, unless the one before is still on its way', async (t) => {
  const inner = memoryState()
  let reads = 0
  let away = false
  const world = createWorld({ state: { ...inner, read: async (...args) => {
    reads++
    if (away) throw new Error('away')
    return inner.read(...args)
  } } })
  const { feed, events } = listen(world, alice)
  const slow: number[] = []
  const taken: Array<() => void> = []
  const slowFeed = world.executions.feed(alice, ({ seq }) => {
    slow.push(seq)
    return new Promise((resolve) => { taken.push(resolve) })
  })
  await feed.subscribeAll()
  let report: ((data: unknown) => void) | undefined
  await start(world, (execution) => {
    report = (data) => { execution.progress(data) }
    return forever(execution)
  })
  await rest()
  report?.({ step: 1 })
  await rest()
  report?.({ step: 2 })
  await rest()
  t.same(events.map(({ seq }) => seq), [1, 2, 3])
  t.match(events.at(-1), { type: 'progress', data: { step: 2 } })
  t.equal(reads, 0)
  await slowFeed.subscribeAll()
  reads = 0
  for (let step = 3; step < 6; step++) report?.({ step })
  await rest()
  t.same(slow, [4], 'the others wait in the log')
  const take = async (): Promise<void> => {
    taken.shift()?.()
    await rest()
  }
  for (const seq of [5, 6]) {
    await take()
    t.equal(slow.at(-1), seq)
  }
  t.ok(reads > 0)
  away = true
  await take()
  report?.({ step: 6 })
  await rest()
  t.equal(slow.at(-1), 7)
  report?.({ step: 7 })
  await rest()
  await take()
  t.equal(slow.at(-1), 7, 'the store is away')
  away = false
  report?.({ step: 8 })
  await rest()
  await take()
  t.same(slow, [4, 5, 6, 7, 8, 9], 'none is left out')
  t.same(events.map(({ seq }) => seq), [1, 2, 3, 4, 5, 6, 7, 8, 9])
})

t.test('a reader that throws harms only itself', async (t) => {
  const world = createWorld()
  const feed = world.executions.feed(alice, () => { throw new Error('socket closed') })
  const { feed: other, events } = listen(world, alice)
  await Promise.all([feed.subscribeAll(), other.subscribeAll()])
  const run = await start(world, () => 1)
  t.equal((await run.ended).status, 'completed')
  await rest()
  t.same(types(events), ['running', 'completed'])
})

t.test('expiry: the question ends, the code hears of it, the flow is gone', async (t) => {
  const world = createWorld()
  const run = await start(world, askRead)
  await world.clock.advance(lifetime + minute)
  t.equal(statusOf(await run.ended), 'CONSENTRY_ERR_FLOW_EXPIRED')
  const events = await history(world, alice, run.id)
  assertLog(t, events, ['running', 'oauth_required', 'oauth_resolved', 'failed'])
  t.match(events[2]?.data, { outcome: 'expired' })
})

t.test('disconnect ends the executions that hold the grant, on every node, and no others', async (t) => {
  const world = createWorld()
  const other = createWorld({ clock: world.clock, state: world.state, tokens: world.tokens })
  await world.tokens.save(keyOf(alice), grantOf(), undefined)
  await world.tokens.save(keyOf(alice, 'github', 'work'), grantOf(), undefined)
  const holding = (profile: string) => async (execution: Execution): Promise<string> => {
    await execution.authorize('github', { profile })
    return new Promise((resolve) => { execution.signal.addEventListener('abort', () => resolve('too late')) })
  }
  const here = await world.executions.start(alice, holding('default'))
  const there = await other.executions.start(alice, holding('default'))
  const work = await other.executions.start(alice, holding('work'))
  const none = await world.executions.start(alice, () => new Promise(() => {}))
  await rest()
  t.same(await world.grants.disconnect(keyOf(alice)), { revoked: true })
  for (const { ended } of [here, there]) t.match(await ended, { status: 'failed', error: { code: 'CONSENTRY_ERR_GRANT_REVOKED' } })
  t.match((await history(world, alice, there.id)).at(-1), { type: 'failed', data: { code: 'CONSENTRY_ERR_GRANT_REVOKED' } })
  for (const { id } of [work, none]) t.equal((await world.executions.get(alice, id)).status, 'running')
  await Promise.all([world, other].map(({ executions }) => executions.close()))
})

t.test('requires: all is asked for at once, and the code runs when all is there', async (t) => {
  const world = createWorld()
  let ran = 0
  const started = await world.executions.start(alice, () => ++ran, { requires: ['github', { provider: 'github', profile: 'work', scopes: ['repo'] }] })
  await rest()
  const { pending = [] } = await world.executions.get(alice, started.id)
  t.match(pending, [{ provider: 'github', profile: 'default', scopes: ['read'] }, { provider: 'github', profile: 'work', scopes: ['repo'] }])
  await answer(world, pending[0]?.flowId as string)
  await rest()
  t.equal(ran, 0)
  await answer(world, pending[1]?.flowId as string)
  t.equal((await started.ended).result, 1)
})

t.test('requires: one no is enough, and the other questions are withdrawn', async (t) => {
  const world = createWorld()
  const started = await world.executions.start(alice, () => t.fail('ran'), { requires: ['github', { provider: 'github', profile: 'work' }] })
  await rest()
  const { pending = [] } = await world.executions.get(alice, started.id)
  await answer(world, pending[0]?.flowId as string, denial)
  t.match(await started.ended, { status: 'failed', error: { code: 'CONSENTRY_ERR_CONSENT_DENIED' } })
  await rest()
  t.match(await world.flows.find(pending[1]?.flowId as string), { status: 'settled', outcome: 'cancelled' })
  t.equal(await codeOf(world.executions.start(alice, () => {}, { requires: ['nobody'] })), 'CONSENTRY_ERR_PROVIDER_UNKNOWN')
  t.equal(await codeOf(world.executions.start(alice, () => {}, { requires: [{ provider: 'github', scopes: ['a b'] }] })), 'CONSENTRY_ERR_OPTIONS_INVALID')
})
