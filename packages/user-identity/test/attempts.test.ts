import { ConsentryError, memoryState, type StateStore } from '@consentry/core'
import { createClock } from '@consentry/testing'
import fc from 'fast-check'
import t from 'tap'
import { networkOf } from '../src/client.ts'
import { createIdentity, hashApiKey, type AttemptLimits, type IdentityOptions } from '../src/index.ts'
import { audience, testIssuer } from './issuer.ts'
import { basic } from './passwords.ts'

const secret = 'a secret of the tests that is long enough'
const invalid = 'CONSENTRY_ERR_CREDENTIAL_INVALID'
const tooMany = 'CONSENTRY_ERR_TOO_MANY_REQUESTS'
const start = 1_800_000_000_000

function setup ({ limits = {}, more = {}, maxEntries = 10_000 }: { limits?: AttemptLimits, more?: IdentityOptions, maxEntries?: number } = {}) {
  const clock = createClock(start)
  const memory = memoryState({ clock, maxEntries })
  const asked = { read: 0, append: 0 }
  const down = { now: false }
  const count = <Args extends unknown[], Result>(name: keyof typeof asked, method: (...args: Args) => Promise<Result>) => async (...args: Args): Promise<Result> => {
    asked[name]++
    if (down.now) throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE')
    return method(...args)
  }
  const state: Pick<StateStore, 'append' | 'read'> = { read: count('read', (...args: Parameters<StateStore['read']>) => memory.read(...args)), append: count('append', (...args: Parameters<StateStore['append']>) => memory.append(...args)) }
  const checks: string[] = []
  const node = (options: IdentityOptions = {}) => createIdentity({
    apiKey: { secret, find: (hash) => hash.endsWith(hashApiKey('key-1', secret)) ? { id: 'ci' } : undefined },
    basic: {
      realm: 'corp',
      check: async (username, password) => {
        checks.push(username)
        await new Promise((resolve) => { setImmediate(resolve) })
        return password === 'right'
      }
    },
    attempts: { state, ...limits },
    cache: { lifetime: 0 },
    clock,
    ...more,
    ...options
  })
  const identity = node()
  const send = (headers: Record<string, string>, address: string | undefined, by = identity) => by.identify(headers, { address }).then((caller) => caller?.userInfo.subject, (error: unknown) => ConsentryError.is(error) ? error.code : error)
  return {
    clock, asked, down, checks, identity, node,
    key: (key: string, address = '192.0.2.1', by?: typeof identity) => send({ 'x-api-key': key }, address, by),
    send,
    login: (username: string, password: string, address = '192.0.2.1', by?: typeof identity) => send({ authorization: basic(username, password) }, address, by)
  }
}

t.test('T16: ten wrong passwords of one user from one address, counted over all servers, and the check is not made again', async (t) => {
  const { login, node, checks, clock, identity } = setup()
  const other = node()
  for (let n = 0; n < 10; n++) t.equal(await login('alice', `guess ${n}`, '192.0.2.1', n % 2 === 0 ? identity : other), invalid)
  t.equal(checks.length, 10)
  for (const by of [identity, other]) {
    t.equal(await login('alice', 'right', '192.0.2.1', by), tooMany, 'the right one neither: or it would be found by trying')
    t.equal(await login('ALICE', 'x', '192.0.2.1', by), tooMany, 'however the name is written')
  }
  const error = await identity.identify({ authorization: basic('alice', 'x') }, { address: '192.0.2.1' }).catch((error: unknown) => error as ConsentryError)
  t.match(error, { code: tooMany, retryable: true, retryAfter: 300_000 - start % 300_000 })
  t.equal(checks.length, 10)
  t.equal(await login('alice', 'right', '192.0.2.2'), 'alice', 'nobody is locked out by name at another address')
  t.equal(await login('bob', 'right'), 'bob', 'nor by the address alone')
  await clock.advance(300_000)
  t.equal(await login('alice', 'right'), 'alice', 'and it ends')
})

t.test('T16: only failures are counted, and what is remembered asks nobody', async (t) => {
  const { login, key, asked, checks } = setup()
  for (let n = 0; n < 50; n++) t.equal(await login('alice', 'right'), 'alice')
  for (let n = 0; n < 50; n++) t.equal(await key('key-1'), 'ci')
  t.equal(asked.append, 0)
  t.equal(checks.length, 50)
  const remembering = setup({ more: { cache: { lifetime: 60 } } })
  await remembering.login('alice', 'right')
  const before = { ...remembering.asked }
  for (let n = 0; n < 10; n++) await remembering.login('alice', 'wrong')
  t.equal(await remembering.login('alice', 'wrong'), tooMany)
  const locked = { ...remembering.asked }
  for (let n = 0; n < 50; n++) t.equal(await remembering.login('alice', 'right'), 'alice', 'not even when others try the name from there')
  t.same(remembering.asked, locked)
  t.ok(locked.read > before.read)
})

t.test('T16: passwords that are tried at once count before they are answered', async (t) => {
  const { login, checks } = setup()
  const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => login('alice', `guess ${n}`)))
  t.equal(checks.length, 10)
  t.equal(answers.filter((answer) => answer === invalid).length, 10)
  t.equal(answers.filter((answer) => answer === tooMany).length, 190)
  const { login: right } = setup({ limits: { nameAndAddress: { max: 2, window: 60 } } })
  t.same(await Promise.all([right('alice', 'right'), right('alice', 'right'), right('alice', 'right')]), ['alice', 'alice', 'alice'], 'the same one is one')
  t.equal(await right('alice', 'right'), 'alice', 'and gives its place back')
})

t.test('T16: a user name is not guessed from everywhere, and its owner not locked out where they were right before', async (t) => {
  const { login, clock } = setup({ limits: { name: { max: 20, window: 900 } } })
  t.equal(await login('alice', 'right', '198.51.100.7'), 'alice')
  for (let n = 0; n < 20; n++) t.equal(await login('alice', 'guess', `203.0.113.${n}`), invalid)
  t.equal(await login('alice', 'guess', '203.0.113.99'), tooMany)
  t.equal(await login('alice', 'right', '198.51.100.7'), 'alice')
  t.equal(await login('alice', 'right', '198.51.100.8'), tooMany)
  t.equal(await login('bob', 'right', '198.51.100.8'), 'bob')
  await clock.advance(900_000)
  t.equal(await login('alice', 'right', '198.51.100.8'), 'alice', 'for a quarter of an hour at most')
})

t.test('T16: many names from one address, and tokens, which count apart', async (t) => {
  const { login, key, send, checks } = setup({ limits: { address: { max: 20, window: 60 } } })
  for (let n = 0; n < 20; n++) t.equal(await login(`user ${n}`, 'guess'), invalid)
  t.equal(await login('bob', 'right'), tooMany)
  t.equal(await login('bob', 'right', '192.0.2.2'), 'bob')
  t.equal(checks.length, 21)
  for (let n = 0; n < 20; n++) t.equal(await (n % 2 === 0 ? key(`guess-${n}`) : send({ authorization: `Bearer guess-${n}` }, '192.0.2.1')), invalid)
  t.equal(await key('key-1'), tooMany)
  t.equal(await send({ authorization: 'Bearer key-1' }, '192.0.2.1'), tooMany)
  t.equal(await key('key-1', '192.0.2.2'), 'ci')
})

t.test('T16: JWTs are not counted: an expired one is no attempt', async (t) => {
  const { sign, issuer, jwk } = await testIssuer()
  const { send, asked } = setup({ limits: { address: { max: 1, window: 60 } }, more: { jwt: { issuers: [{ issuer, audience, jwks: { keys: [jwk] } }] }, clock: createClock() } })
  const token = await sign()
  for (let n = 0; n < 5; n++) t.equal(await send({ authorization: `Bearer ${token.slice(0, -8)}AAAAAAAA` }, '192.0.2.1'), invalid)
  t.equal(await send({ authorization: `Bearer ${token}` }, '192.0.2.1'), 'carol')
  t.same(asked, { read: 0, append: 0 })
})

t.test('T16: without an address the name alone counts; where a proxy checks, nothing does', async (t) => {
  const { send } = setup({ limits: { name: { max: 3, window: 900 }, address: { max: 1, window: 60 } } })
  for (let n = 0; n < 3; n++) t.equal(await send({ authorization: basic('alice', `guess ${n}`) }, undefined), invalid)
  t.equal(await send({ authorization: basic('alice', 'right') }, undefined), tooMany)
  for (let n = 0; n < 3; n++) t.equal(await send({ 'x-api-key': `guess-${n}` }, undefined), invalid)
  t.equal(await send({ 'x-api-key': 'key-1' }, undefined), 'ci')
  const { login: none, key: noKey, asked } = setup({ more: { trust: 'upstream' } })
  t.equal(await none('alice', 'whatever'), 'alice')
  t.equal(await noKey('key-2'), invalid)
  t.same(asked, { read: 0, append: 0 })
})

t.test('T17: when nobody can say how many failed, nothing is checked', async (t) => {
  const { login, key, down, checks } = setup()
  down.now = true
  t.equal(await login('alice', 'right'), 'CONSENTRY_ERR_STORE_UNAVAILABLE')
  t.equal(await key('key-1'), 'CONSENTRY_ERR_STORE_UNAVAILABLE')
  t.equal(checks.length, 0)
  down.now = false
  t.equal(await login('alice', 'right'), 'alice')
})

t.test('T16: an answer that is no refusal counts for nothing', async (t) => {
  let fails = true
  const { login, asked } = setup({ limits: { nameAndAddress: { max: 1, window: 60 } }, more: { basic: { realm: 'corp', check: () => { if (fails) throw new Error('the database is away'); return true } } } })
  for (let n = 0; n < 5; n++) t.equal(await login('alice', 'right'), 'CONSENTRY_ERR_STORE_UNAVAILABLE')
  fails = false
  t.equal(await login('alice', 'right'), 'alice')
  t.equal(asked.append, 0)
})

t.test('T16: what is counted goes when its time is over', async (t) => {
  const { login, clock } = setup({ limits: { address: { max: 100, window: 60 } }, maxEntries: 400 })
  for (let round = 0; round < 4; round++) {
    for (let n = 0; n < 100; n++) t.equal(await login(`user ${round} ${n}`, 'guess'), invalid, `${round} ${n}`)
    await clock.advance(960_000)
  }
})

t.test('T16: of IPv6 the network counts', async (t) => {
  const { login } = setup()
  for (let n = 0; n < 10; n++) t.equal(await login('alice', `guess ${n}`, `2001:db8:0:1::${n}`), invalid)
  t.equal(await login('alice', 'right', '2001:db8:0:1:ffff::1'), tooMany)
  t.equal(await login('alice', 'right', '2001:db8:0:2::1'), 'alice')
  for (const [address, network] of [
    ['192.0.2.1', '192.0.2.1'], ['::ffff:192.0.2.1', '192.0.2.1'], ['::FFFF:c000:201', '192.0.2.1'], ['::1', '0:0:0:0::/64'], ['::', '0:0:0:0::/64'], ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['2001:DB8::a:b:c:d', '2001:db8:0:0::/64'], ['1:2:3:4:5:6:7:8', '1:2:3:4::/64'], ['1::', '1:0:0:0::/64'], ['Not An Address', 'not an address'], ['', '']
  ] as const) t.equal(networkOf(address), network, address)
})

t.test('T15: any address is one', async () => {
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.ipV4(), fc.ipV6(), fc.tuple(fc.ipV6(), fc.string()).map((parts) => parts.join('%'))), (address) => typeof networkOf(address) === 'string'))
  fc.assert(fc.property(fc.array(fc.nat({ max: 0xffff }), { minLength: 8, maxLength: 8 }), fc.nat({ max: 0xffff }), (groups, last) => {
    const text = (all: number[]) => all.map((group) => group.toString(16)).join(':')
    return networkOf(text(groups)) === networkOf(text([...groups.slice(0, 7), last])) || groups.slice(0, 6).join() === '0,0,0,0,0,65535'
  }))
})

t.test('T17: limits that make no sense are refused', async (t) => {
  const state = memoryState()
  for (const bad of [{ name: { max: 0, window: 1 } }, { name: { max: 1, window: 0 } }, { name: { max: 1.5, window: 1 } }, { address: { max: 1, window: NaN } }, { other: { max: 1, window: 1 } }]) {
    t.throws(() => createIdentity({ attempts: { state, ...bad } }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' }, JSON.stringify(bad))
  }
})
