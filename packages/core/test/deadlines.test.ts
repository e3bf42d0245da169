import * as fc from 'fast-check'
import t from 'tap'
import { createClock } from '@consentry/testing'
import { systemClock } from '../src/clock.ts'
import { createDeadlines } from '../src/deadlines.ts'

t.test('never early, at most a sixteenth late, and in order', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.integer({ min: 0, max: 100_000 }), fc.integer({ min: 0, max: 5_000 })), { minLength: 1, maxLength: 40 }), async (plan) => {
    const clock = createClock(0)
    const deadlines = createDeadlines(clock)
    const fired: Array<{ index: number, at: number }> = []
    const set: Array<{ at: number, ms: number }> = []
    for (const [index, [ms, pause]] of plan.entries()) {
      set.push({ at: clock.monotonic(), ms })
      deadlines.add(ms, (index) => { fired.push({ index, at: clock.monotonic() }) }, index)
      if (clock.timers > 1) throw new Error('more than one timer')
      await clock.advance(pause)
    }
    await clock.advance(200_000)
    if (fired.length !== plan.length) throw new Error('lost')
    for (const { index, at } of fired) {
      const { at: from, ms } = set[index] ?? { at: 0, ms: 0 }
      if (at - from < ms) throw new Error('early')
      if (at - from > Math.max(ms * 17 / 16, 1)) throw new Error('late')
    }
    if (deadlines.size !== 0 || clock.timers !== 0) throw new Error('left behind')
  }), { numRuns: 60 })
})

t.test('deadlines of one length end in the order in which they were set', async (t) => {
  const clock = createClock(0)
  const deadlines = createDeadlines(clock)
  const fired: number[] = []
  for (let index = 0; index < 20; index++) deadlines.add(1_000, (index) => { fired.push(index) }, index)
  await clock.advance(1_100)
  t.same(fired, Array.from({ length: 20 }, (_, index) => index))
})

t.test('what is cancelled does not happen; what is added on the way does', async (t) => {
  const clock = createClock(0)
  const deadlines = createDeadlines(clock)
  const fired: string[] = []
  const mark = (name: string): void => { fired.push(name) }
  const early = deadlines.add(100, mark, 'early')
  deadlines.add(5_000, mark, 'kept')
  deadlines.add(200, () => { deadlines.add(200, mark, 'nested'); later.cancel() }, undefined)
  const later = deadlines.add(300, mark, 'later')
  early.cancel()
  early.cancel()
  t.equal(deadlines.size, 3)
  await clock.advance(1_000)
  t.same(fired, ['nested'])
  await clock.advance(5_000)
  t.same(fired, ['nested', 'kept'])
  deadlines.add(100, mark, 'closed')
  deadlines.close()
  t.equal(clock.timers, 0)
  await clock.advance(1_000)
  t.equal(fired.length, 2)
})

t.test('lengths that are none', async (t) => {
  const clock = createClock(0)
  const deadlines = createDeadlines(clock)
  const fired: number[] = []
  for (const ms of [Number.NaN, -Infinity, -1, 0, 0.5]) deadlines.add(ms, (ms) => { fired.push(ms) }, ms)
  deadlines.add(Infinity, () => { fired.push(Infinity) }, undefined)
  deadlines.add(2 ** 40, () => { fired.push(2 ** 40) }, undefined)
  await clock.advance(1)
  t.equal(fired.length, 5)
  await clock.advance(1e9)
  t.equal(fired.length, 5)
  t.equal(clock.timers, 1)
  deadlines.close()
  deadlines.add(Number.NaN, () => { fired.push(6) }, undefined)
  deadlines.add(Infinity, () => { fired.push(Infinity) }, undefined)
  deadlines.add(1_000, () => { fired.push(7) }, undefined)
  await clock.advance(0)
  t.equal(fired.length, 5)
  await clock.advance(1)
  t.equal(fired.length, 6)
  await clock.advance(1_100)
  t.equal(fired.length, 7, 'and others are not kept from their time')
})

t.test('the machine\'s clock: never early, cancellable, and no delay is too long for it', async (t) => {
  const deadlines = createDeadlines(systemClock)
  const from = systemClock.monotonic()
  const keepAlive = setTimeout(() => {}, 5_000)
  deadlines.add(2 ** 33, () => { t.fail('at once') }, undefined)
  systemClock.timer(5, () => { t.fail('cancelled') })()
  await new Promise<void>((resolve) => { deadlines.add(30, resolve, undefined) })
  t.ok(systemClock.monotonic() - from >= 30)
  t.ok(Math.abs(systemClock.now() - Date.now()) < 100)
  clearTimeout(keepAlive)
  deadlines.close()
})
