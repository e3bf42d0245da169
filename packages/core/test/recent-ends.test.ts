import t from 'tap'
import { createClock, type ManualClock } from '@consentry/testing'
import { createDeadlines } from '../src/deadlines.ts'
import { ConsentryError } from '../src/errors.ts'
import type { Execution } from '../src/execution.ts'
import { memoryState } from '../src/memory-state.ts'
import type { StateStore } from '../src/ports.ts'
import { createRecentEnds } from '../src/recent-ends.ts'
import { alice, codeOf, createWorld, history, listen, rest, statusOf, types, type World } from './world.ts'

const second = 1_000
const lost = 'CONSENTRY_ERR_NODE_LOST'

interface Pair {
  clock: ManualClock
  /** Where executions run. */
  here: World
  there: World
  /** What happens after an append; replaced by tests. */
  onAppended: (last: boolean) => void
  /** What the store waits for before it sets a value; replaced by tests. */
  delayed: () => Promise<void>
  /** From here on the replica hears nothing. */
  lag (): void
  /** The replica takes the place of the other, and everyone's connections come back. */
  failOver (): void
}

/** Two nodes with a store whose replica may lag. `apart`: the clock is that of the store and of `there` alone. */
function pair ({ apart = false }: { apart?: boolean } = {}): Pair {
  const clock = createClock(1_700_000_000_000)
  let master = memoryState({ clock })
  const [channels, replica] = [master, memoryState({ clock })]
  const missed: Array<() => void> = []
  let lags = false
  const both = async <T>(work: (store: StateStore) => Promise<T>): Promise<T> => {
    if (!lags && master !== replica) await work(replica)
    return work(master)
  }
  const state: StateStore = {
    get: (...args) => master.get(...args),
    read: (...args) => master.read(...args),
    lock: (...args) => master.lock(...args),
    async set (...args) {
      await nodes.delayed()
      await both((store) => store.set(...args))
    },
    take: (...args) => both((store) => store.take(...args)),
    compareAndSet: (...args) => both((store) => store.compareAndSet(...args)),
    compareAndSetWith: (...args) => both((store) => store.compareAndSetWith(...args)),
    async append (...args) {
      const seq = await both((store) => store.append(...args))
      nodes.onAppended(args[2].last === true)
      return seq
    },
    publish: (...args) => channels.publish(...args),
    subscribe (channel, listener, onMissed = () => {}) {
      missed.push(onMissed)
      return channels.subscribe(channel, listener)
    }
  }
  const here = createWorld(apart ? { state } : { state, clock })
  const nodes: Pair = {
    clock,
    here,
    there: createWorld({ state, clock, tokens: here.tokens, github: here.github }),
    onAppended () {},
    async delayed () {},
    lag () { lags = true },
    failOver () {
      master = replica
      for (const tell of missed) tell()
    }
  }
  return nodes
}

interface Talk {
  id: string
  execution: Execution
  ended: Promise<unknown>
  end: () => void
}

/** A run that goes on until it is told, and the execution that it says things with. */
async function talk ({ here }: Pair): Promise<Talk> {
  let end = (): void => {}
  let known: Execution | undefined
  const run = await here.executions.start(alice, (execution) => {
    known = execution
    return new Promise<string>((resolve) => { end = () => resolve('done') })
  })
  await rest()
  return { id: run.id, execution: known as Execution, ended: run.ended, end: () => { end() } }
}

t.test('R5: a log that was forgotten in part, and ended elsewhere, is not written on by who remembers more', async (t) => {
  const nodes = pair()
  const { there, clock } = nodes
  const { id, execution, ended } = await talk(nodes)
  const { feed, events } = listen(there, alice)
  await feed.subscribe(id)
  nodes.lag()
  for (const n of [1, 2, 3]) execution.progress(n)
  await rest()
  t.equal(events.at(-1)?.seq, 4)
  nodes.failOver()
  t.match(await there.executions.cancel(alice, id), { status: 'cancelled', seq: 2 })
  execution.progress('late')
  t.match(await ended, { status: 'cancelled' })
  t.ok(execution.signal.aborted)
  t.same(types(await history(there, alice, id)), ['running', 'cancelled'])
  t.equal(statusOf(await there.executions.get(alice, id)), 'cancelled')
  await clock.advance(40 * second)
  t.match(events.at(-1), { type: 'cancelled', seq: 5 }, 'whoever saw more hears of the end too, after what they saw')
  const late = listen(there, alice)
  await late.feed.subscribe(id, 4)
  t.same(late.events.map(({ type, seq }) => [type, seq]), [['cancelled', 5]])
  for (const { feed: each } of [{ feed }, late]) each.close()
})

t.test('R5: and who remembers more finds out by the hint alone', async (t) => {
  const nodes = pair()
  const { id, execution, ended } = await talk(nodes)
  nodes.lag()
  for (const n of [1, 2, 3]) execution.progress(n)
  await rest()
  nodes.failOver()
  await nodes.there.executions.cancel(alice, id)
  t.match(await ended, { status: 'cancelled' })
})

t.test('R5: an end that was forgotten is written again as a failure, without anybody asking its node', async (t) => {
  const nodes = pair()
  const { id, ended, end } = await talk(nodes)
  const { feed, events } = listen(nodes.there, alice)
  await feed.subscribe(id)
  nodes.lag()
  end()
  t.match(await ended, { status: 'completed' })
  nodes.failOver()
  t.equal((await nodes.there.executions.get(alice, id)).status, 'running', 'nothing tells it from one that goes on')
  await nodes.clock.advance(2 * second)
  t.match(await nodes.there.executions.get(alice, id), { status: 'failed', error: { code: lost } })
  t.same(await nodes.there.executions.list(alice), [])
  t.same(types(await history(nodes.there, alice, id)), ['running', 'failed'])
  t.same(types(events), ['running', 'completed'], 'who heard of the first hears of no second')
  feed.close()
})

t.test('R5: the store has the end in the record, and forgot it in the log: it is there again, and no result is made up', async (t) => {
  const nodes = pair()
  const { id, ended, end } = await talk(nodes)
  nodes.lag()
  // After the log has the end, and before the record has.
  nodes.onAppended = (last) => { if (last) nodes.failOver() }
  end()
  await ended
  nodes.onAppended = () => {}
  await nodes.clock.advance(2 * second)
  t.match(await nodes.there.executions.get(alice, id), { status: 'failed', error: { code: lost } })
  t.same(types(await history(nodes.there, alice, id)), ['running', 'failed'])
})

t.test('R5: the same where somebody else wrote the end, since the node of the execution is gone', async (t) => {
  const nodes = pair({ apart: true })
  const { id } = await talk(nodes)
  nodes.lag()
  nodes.onAppended = (last) => { if (last) nodes.failOver() }
  await nodes.clock.advance(20 * second)
  t.match(await nodes.there.executions.get(alice, id), { status: 'failed', error: { code: lost } })
  nodes.onAppended = () => {}
  await nodes.clock.advance(2 * second)
  t.same(types(await history(nodes.there, alice, id)), ['running', 'failed'])
})

t.test('R5: ends that the store has are left as they are', async (t) => {
  const nodes = pair()
  const { here, there } = nodes
  const { id, ended, end } = await talk(nodes)
  end()
  await ended
  const cancelled = await talk(nodes)
  await here.executions.cancel(alice, cancelled.id)
  nodes.failOver()
  await nodes.clock.advance(2 * second)
  t.match(await there.executions.get(alice, id), { status: 'completed', result: 'done', seq: 2 })
  t.match(await there.executions.get(alice, cancelled.id), { status: 'cancelled', seq: 2 })
  await nodes.clock.advance(20 * 60 * second)
  t.equal(await codeOf(there.executions.get(alice, id)), 'CONSENTRY_ERR_EXECUTION_NOT_FOUND')
  nodes.failOver()
  await nodes.clock.advance(2 * second)
  t.same(here.errors, [])
})

t.test('R5: an end that could not be written is written as soon as the store can be reached', async (t) => {
  const clock = createClock(1_700_000_000_000)
  const inner = memoryState({ clock })
  let away = false
  const state = new Proxy(inner, {
    get: (target, name: keyof StateStore) => away ? async () => { throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE') } : target[name]
  })
  const here = createWorld({ state, clock })
  const there = createWorld({ state: inner, clock })
  let end = (): void => {}
  const run = await here.executions.start(alice, () => new Promise<void>((resolve) => { end = resolve }))
  away = true
  end()
  await run.ended
  await clock.advance(5 * second)
  t.equal((await there.executions.get(alice, run.id)).status, 'running')
  away = false
  await clock.advance(2 * second)
  t.equal(statusOf(await there.executions.get(alice, run.id)), lost)
})

t.test('a log that goes by its own time, a moment before the record, is not begun anew', async (t) => {
  const nodes = pair()
  const { id, ended, end } = await talk(nodes)
  const retention = 10 * 60 * second
  // The store takes the end, and says so only when most of its time is over.
  nodes.delayed = () => nodes.clock.advance(retention - second)
  end()
  await ended
  nodes.delayed = async () => {}
  nodes.lag()
  await nodes.clock.advance(2 * second)
  nodes.failOver()
  await nodes.clock.advance(2 * second)
  t.match(await nodes.there.executions.get(alice, id), { status: 'completed', seq: 2 })
  t.same(await nodes.there.state.read(`events:${id}`, 0), [])
})

t.test('of very many only the newest are looked for, and none after a minute', async (t) => {
  const clock = createClock()
  const looked: string[] = []
  const errors: unknown[] = []
  const ends = createRecentEnds({ clock, deadlines: createDeadlines(clock), ensure: async (id) => { looked.push(id) }, onError: (error) => { errors.push(error) } })
  ends.add('old', true)
  await clock.advance(50 * second)
  ends.add('new', true)
  ends.add('unwritten', false)
  await clock.advance(20 * second)
  t.same(looked.splice(0), ['unwritten'])
  ends.doubt()
  await clock.advance(2 * second)
  t.same(looked.splice(0), ['new', 'unwritten'])
  for (let index = 0; index < 3_000; index++) ends.add(`many-${index}`, true)
  await clock.advance(2 * second)
  t.same([looked.length, looked[0], looked.at(-1)], [1_000, 'many-2000', 'many-2999'], 'connections may still be on their way back')
  ends.add('left', false)
  ends.close()
  await clock.advance(2 * second)
  t.equal(looked.length, 1_000)
  t.same(errors, [])
})

t.test('R9: a run whose end went by its own time, and whose node died before it wrote the record, is gone: nobody ends it once more', async (t) => {
  const nodes = pair({ apart: true })
  const { there, clock } = nodes
  const { id, end } = await talk(nodes)
  nodes.delayed = () => new Promise(() => {})
  end()
  await rest()
  nodes.delayed = async () => {}
  await clock.advance(11 * 60 * second)
  t.same(await codeOf(there.executions.get(alice, id)), 'CONSENTRY_ERR_EXECUTION_NOT_FOUND')
  t.same(await there.executions.list(alice), [])
  t.same(await there.state.read(`events:${id}`, 0), [], 'no log begins anew')
  t.same(there.errors, [])
})
