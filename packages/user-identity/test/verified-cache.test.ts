import { createClock } from '@consentry/testing'
import t from 'tap'
import { userInfoFromClaims, type Client, type UserInfo } from '../src/index.ts'
import { verifiedCache, type CacheOptions } from '../src/verified-cache.ts'

function setup (options: CacheOptions = {}) {
  const clock = createClock(1_000_000)
  const cache = verifiedCache(options, clock)
  let checks = 0
  const person = (sub: string, exp?: number) => userInfoFromClaims({ iss: 'i', sub, exp }, { source: 'jwt', verified: true })
  const check = (key: string, exp?: number) => cache.check(key, async () => {
    checks++
    await Promise.resolve()
    return person(key, exp)
  })
  return { clock, cache, check, checks: () => checks, person }
}

t.test('T18: at most for its lifetime, and never beyond exp', async (t) => {
  const { clock, check, checks } = setup({ lifetime: 60 })
  await check('a')
  await check('short', 1010)
  await clock.advance(9_999)
  await check('short', 1010)
  t.equal(checks(), 2)
  await clock.advance(1)
  await check('short', 1010)
  t.equal(checks(), 3, 'expired')
  await check('short', 1010)
  t.equal(checks(), 4, 'what has expired is not remembered, though within the tolerance it may verify')
  await clock.advance(49_999)
  await check('a')
  t.equal(checks(), 4)
  await clock.advance(1)
  await check('a')
  t.equal(checks(), 5, 'using it does not lengthen its life')
  clock.step(-3_600_000)
  await clock.advance(60_000)
  await check('a')
  t.equal(checks(), 6, 'a clock that is set back neither (R16)')
})

t.test('T18: bounded; who was not used for the longest time makes room', async (t) => {
  const { check, checks } = setup({ maxEntries: 3 })
  for (const key of ['a', 'b', 'c', 'a', 'd']) await check(key)
  t.equal(checks(), 4)
  for (const key of ['a', 'c', 'd']) await check(key)
  t.equal(checks(), 4)
  await check('b')
  t.equal(checks(), 5)
})

t.test('T18: a hundred thousand credentials do not fill the memory', async (t) => {
  const { cache, person } = setup({ maxEntries: 100 })
  const anyone = person('anyone')
  let checks = 0
  const check = (n: number) => cache.check(`key ${n}`, async () => {
    checks++
    return anyone
  })
  for (let n = 0; n < 100_000; n++) await check(n)
  for (let n = 99_900; n < 100_000; n++) await check(n)
  t.equal(checks, 100_000)
  await check(99_899)
  t.equal(checks, 100_001)
})

t.test('T18: checks of the same credential at the same time are one; failures are not remembered', async (t) => {
  const { cache, check, checks } = setup()
  await Promise.all(Array.from({ length: 50 }, () => check('a')))
  t.equal(checks(), 1)
  let failures = 0
  const fail = () => cache.check('bad', async () => {
    failures++
    await Promise.resolve()
    throw new Error('bad')
  })
  await Promise.all([t.rejects(fail(), /bad/), t.rejects(fail(), /bad/)])
  t.equal(failures, 1)
  await t.rejects(fail(), /bad/)
  t.equal(failures, 2)
  t.match(await check('bad'), { subject: 'bad' })
})

t.test('T18: who is forgotten is forgotten, also while being checked', async (t) => {
  const { cache, check, checks, person } = setup()
  for (const key of ['a', 'b']) await check(key)
  cache.forget(({ userId }) => userId === person('a').userId)
  await check('b')
  t.equal(checks(), 2)
  await check('a')
  t.equal(checks(), 3)
  cache.forget()
  for (const key of ['a', 'b']) await check(key)
  t.equal(checks(), 5)

  let answer: (userInfo: UserInfo) => void = () => {}
  const slow = cache.check('c', () => new Promise((resolve) => { answer = resolve }))
  cache.forget(({ userId }) => userId === person('c').userId)
  const later = check('c')
  t.equal(checks(), 6, 'who comes later does not get the older answer')
  answer(person('old'))
  t.match(await slow, { subject: 'old' })
  t.match(await later, { subject: 'c' })

  const alone = cache.check('d', () => new Promise((resolve) => { answer = resolve }))
  cache.forget(() => false)
  answer(person('d'))
  await alone
  await check('d')
  t.equal(checks(), 7, 'nor is it remembered')
})

t.test('at 0 nothing is remembered', async (t) => {
  for (const options of [{ maxEntries: 0 }, { lifetime: 0 }]) {
    const { check, checks } = setup(options)
    await check('a')
    await check('a')
    t.equal(checks(), 2)
  }
  for (const options of [{ maxEntries: -1 }, { maxEntries: 1.5 }, { lifetime: -1 }, { lifetime: Infinity }, { lifetime: NaN }]) {
    t.throws(() => setup(options), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
  }
})

t.test('T16: a check that several share is for nothing when all of them are gone', async (t) => {
  const { cache, person } = setup()
  const gone = new Set<string>()
  const client = (name: string) => ({ address: name, isGone: () => gone.has(name) })
  let seen: Client = {}
  let answer: (userInfo: UserInfo) => void = () => {}
  const shared = [cache.check('a', (client) => new Promise((resolve) => { seen = client; answer = resolve }), client('one')), cache.check('a', () => { throw new Error('shared') }, client('two'))]
  t.equal(seen.address, 'one')
  gone.add('one')
  t.equal(seen.isGone?.(), false)
  gone.add('two')
  t.equal(seen.isGone?.(), true)
  const third = cache.check('a', () => { throw new Error('shared') })
  t.equal(seen.isGone?.(), false, 'who does not say is there')
  answer(person('a'))
  for (const userInfo of await Promise.all([...shared, third])) t.equal(userInfo.subject, 'a')
})
