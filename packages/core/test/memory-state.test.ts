import t from 'tap'
import { createClock, stateStoreContract } from '@consentry/testing'
import { memoryState } from '../src/memory-state.ts'
import { codeOf, rest } from './world.ts'

const limits = { ttl: 1_000, limit: 3 }

t.test('values: get, set, take, and the end of their time', async (t) => {
  const clock = createClock(0)
  const state = memoryState({ clock })
  t.equal(await state.get('a'), undefined)
  await state.set('a', '1', 1_000)
  await clock.advance(999)
  t.equal(await state.get('a'), '1')
  await clock.advance(1)
  t.equal(await state.get('a'), undefined, 'to the millisecond, whenever the sweep comes')
  t.equal(await state.take('a'), undefined)
  await state.set('a', '1', 1_000)
  t.same(await Promise.all([state.take('a'), state.take('a'), state.take('a')]), ['1', undefined, undefined], 'one gets it')
})

t.test('a later write decides how long a value lasts, be it longer or shorter', async (t) => {
  const clock = createClock(0)
  const state = memoryState({ clock })
  await state.set('long', '1', 1_000)
  await state.set('long', '2', 10_000)
  await state.set('short', '1', 10_000)
  await state.set('short', '2', 1_000)
  await clock.advance(5_000)
  t.equal(await state.get('long'), '2')
  t.equal(await state.get('short'), undefined)
  await clock.advance(6_000)
  t.equal(await state.get('long'), undefined)
  t.equal(clock.timers, 0, 'and the sweep has found them all')
  for (const ttl of [Number.NaN, -1, 0]) {
    await state.set('odd', '1', ttl)
    t.equal(await state.get('odd'), undefined)
  }
  await state.set('endless', '1', Infinity)
  await state.set('next', '1', 1_000)
  await clock.advance(2_000)
  t.equal(await state.get('endless'), '1')
  t.equal(await state.get('next'), undefined)
})

t.test('compare and set', async (t) => {
  const clock = createClock(0)
  const state = memoryState({ clock })
  t.notOk(await state.compareAndSet('a', 'x', '1', 1_000))
  t.ok(await state.compareAndSet('a', undefined, '1', 1_000))
  t.notOk(await state.compareAndSet('a', undefined, '2', 1_000))
  t.notOk(await state.compareAndSet('a', 'x', undefined, 0))
  t.ok(await state.compareAndSet('a', '1', '2', 2_000))
  await clock.advance(1_500)
  t.equal(await state.get('a'), '2', 'with its new lifetime')
  await clock.advance(500)
  t.notOk(await state.compareAndSet('a', '2', '3', 1_000), 'what has expired is not there')
  t.ok(await state.compareAndSet('a', undefined, '3', 1_000))
  t.ok(await state.compareAndSet('a', '3', undefined, 0))
  t.equal(await state.get('a'), undefined)
  const winners = await Promise.all(Array.from({ length: 50 }, (_, index) => state.compareAndSet('b', undefined, String(index), 1_000)))
  t.equal(winners.filter(Boolean).length, 1)
})

t.test('logs: gapless numbers, the newest entries, read after', async (t) => {
  const clock = createClock(0)
  const state = memoryState({ clock })
  t.same(await state.read('l', 0), [])
  t.same(await Promise.all(['a', 'b', 'c', 'd', 'e'].map((value) => state.append('l', value, limits))), [1, 2, 3, 4, 5])
  t.same(await state.read('l', 0), [{ seq: 3, value: 'c' }, { seq: 4, value: 'd' }, { seq: 5, value: 'e' }])
  t.same(await state.read('l', 4), [{ seq: 5, value: 'e' }])
  t.same(await state.read('l', 5), [])
  t.same(await state.read('l', 99), [])
  t.equal((await state.read('l', -1)).length, 3)
  await clock.advance(900)
  await state.append('l', 'f', limits)
  await clock.advance(900)
  t.equal((await state.read('l', 0)).length, 3, 'kept alive by what is appended')
  await clock.advance(100)
  t.same(await state.read('l', 0), [])
  t.equal(await state.append('l', 'new', limits), 1)
})

t.test('R2: a lock has one holder, ends by itself, and is renewed and released by its holder alone', async (t) => {
  const clock = createClock(0)
  const state = memoryState({ clock })
  const first = await state.lock('l', 1_000)
  t.equal(await state.lock('l', 1_000), undefined)
  await clock.advance(900)
  t.ok(await first?.renew(1_000))
  await clock.advance(900)
  t.equal(await state.lock('l', 1_000), undefined, 'renewed')
  await clock.advance(100)
  const second = await state.lock('l', 1_000)
  t.ok(second && first && second.fence > first.fence)
  t.equal(await first?.renew(1_000), false)
  await first?.release()
  t.equal(await state.lock('l', 1_000), undefined, 'the late one released nothing')
  await second?.release()
  await second?.release()
  const third = await state.lock('l', 1_000)
  t.ok(third && second && third.fence > second.fence)
  t.ok(await state.lock('other', 1_000))
})

t.test('publish reaches who listens now, never within the caller\'s own step', async (t) => {
  const state = memoryState()
  const heard: string[] = []
  const stop = await state.subscribe('c', (message) => { heard.push(`1${message}`) })
  await state.subscribe('c', (message) => { heard.push(`2${message}`) })
  const published = state.publish('c', 'a')
  t.same(heard, [])
  await published
  await rest()
  await state.publish('other', 'x')
  await stop()
  await stop()
  await state.publish('c', 'b')
  await rest()
  t.same(heard, ['1a', '2a', '2b'])
})

t.test('hostile keys are keys like others', async (t) => {
  const state = memoryState()
  const keys = ['a__b', 'a', '.*', '*', '/', '%', '__proto__', 'constructor', '', 'ключ', '\u{1F511}', 'a\0b', 'a\nb']
  for (const key of keys) {
    await state.set(key, `value of ${key}`, 60_000)
    await state.append(key, `entry of ${key}`, { ttl: 60_000, limit: 5 })
  }
  for (const key of keys) {
    t.equal(await state.get(key), `value of ${key}`)
    t.same(await state.read(key, 0), [{ seq: 1, value: `entry of ${key}` }])
  }
  await state.take('*')
  t.equal(await state.get('a'), 'value of a')
})

t.test('T16: full, it refuses what is new and evicts nobody\'s', async (t) => {
  const clock = createClock(0)
  const state = memoryState({ clock, maxEntries: 3 })
  await state.set('a', '1', 1_000)
  await state.append('b', '1', limits)
  await state.lock('c', 1_000)
  t.equal(await codeOf(state.set('d', '1', 1_000)), 'CONSENTRY_ERR_STORE_UNAVAILABLE')
  t.equal(await codeOf(state.append('d', '1', limits)), 'CONSENTRY_ERR_STORE_UNAVAILABLE')
  t.equal(await codeOf(state.lock('d', 1_000)), 'CONSENTRY_ERR_STORE_UNAVAILABLE')
  t.equal(await codeOf(state.compareAndSet('d', undefined, '1', 1_000)), 'CONSENTRY_ERR_STORE_UNAVAILABLE')
  await state.set('a', '2', 1_000)
  t.equal(await state.append('b', '2', limits), 2, 'what is there can still change')
  t.same([await state.get('a'), await state.get('d')], ['2', undefined])
  await clock.advance(1_100)
  await state.set('d', '1', 1_000)
  t.equal(await state.get('d'), '1', 'room again after the end of others')
})

t.test('what was given less time is swept in that time', async (t) => {
  const clock = createClock(0)
  const state = memoryState({ clock, maxEntries: 1 })
  await state.set('a', '1', 60_000)
  await state.set('a', '2', 1_000)
  await clock.advance(1_100)
  await state.set('b', '1', 1_000)
  t.equal(await state.get('b'), '1')
})

t.test('one timer for all, and none after close', async (t) => {
  const clock = createClock(0)
  const state = memoryState({ clock })
  for (let index = 0; index < 1_000; index++) await state.set(`k${index}`, 'v', 1_000 + index % 7 * 500)
  t.equal(clock.timers, 1)
  await state.close?.()
  t.equal(clock.timers, 0)
  t.equal(await state.get('k1'), undefined)
})

t.test('the contract of state stores', async (t) => {
  const state = memoryState()
  t.teardown(() => state.close?.())
  stateStoreContract(t, { open: () => state })
})
