import t from 'tap'
import { createClock } from '@consentry/testing'
import { ConsentryError } from '../src/errors.ts'
import { memoryState } from '../src/memory-state.ts'
import { createOwnerIndex, type OwnerIndex } from '../src/owner-index.ts'
import type { StateStore } from '../src/ports.ts'
import { alice, bob, rest } from './world.ts'

const ids = Array.from({ length: 2_000 }, (_, index) => `id-${index}`)
const lifetime = 60_000

/** A store that counts what it is asked, and two nodes with it. */
function world (): { clock: ReturnType<typeof createClock>, calls: () => number, fail: (error?: Error) => void, here: OwnerIndex, there: OwnerIndex } {
  const clock = createClock()
  const inner = memoryState({ clock })
  let calls = 0
  let failure: Error | undefined
  const asked = async <T>(work: () => Promise<T>): Promise<T> => {
    calls++
    // As over a network.
    await rest(1)
    if (failure !== undefined) throw failure
    return work()
  }
  const state: StateStore = { ...inner, get: (...args) => asked(() => inner.get(...args)), compareAndSet: (...args) => asked(() => inner.compareAndSet(...args)) }
  const index = (): OwnerIndex => createOwnerIndex({ state, clock, kind: 'things', lifetime })
  return { clock, calls: () => calls, fail: (error) => { failure = error }, here: index(), there: index() }
}

t.test('changes of one owner that come together are written together', async (t) => {
  const { here, calls } = world()
  await Promise.all(ids.map((id) => here.add(alice, id)))
  t.same(await here.list(alice), ids, 'in their order')
  t.ok(calls() <= 5, `${calls()} calls`)
  const before = calls()
  await Promise.all([...ids.map((id) => here.remove(alice, id)), here.add(bob, 'x')])
  t.same([await here.list(alice), await here.list(bob)], [[], ['x']])
  t.ok(calls() - before <= 8, `${calls() - before} calls`)
})

t.test('of many that come together as many are added as there may be, and the others are refused', async (t) => {
  const { here, there } = world()
  const full = new ConsentryError('CONSENTRY_ERR_TOO_MANY_EXECUTIONS')
  const mayAdd = (count: number): void => { if (count >= 100) throw full }
  const added = await Promise.allSettled(ids.slice(0, 500).map((id, number) => (number % 2 === 0 ? here : there).add(alice, id, mayAdd)))
  t.equal(added.filter(({ status }) => status === 'fulfilled').length, 100)
  t.same(new Set(added.flatMap((each) => each.status === 'rejected' ? [each.reason as unknown] : [])), new Set([full]))
  const kept = await here.list(alice)
  t.same(new Set(kept), new Set(ids.slice(0, 500).filter((_, number) => added[number]?.status === 'fulfilled')), 'who was told so is in it')
  const [first = ''] = kept
  t.same(await Promise.allSettled([here.remove(alice, first), here.add(alice, 'one more', mayAdd), here.add(alice, 'too many', mayAdd)]).then((results) => results.map(({ status }) => status)), ['fulfilled', 'fulfilled', 'rejected'])
})

t.test('nodes that change it at once lose nothing of each other', async (t) => {
  const { here, there } = world()
  await Promise.all(ids.slice(0, 200).map((id, number) => (number % 2 === 0 ? here : there).add(alice, id)))
  t.same(new Set(await here.list(alice)), new Set(ids.slice(0, 200)))
})

t.test('R5: while the store is away each is told, and those after it are not held up', async (t) => {
  const { here, fail } = world()
  const away = new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE')
  fail(away)
  const results = await Promise.allSettled(ids.slice(0, 10).map((id) => here.add(alice, id)))
  t.ok(results.every((result) => result.status === 'rejected' && result.reason === away))
  fail()
  await here.add(alice, 'x')
  t.same(await here.list(alice), ['x'])
})

t.test('twice the same is once, and what is over does not count', async (t) => {
  const { clock, here } = world()
  t.same(await Promise.all([here.add(alice, 'a'), here.add(alice, 'a'), here.add(alice, 'b')]), [[], [], ['a']], 'each is told of the others')
  t.same(await here.list(alice), ['a', 'b'])
  await clock.advance(lifetime / 2)
  await here.add(alice, 'b')
  await clock.advance(lifetime / 2)
  t.same(await here.list(alice), ['b'])
})
