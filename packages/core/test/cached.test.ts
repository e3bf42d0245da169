import { createClock } from '@consentry/testing'
import t from 'tap'
import { cached } from '../src/cached.ts'

const times = { freshFor: 1000, staleFor: 5000, failureCooldown: 100, renewCooldown: 500 }

function setup () {
  const clock = createClock(0)
  const source: { loads: number, down: boolean } = { loads: 0, down: false }
  const cache = cached(async () => {
    source.loads++
    await Promise.resolve()
    if (source.down) throw new Error(`down ${source.loads}`)
    return { n: source.loads }
  }, { ...times, clock })
  return { clock, source, cache }
}

t.test('R15: one load at a time, and none while fresh', async (t) => {
  const { clock, source, cache } = setup()
  const [first, ...others] = await Promise.all(Array.from({ length: 50 }, () => cache.get()))
  t.ok(others.every((value) => value === first))
  await clock.advance(999)
  t.equal(await cache.get(), first)
  t.equal(source.loads, 1)
})

t.test('R15: a stale value is used while a newer one is loaded, within a bound', async (t) => {
  const { clock, source, cache } = setup()
  const first = await cache.get()
  await clock.advance(1000)
  t.equal(await cache.get(), first)
  await clock.advance(0)
  t.match(await cache.get(), { n: 2 })
  source.down = true
  await clock.advance(4999)
  t.match(await cache.get(), { n: 2 }, 'down, but not stale for too long')
  await clock.advance(100)
  await t.rejects(cache.get(), /down/)
})

t.test('a failure is remembered for the cooldown alone', async (t) => {
  const { clock, source, cache } = setup()
  source.down = true
  await t.rejects(Promise.all([cache.get(), cache.get()]), /down 1/)
  await t.rejects(cache.get(), /down 1/)
  t.equal(source.loads, 1)
  await clock.advance(100)
  source.down = false
  t.match(await cache.get(), { n: 2 })
})

t.test('R15: one renewal per cooldown, whoever asks', async (t) => {
  const { clock, source, cache } = setup()
  const first = await cache.get()
  const renewed = await Promise.all(Array.from({ length: 20 }, () => cache.renew(first)))
  t.equal(source.loads, 2, 'also right after the load')
  t.equal(new Set(renewed).size, 1)
  const second = renewed[0] ?? first
  t.equal(await cache.renew(first), second, 'who knows an old one gets the newer one')
  t.equal(await cache.renew(second), second, 'cooling down')
  t.equal(source.loads, 2)
  await clock.advance(500)
  t.match(await cache.renew(second), { n: 3 })
})

t.test('a renewal that fails says so, and does not lose the value', async (t) => {
  const { clock, source, cache } = setup()
  const first = await cache.get()
  source.down = true
  await t.rejects(cache.renew(first), /down 2/)
  await t.rejects(cache.renew(first), /down 2/)
  t.equal(source.loads, 2)
  t.equal(await cache.get(), first)
  source.down = false
  await clock.advance(500)
  t.match(await cache.renew(first), { n: 3 })
})
