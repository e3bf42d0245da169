import * as fc from 'fast-check'
import t from 'tap'
import type { GrantKey } from '../src/grant.ts'
import { grantKeyId, ownerId, sameOwner } from '../src/keys.ts'
import { memoryTokens } from '../src/memory-tokens.ts'
import { alice, bob, codeOf, grantOf, keyOf, rest } from './world.ts'

const key = keyOf(alice)

const same = (a: GrantKey, b: GrantKey): boolean =>
  a.tenant === b.tenant && a.userId === b.userId && a.provider === b.provider && a.profile === b.profile

t.test('load, save, exists, delete', async (t) => {
  const tokens = memoryTokens()
  t.equal(await tokens.load(key), undefined)
  t.notOk(await tokens.exists(key))
  const version = await tokens.save(key, grantOf(), undefined)
  t.same(await tokens.load(key), { record: grantOf(), version })
  t.ok(await tokens.exists(key))
  t.ok(await tokens.delete(key))
  t.notOk(await tokens.delete(key))
  t.notOk(await tokens.exists(key))
  t.same(await tokens.listKeys(alice), [])
})

t.test('R2: compare and set', async (t) => {
  const tokens = memoryTokens()
  const first = await tokens.save(key, grantOf(), undefined) as string
  t.equal(await tokens.save(key, grantOf(), undefined), undefined, 'something is stored')
  t.equal(await tokens.save(key, grantOf(), 'x'), undefined)
  const second = await tokens.save(key, grantOf({ accessToken: 'second' }), first) as string
  t.not(second, first)
  t.equal(await tokens.save(key, grantOf(), first), undefined)
  t.notOk(await tokens.delete(key, first), 'a newer version is not deleted')
  t.equal((await tokens.load(key))?.record.accessToken, 'second')
  t.ok(await tokens.delete(key, second))
  t.equal(await tokens.save(key, grantOf(), second), undefined, 'what was deleted does not come back')
  t.not(await tokens.save(key, grantOf(), undefined), first, 'versions are not used again')
  const winners = await Promise.all(Array.from({ length: 20 }, () => tokens.save(keyOf(bob), grantOf(), undefined)))
  t.equal(winners.filter((version) => version !== undefined).length, 1)
})

t.test('nobody holds a reference into the store', async (t) => {
  const tokens = memoryTokens()
  const record = grantOf()
  const named = { ...key }
  await tokens.save(named, record, undefined)
  record.scopes.push('admin')
  named.userId = 'mallory'
  const loaded = await tokens.load(key)
  loaded?.record.scopes.push('admin')
  t.same((await tokens.load(key))?.record.scopes, ['read'])
  const [listed] = await tokens.listKeys(alice)
  if (listed) listed.userId = 'mallory'
  t.same(await tokens.listKeys(alice), [key])
})

t.test('seed E: session storage: the owner\'s keys, all of them, and nobody else\'s', async (t) => {
  const tokens = memoryTokens()
  const owners = [alice, bob, { tenant: 'other', userId: 'alice' }, { tenant: 'default/alice', userId: 'x' }, { tenant: 'default', userId: '*' }, { tenant: 'default', userId: '.*' }]
  for (const owner of owners) for (const profile of ['default', 'work', '*']) await tokens.save(keyOf(owner, 'github', profile), grantOf(), undefined)
  for (const owner of owners) {
    const keys = await tokens.listKeys(owner)
    t.equal(keys.length, 3)
    t.ok(keys.every((key) => sameOwner(key, owner)))
  }
  t.same(await tokens.listKeys({ tenant: 'default', userId: 'nobody' }), [])
})

t.test('T16: full, it refuses what is new and evicts nobody\'s', async (t) => {
  const tokens = memoryTokens({ maxEntries: 2 })
  const version = await tokens.save(key, grantOf(), undefined)
  await tokens.save(keyOf(bob), grantOf(), undefined)
  t.equal(await codeOf(tokens.save(keyOf(alice, 'github', 'work'), grantOf(), undefined)), 'CONSENTRY_ERR_STORE_UNAVAILABLE')
  t.ok(await tokens.save(key, grantOf(), version), 'what is there can still change')
  t.ok(await tokens.exists(keyOf(bob)))
  await tokens.delete(keyOf(bob))
  t.ok(await tokens.save(keyOf(alice, 'github', 'work'), grantOf(), undefined))
})

t.test('withLock: one at a time for each key, a failure lets the next one in', async (t) => {
  const tokens = memoryTokens()
  const steps: string[] = []
  const step = (name: string, fail = false) => async (): Promise<string> => {
    steps.push(`${name} in`)
    await rest()
    steps.push(`${name} out`)
    if (fail) throw new Error(name)
    return name
  }
  const results = await Promise.allSettled([tokens.withLock(key, undefined, step('a')), tokens.withLock(key, undefined, step('b', true)), tokens.withLock({ ...key }, undefined, step('c'))])
  t.same(steps, ['a in', 'a out', 'b in', 'b out', 'c in', 'c out'])
  t.same(results.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled'])
  steps.length = 0
  await Promise.all([tokens.withLock(key, undefined, step('a')), tokens.withLock(keyOf(bob), undefined, step('b'))])
  t.same(steps, ['a in', 'b in', 'a out', 'b out'], 'another key does not wait')
})

t.test('seed E: session per provider, thread and profile: no two keys have the same id, and none holds a pattern or a separator', async (t) => {
  const part = fc.oneof(fc.string({ unit: 'binary', minLength: 1 }), fc.string({ minLength: 1 }), fc.constantFrom('a', 'b', 'a__b', 'b__c', 'a/b', '/', '%', '%2F', '.*', '.', '..', '*', '?', '[a]', '{a}', ':', '~', '\'', 'É', 'E\u0301'))
  const keys = fc.record({ tenant: part, userId: part, provider: part, profile: part })
  fc.assert(fc.property(keys, keys, (a, b) => {
    if ((grantKeyId(a) === grantKeyId(b)) !== same(a, b)) throw new Error('collision')
    if ((ownerId(a) === ownerId(b)) !== sameOwner(a, b)) throw new Error('owners collide')
    if (!/^[\w%-]+(\/[\w%-]+){3}$/.test(grantKeyId(a))) throw new Error(grantKeyId(a))
    if (JSON.stringify(grantKeyId(a).split('/').map(decodeURIComponent)) !== JSON.stringify([a.tenant, a.userId, a.provider, a.profile])) throw new Error('not the key')
  }), { numRuns: 5_000 })
  t.not(grantKeyId({ ...key, provider: 'a__b', profile: 'c' }), grantKeyId({ ...key, provider: 'a', profile: 'b__c' }))
  t.not(grantKeyId({ ...key, provider: 'a/b', profile: 'c' }), grantKeyId({ ...key, provider: 'a', profile: 'b/c' }))
})

t.test('what is no well-formed, non-empty string is no part of a key', async (t) => {
  for (const part of ['', '\uD800', 'a\uDC00', '\uDC00\uD800', undefined, null, 1, {}, ['alice']]) {
    t.throws(() => ownerId({ tenant: 'default', userId: part as string }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
    t.throws(() => grantKeyId({ ...key, profile: part as string }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
  }
  t.equal(ownerId({ tenant: 'default', userId: '\u{1F511}' }), 'default/%F0%9F%94%91')
  t.equal(await codeOf(memoryTokens().load({ ...key, profile: '\uD800' })), 'CONSENTRY_ERR_OPTIONS_INVALID')
})
