import t from 'tap'
import { ConsentryError } from '../src/errors.ts'
import type { TokenSet } from '../src/grant.ts'
import { createGiveBack } from '../src/give-back.ts'
import { memoryTokens } from '../src/memory-tokens.ts'
import type { TokenStore, VersionedGrant } from '../src/ports.ts'
import { createRefresh, type Refresh } from '../src/refresh.ts'
import { createRenewal, type Renewal } from '../src/renewal.ts'
import { createClock, type ManualClock } from '@consentry/testing'
import { account, alice, codeOf, fakeProvider, grantOf, keyOf, minute, rest, type FakeProvider } from './world.ts'

const key = keyOf(alice)
const start = 1_700_000_000_000
const unavailable = (retryAfter?: number) => new ConsentryError('CONSENTRY_ERR_PROVIDER_UNAVAILABLE', retryAfter === undefined ? {} : { retryAfter })
const invalidGrant = () => new ConsentryError('CONSENTRY_ERR_REAUTH_REQUIRED')

interface Bench {
  clock: ManualClock
  tokens: TokenStore
  github: FakeProvider
  refresh: Refresh
  seen: VersionedGrant
  /** Another process, with the same stores and the same provider. */
  another: (tokens?: TokenStore) => Refresh
  stored: () => Promise<VersionedGrant>
}

async function bench (values: Parameters<typeof grantOf>[0] = { expiresAt: start + 30_000 }, tokens: TokenStore = memoryTokens()): Promise<Bench> {
  const clock = createClock(start)
  const github = fakeProvider()
  const another = (store = tokens): Refresh => createRefresh({ tokens: store, clock, refreshBuffer: minute, renewal: createRenewal({ provider: () => github, subject: async () => undefined }), audit: () => {}, giveBack: createGiveBack({ tokens: store, provider: () => github, onError: () => {} }), onReauthRequired: () => {} })
  await tokens.save(key, grantOf(values), undefined)
  const stored = async (): Promise<VersionedGrant> => await tokens.load(key) as VersionedGrant
  return { clock, tokens, github, refresh: another(), another, seen: await stored(), stored }
}

/** A store whose lock locks nobody out, as one whose lease ran out. */
const unlocked = (tokens: TokenStore): TokenStore => ({ ...tokens, withLock: async (_key, _seen, fn) => ({ result: await fn() }) })

t.test('R1, seed C: SessionManager: five readers make one request, and get the same tokens', async (t) => {
  const { refresh, github, seen, stored } = await bench()
  const grants = await Promise.all(Array.from({ length: 5 }, () => refresh(key, seen)))
  t.same(github.refreshes, ['stored-refresh'])
  t.same(new Set(grants.map(({ record }) => record.accessToken)), new Set(['access-1']))
  t.same(grants[0], await stored())
  t.match(grants[0]?.record, { refreshToken: 'refresh-1', expiresAt: start + 3600_000, scopes: ['read'], requestedScopes: ['read'], createdAt: start })
  t.equal((await refresh(key, seen)).record.accessToken, 'access-1', 'who comes late with the old version too')
  t.equal(github.refreshes.length, 1)
})

t.test('P14: who joins asks no store either', async (t) => {
  const inner = memoryTokens()
  const asked: string[] = []
  const { refresh, seen } = await bench(undefined, {
    ...inner,
    load (key) { asked.push('load'); return inner.load(key) },
    withLock (...args) { asked.push('withLock'); return inner.withLock(...args) }
  })
  asked.length = 0
  await Promise.all(Array.from({ length: 5 }, () => refresh(key, seen)))
  t.same(asked, ['withLock'])
})

t.test('R1: two processes are kept apart by the lock', async (t) => {
  const { refresh, another, github, seen } = await bench()
  const [one, two] = await Promise.all([refresh(key, seen), another()(key, seen)])
  t.equal(github.refreshes.length, 1)
  t.same(one, two)
})

t.test('R1: what another stored meanwhile is renewed when it is over too, or was derived from what is no more', async (t) => {
  const { tokens, refresh, github, clock, seen } = await bench()
  const again = await tokens.save(key, grantOf({ expiresAt: start, refreshToken: 'newer-refresh' }), seen.version)
  t.equal((await refresh(key, seen)).record.accessToken, 'access-1')
  t.same(github.refreshes, ['newer-refresh'])
  t.not((await tokens.load(key))?.version, again)

  const renewal: Renewal = {
    plan: async () => ({ scopes: [], requestedScopes: [], derivedFrom: 'second', request: async () => ({ accessToken: 'derived anew', tokenType: 'bearer', expiresIn: 3600 }) }),
    suffices: () => true
  }
  const deriving = createRefresh({ tokens, clock, refreshBuffer: minute, renewal, audit: () => {}, giveBack: createGiveBack({ tokens, provider: () => github, onError: () => {} }), onReauthRequired: () => {} })
  t.equal((await deriving(key, seen)).record.accessToken, 'derived anew')
})

t.test('R2: without the lock the one whose save came late takes the winner\'s tokens', async (t) => {
  const { tokens, another, github, seen, stored } = await bench()
  const answers: Array<() => void> = []
  github.onRefresh = () => new Promise((resolve) => {
    const n = answers.length
    answers.push(() => resolve({ accessToken: `access-of-${n}`, tokenType: 'bearer', refreshToken: `refresh-of-${n}`, expiresIn: 3600 }))
  })
  const both = Promise.all([another(unlocked(tokens))(key, seen), another(unlocked(tokens))(key, seen)])
  await rest()
  answers[1]?.()
  await rest()
  answers[0]?.()
  t.same((await both).map(({ record }) => record.accessToken), ['access-of-1', 'access-of-1'])
  t.equal((await stored()).record.refreshToken, 'refresh-of-1')
})

t.test('R2: a lock that ended while this process was busy: what was read before is not sent', async (t) => {
  for (const isFaster of [true, false]) {
    const { tokens, another, github, seen } = await bench()
    let lapses = 2
    const steps: string[] = []
    const lapsing: TokenStore = { ...tokens, withLock: (key, known, fn) => tokens.withLock(key, known, () => fn(async () => {
      steps.push(`${github.refreshes.length} sent`)
      if (isFaster && lapses === 2) await tokens.save(key, grantOf({ accessToken: 'newer' }), seen.version)
      return lapses-- === 0
    })) }
    const { record } = await another(lapsing)(key, seen)
    t.same([record.accessToken, ...github.refreshes], isFaster ? ['newer'] : ['access-1', 'stored-refresh'])
    t.same(steps, isFaster ? ['0 sent'] : ['0 sent', '0 sent', '0 sent'], 'asked just before it would be sent')
  }
})

t.test('R3: invalid_grant because another was faster: the newer tokens are taken, not deleted', async (t) => {
  const { tokens, refresh, github, seen, stored } = await bench()
  github.onRefresh = async () => {
    await tokens.save(key, grantOf({ accessToken: 'newer' }), seen.version)
    throw invalidGrant()
  }
  t.equal((await refresh(key, seen)).record.accessToken, 'newer')
  t.equal((await stored()).record.endedAt, undefined)
})

t.test('R3: the loser\'s invalid_grant comes before the winner\'s save: the winner\'s tokens stay', async (t) => {
  const { tokens, another, github, seen, stored } = await bench()
  let answer: ((tokens: TokenSet) => void) | undefined
  github.onRefresh = () => new Promise((resolve) => { answer = resolve })
  const winner = another(unlocked(tokens))(key, seen)
  await rest()
  github.onRefresh = () => { throw invalidGrant() }
  t.equal(await codeOf(another(unlocked(tokens))(key, seen)), 'CONSENTRY_ERR_REAUTH_REQUIRED')
  t.ok((await stored()).record.endedAt)
  answer?.({ accessToken: 'won', tokenType: 'bearer', refreshToken: 'won', expiresIn: 3600 })
  t.equal((await winner).record.accessToken, 'won')
  t.match((await stored()).record, { accessToken: 'won', refreshToken: 'won', endedAt: undefined })
})

t.test('invalid_grant ends the grant: no refresh token is left, and nobody tries again', async (t) => {
  const { refresh, github, seen, stored } = await bench()
  github.onRefresh = () => { throw invalidGrant() }
  t.equal(await codeOf(refresh(key, seen)), 'CONSENTRY_ERR_REAUTH_REQUIRED')
  const { record } = await stored()
  t.same([record.endedAt, record.refreshToken, record.account], [start, undefined, account()], 'the account stays')
  t.equal(await codeOf(refresh(key, seen)), 'CONSENTRY_ERR_REAUTH_REQUIRED')
  t.equal(github.refreshes.length, 1)
})

t.test('R14, seed E: while the provider is away the grant stays and a valid token stays usable', async (t) => {
  for (const error of [unavailable(), new ConsentryError('CONSENTRY_ERR_PROVIDER_MISCONFIGURED'), new Error('bug')]) {
    const { refresh, github, seen, stored } = await bench()
    github.onRefresh = () => { throw error }
    t.same(await refresh(key, seen), seen)
    t.same(await stored(), seen)
  }
})

t.test('R14: with an expired token the error is told, and the grant is kept', async (t) => {
  const { refresh, github, seen, stored } = await bench({ expiresAt: start })
  github.onRefresh = () => { throw unavailable() }
  t.equal(await codeOf(refresh(key, seen)), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE')
  t.same(await stored(), seen)
  const forced = await bench()
  forced.github.onRefresh = () => { throw unavailable() }
  t.equal(await codeOf(forced.refresh(key, forced.seen, { force: true })), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE', 'a token that was refused is not usable')
})

t.test('R14, seed C: SessionManager: a provider that is away is left alone, longer each time, as long as it says', async (t) => {
  const { clock, refresh, github, seen } = await bench({ expiresAt: start })
  github.onRefresh = () => { throw unavailable() }
  const tries = async (): Promise<number> => {
    t.equal(await codeOf(refresh(key, seen)), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE')
    return github.refreshes.length
  }
  t.equal(await tries(), 1)
  t.equal(await tries(), 1)
  await clock.advance(1_000)
  t.equal(await tries(), 2)
  await clock.advance(1_000)
  t.equal(await tries(), 2)
  await clock.advance(1_000)
  t.equal(await tries(), 3)
  for (let minutes = 0; minutes < 20; minutes++) {
    await clock.advance(minute)
    await tries()
  }
  t.equal(github.refreshes.length, 23, 'never longer than a minute')
  await clock.advance(minute)
  github.onRefresh = () => { throw unavailable(30_000) }
  await tries()
  github.onRefresh = () => ({ accessToken: 'back', tokenType: 'bearer', expiresIn: 1 })
  await clock.advance(minute)
  const back = await refresh(key, seen)
  t.equal(back.record.accessToken, 'back')
  await clock.advance(1_000)
  github.onRefresh = () => { throw unavailable(30_000) }
  t.equal(await codeOf(refresh(key, back)), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE')
  const asked = github.refreshes.length
  await clock.advance(29_000)
  t.equal(await codeOf(refresh(key, back)), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE')
  t.equal(github.refreshes.length, asked, 'Retry-After')
  await clock.advance(1_000)
  github.onRefresh = () => ({ accessToken: 'again', tokenType: 'bearer' })
  t.equal((await refresh(key, back)).record.accessToken, 'again')
})

t.test('seed C: SessionManager: a disconnect beats a refresh that comes home late', async (t) => {
  const { tokens, refresh, github, seen } = await bench()
  let answer: ((tokens: TokenSet) => void) | undefined
  github.onRefresh = () => new Promise((resolve) => { answer = resolve })
  const late = refresh(key, seen)
  await rest()
  await tokens.delete(key)
  answer?.({ accessToken: 'late', tokenType: 'bearer', refreshToken: 'late' })
  t.equal(await codeOf(late), 'CONSENTRY_ERR_REAUTH_REQUIRED')
  t.notOk(await tokens.exists(key))
  t.same(github.revoked, ['late'], 'and what came is revoked')
  t.equal(await codeOf(refresh(key, seen)), 'CONSENTRY_ERR_REAUTH_REQUIRED')
})

t.test('R4: a store that is away for a moment does not lose the new tokens', async (t) => {
  const inner = memoryTokens()
  let failures = 0
  const tokens: TokenStore = { ...inner, save: async (...args) => { if (failures-- > 0) throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE'); return inner.save(...args) } }
  const { clock, refresh, seen, stored, github } = await bench({ expiresAt: start + 30_000 }, tokens)
  failures = 2
  const renewed = refresh(key, seen)
  await clock.advance(1_000)
  t.equal((await renewed).record.accessToken, 'access-1')
  t.same(await stored(), await renewed)
  failures = Infinity
  const lost = codeOf(refresh(key, await stored(), { force: true }))
  await clock.advance(5_000)
  t.equal(await lost, 'CONSENTRY_ERR_STORE_UNAVAILABLE')
  t.equal(github.refreshes.length, 2)
})

t.test('what the answer leaves out stays; what it brings replaces', async (t) => {
  const { refresh, github, seen } = await bench({ expiresAt: start, scopes: ['a', 'b'], requestedScopes: ['a', 'b', 'c'] })
  github.onRefresh = () => ({ accessToken: 'new', tokenType: 'bearer' })
  const { record } = await refresh(key, seen)
  t.same([record.refreshToken, record.scopes, record.requestedScopes, record.account, record.expiresAt], ['stored-refresh', ['a', 'b'], ['a', 'b', 'c'], account(), undefined])
  t.same(record.createdAt, start)
  const other = await bench({ expiresAt: start, scopes: ['a', 'b'] })
  other.github.onRefresh = () => ({ accessToken: 'new', tokenType: 'bearer', refreshToken: 'rotated', scopes: ['a'] })
  t.match((await other.refresh(key, other.seen)).record, { refreshToken: 'rotated', scopes: ['a'] })
})

t.test('what was told of the account stays when a refresh says no more than who it is', async (t) => {
  const { refresh, github, seen } = await bench()
  github.onRefresh = () => ({ accessToken: 'new', tokenType: 'bearer', expiresIn: 3600, account: { ...account(), claims: { sub: 'octocat' } } })
  t.match((await refresh(key, seen)).record.account, { subject: 'octocat', claims: { sub: 'octocat', email: 'octocat@example.com' } })
})

t.test('odd lifetimes: one request each time, and no loop', async (t) => {
  for (const [expiresIn, expected] of [[0, start], [-5, start], [-Infinity, start], [1e300, start + 366 * 24 * 3600_000], [Infinity, start + 366 * 24 * 3600_000], [Number.NaN, undefined], [undefined, undefined]] as const) {
    const { refresh, github, seen, stored } = await bench()
    github.onRefresh = () => ({ accessToken: 'new', tokenType: 'bearer', ...(expiresIn !== undefined && { expiresIn }) })
    const { record } = await refresh(key, seen)
    t.equal(record.expiresAt, expected, String(expiresIn))
    t.equal(github.refreshes.length, 1)
    t.same(await stored(), { record, version: (await stored()).version }, 'survives being stored')
  }
})

t.test('without a refresh token, or in an ended grant, there is nothing to renew', async (t) => {
  const { refreshToken: _refreshToken, ...record } = grantOf({ expiresAt: start })
  const tokens = memoryTokens()
  const { refresh, github } = await bench({}, tokens)
  const seen = await tokens.load(key) as VersionedGrant
  const version = await tokens.save(key, record, seen.version) as string
  t.equal(await codeOf(refresh(key, { record, version })), 'CONSENTRY_ERR_REAUTH_REQUIRED')
  t.equal(github.refreshes.length, 0)
})

t.test('R12: refreshes of one provider go through a limit, and a token that works does not wait for a place', async (t) => {
  const { tokens, refresh, github } = await bench()
  const release: Array<() => void> = []
  github.onRefresh = () => new Promise((resolve) => { release.push(() => { resolve({ accessToken: 'new', tokenType: 'bearer', refreshToken: 'new', expiresIn: 3600 }) }) })
  const flights: Array<Promise<VersionedGrant>> = []
  const start40 = async (prefix: string, expiresAt: number): Promise<void> => {
    for (let user = 0; user < 40; user++) {
      const of = keyOf({ tenant: 'default', userId: `${prefix}-${user}` })
      await tokens.save(of, grantOf({ expiresAt }), undefined)
      flights.push(refresh(of, await tokens.load(of)))
    }
    await rest()
  }
  await start40('expired', start)
  t.equal(github.refreshes.length, 16)
  await start40('stale', start + 30_000)
  t.same(new Set((await Promise.all(flights.slice(40))).map(({ record }) => record.accessToken)), new Set(['stored-access']))
  for (let turn = 0; turn < 40; turn++) {
    release.shift()?.()
    await rest(1)
  }
  await Promise.all(flights)
  t.equal(github.refreshes.length, 40)
})

t.test('R12: who waits for a place holds no lock, and takes what another process has stored meanwhile', async (t) => {
  const inner = memoryTokens()
  let [held, most] = [0, 0]
  const { tokens, refresh, github, clock } = await bench({ expiresAt: start }, { ...inner, withLock: (key, seen, fn) => {
    most = Math.max(most, ++held)
    return inner.withLock(key, seen, fn).finally(() => { held-- })
  } })
  const answers: Array<() => void> = []
  github.onRefresh = () => new Promise((resolve) => { answers.push(() => resolve({ accessToken: 'new', tokenType: 'bearer', expiresIn: 3600 })) })
  const keys = Array.from({ length: 100 }, (_, index) => keyOf(alice, 'github', `p${index}`))
  for (const each of keys) await tokens.save(each, grantOf({ expiresAt: start }), undefined)
  const all = Promise.all(keys.map(async (each) => refresh(each, await tokens.load(each))))
  await rest()
  t.equal(answers.length, 16)
  t.equal(most, 16)
  const last = await tokens.load(keys[99] as typeof key)
  await tokens.save(keys[99] as typeof key, grantOf({ accessToken: 'of another', expiresAt: clock.now() + 60 * minute }), last?.version)
  while (answers.length > 0) {
    answers.shift()?.()
    await rest()
  }
  t.equal((await all)[99]?.record.accessToken, 'of another')
  t.equal(github.refreshes.length, 99)
})

t.test('R14: how long a provider asks to be left alone holds for all its grants', async (t) => {
  const { clock, tokens, refresh, github } = await bench()
  github.onRefresh = () => { throw unavailable(30_000) }
  const ask = async (user: string): Promise<string> => {
    const of = keyOf({ tenant: 'default', userId: user })
    if (!await tokens.exists(of)) await tokens.save(of, grantOf({ expiresAt: start }), undefined)
    return codeOf(refresh(of, await tokens.load(of)))
  }
  for (let user = 0; user < 50; user++) t.equal(await ask(`user-${user}`), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE')
  t.equal(github.refreshes.length, 1)
  await clock.advance(31_000)
  github.onRefresh = () => ({ accessToken: 'new', tokenType: 'bearer', expiresIn: 3600 })
  t.equal(await ask('user-7'), 'none')
})

t.test('R14: the rest after a failure is a little shorter by chance', async (t) => {
  const tries = new Set<number>()
  for (let grant = 0; grant < 40; grant++) {
    const { clock, refresh, github, seen } = await bench({ expiresAt: start })
    github.onRefresh = () => { throw unavailable() }
    await codeOf(refresh(key, seen))
    let waited = 0
    while (github.refreshes.length === 1) {
      waited += 25
      await clock.advance(25)
      await codeOf(refresh(key, seen))
    }
    t.ok(waited > 700 && waited <= 1_025, `${waited} ms`)
    tries.add(waited)
  }
  t.ok(tries.size > 2)
})

t.test('R3: a consent to more that lands during a refresh, and brings no refresh token, gets the new one', async (t) => {
  const { tokens, refresh, github, seen, stored } = await bench()
  github.onRefresh = async () => {
    await tokens.save(key, grantOf({ accessToken: 'wider', scopes: ['read', 'write'] }), seen.version)
    return { accessToken: 'renewed', tokenType: 'bearer', refreshToken: 'next', expiresIn: 3600 }
  }
  await refresh(key, seen)
  t.match((await stored()).record, { accessToken: 'wider', refreshToken: 'next', scopes: ['read', 'write'] })
})

t.test('disconnected and connected anew during a refresh: what comes home late is given back, whoever is there now', async (t) => {
  for (const now of [{ account: account(), endedAt: undefined }, { account: account('other'), endedAt: undefined }, { account: account('other'), endedAt: start }]) {
    const { tokens, refresh, github, seen, stored } = await bench()
    const { endedAt, ...rest } = now
    const anew = grantOf({ accessToken: 'anew', createdAt: start + 1, ...rest, ...(endedAt !== undefined && { endedAt }) })
    github.onRefresh = async () => {
      await tokens.delete(key)
      await tokens.save(key, anew, undefined)
      return { accessToken: 'late', tokenType: 'bearer', refreshToken: 'late', expiresIn: 3600 }
    }
    t.equal(await codeOf(refresh(key, seen)), endedAt === undefined ? 'none' : 'CONSENTRY_ERR_REAUTH_REQUIRED')
    t.same((await stored()).record, anew)
    t.same(github.revoked, ['late'])
  }
})
