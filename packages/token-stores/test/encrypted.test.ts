import { memoryTokens, type GrantKey, type GrantRecord, type TokenStore } from '@consentry/core'
import { contractKey, contractRecord } from '@consentry/testing'
import * as fc from 'fast-check'
import t from 'tap'
import { encrypted } from '../src/index.ts'
import { newKey, oldKey } from './open.ts'
import { causeOf } from './world.ts'

const key = contractKey()
const unreadable = { code: 'CONSENTRY_ERR_RECORD_UNREADABLE' }

/** Puts what is stored at `from` in the place of `to`, as whoever can write to the database. */
async function move (store: TokenStore, from: GrantKey, to: GrantKey, change: (record: GrantRecord) => GrantRecord = (record) => record): Promise<void> {
  const [found, there] = [await store.load(from), await store.load(to)]
  if (found === undefined) throw new Error('nothing to move')
  await store.save(to, change(found.record), there?.version)
}

t.test('B16: a ciphertext put in another\'s place does not open', async (t) => {
  const plain = memoryTokens()
  const store = encrypted(plain, { keys: [newKey] })
  await store.save(key, contractRecord(), undefined)
  for (const part of ['tenant', 'userId', 'provider', 'profile'] as const) {
    const other = { ...key, [part]: 'mallory' }
    await store.save(other, contractRecord({ accessToken: 'of mallory' }), undefined)
    await move(plain, key, other)
    await t.rejects(store.load(other), unreadable, part)
  }
  t.same((await store.load(key))?.record, contractRecord())
})

t.test('B16: nor does one in which a character was changed', async () => {
  const plain = memoryTokens()
  const store = encrypted(plain, { keys: [newKey, oldKey] })
  const swap = (text: string, at: number): string => `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`
  await fc.assert(fc.asyncProperty(fc.nat(), async (where) => {
    const each = contractKey()
    await store.save(each, contractRecord(), undefined)
    await move(plain, each, each, (record) => {
      // The last character of base64url may hold bits that mean nothing.
      const length = record.accessToken.length - 1
      return { ...record, accessToken: swap(record.accessToken, where % length) }
    })
    try {
      await store.load(each)
    } catch (error) {
      return (error as { code?: string }).code === unreadable.code
    }
    return false
  }), { numRuns: 300 })
})

t.test('B16: a plain record among encrypted ones is nobody\'s grant', async (t) => {
  const plain = memoryTokens()
  await plain.save(key, contractRecord(), undefined)
  const error = await encrypted(plain, { keys: [newKey] }).load(key).catch((error: unknown) => error)
  t.match(error, unreadable)
  t.equal(causeOf(error), 'it is not encrypted')
})

t.test('seed C: nothing of the record is left in the clear, and two ciphertexts of it differ', async (t) => {
  const plain = memoryTokens()
  const store = encrypted(plain, { keys: [newKey] })
  const version = await store.save(key, contractRecord(), undefined)
  const first = await plain.load(key)
  t.notMatch(JSON.stringify(first), /canary|idp\.example|write|1700000/)
  await store.save(key, contractRecord(), version)
  t.not((await plain.load(key))?.record.accessToken, first?.record.accessToken)
  t.match(first?.record, { v: 1, expiresAt: 0, scopes: [] }, 'read without keys it is a grant that has expired')
  t.notOk('refreshToken' in (first?.record ?? {}))
})

t.test('rotation: the first key encrypts, all decrypt; reading and saving move a grant to the first', async (t) => {
  const plain = memoryTokens()
  const [before, both, after] = [encrypted(plain, { keys: [oldKey] }), encrypted(plain, { keys: [newKey, oldKey] }), encrypted(plain, { keys: [newKey] })]
  const read = contractKey()
  const saved = contractKey()
  await before.save(read, contractRecord(), undefined)
  const version = await before.save(saved, contractRecord(), undefined)
  await t.rejects(after.load(read), unreadable)
  t.same((await both.load(read))?.record, contractRecord())
  await both.save(saved, contractRecord({ accessToken: 'newer' }), version)
  t.same((await after.load(read))?.record, contractRecord())
  t.equal((await after.load(saved))?.record.accessToken, 'newer')
  await t.rejects(before.load(read), unreadable)
})

t.test('rotation: rewrap moves all that an owner has, and says how much it was', async (t) => {
  const plain = memoryTokens()
  const profiles = ['a', 'b', 'c'].map((profile) => ({ ...contractKey({ userId: 'rewrap' }), profile }))
  for (const each of profiles) await encrypted(plain, { keys: [oldKey] }).save(each, contractRecord(), undefined)
  const store = encrypted(plain, { keys: [newKey, oldKey] })
  await store.load(profiles[0] as GrantKey)
  t.equal(await store.rewrap(profiles[0] as GrantKey), 2)
  t.equal(await store.rewrap(profiles[0] as GrantKey), 0)
  for (const each of profiles) t.ok(await encrypted(plain, { keys: [newKey] }).load(each))
})

/** A store in which `before` happens between a read and the next save. */
function interrupted (store: TokenStore, before: () => Promise<void>): TokenStore {
  let pending = true
  return {
    ...store,
    async save (...args) {
      if (pending) {
        pending = false
        await before()
      }
      return store.save(...args)
    }
  }
}

t.test('rotation: rewrap does not say that it is done when it is not', async (t) => {
  const plain = memoryTokens()
  const [before, order] = [encrypted(plain, { keys: [oldKey] }), { keys: [newKey, oldKey] }]
  await before.save(key, contractRecord(), undefined)
  const failing = { ...plain, save: async () => { throw new Error('read-only') } }
  await t.rejects(encrypted(failing, order).rewrap(key), { message: 'read-only' }, 'or the old key would be thrown away, and the grant with it')

  // A node that still encrypts with the old key is faster.
  const late = interrupted(plain, async () => {
    const found = await before.load(key)
    await before.save(key, contractRecord({ accessToken: 'refreshed' }), found?.version)
  })
  t.equal(await encrypted(late, order).rewrap(key), 1)
  t.equal((await encrypted(plain, { keys: [newKey] }).load(key))?.record.accessToken, 'refreshed')

  // One that went away meanwhile is none to be moved.
  const gone = contractKey()
  await before.save(gone, contractRecord(), undefined)
  t.equal(await encrypted(interrupted(plain, async () => { await plain.delete(gone) }), order).rewrap(gone), 0)
  t.equal(await plain.exists(gone), false)
})

t.test('rotation: a damaged grant keeps no other of its owner from being moved', async (t) => {
  const plain = memoryTokens()
  const profiles = ['a', 'b', 'c'].map((profile) => ({ ...contractKey({ userId: 'damaged' }), profile })) as [GrantKey, GrantKey, GrantKey]
  for (const each of profiles) await encrypted(plain, { keys: [oldKey] }).save(each, contractRecord(), undefined)
  await move(plain, profiles[1], profiles[0])
  const damaged = await plain.load(profiles[0])
  await t.rejects(encrypted(plain, { keys: [newKey, oldKey] }).rewrap(profiles[0]), unreadable)
  t.same(await plain.load(profiles[0]), damaged, 'and it stays as it is')
  for (const each of profiles.slice(1)) t.ok(await encrypted(plain, { keys: [newKey] }).load(each))
})

t.test('R2: keys change while nodes write: nothing is lost, and at the end no other key is needed', async (t) => {
  const plain = memoryTokens()
  const slow: TokenStore = {
    ...plain,
    load: async (...args) => { await new Promise(setImmediate); return plain.load(...args) },
    save: async (...args) => { await new Promise(setImmediate); return plain.save(...args) }
  }
  const nodes = [[oldKey, newKey], [newKey, oldKey], [newKey, oldKey]].map((keys) => encrypted(slow, { keys }))
  const counted = contractKey()
  await nodes[0]?.save(counted, contractRecord({ accessToken: '0' }), undefined)
  const rewraps = (async () => { for (let round = 0; round < 100; round++) await nodes[1]?.rewrap(counted) })()
  await Promise.all(nodes.map(async (node) => {
    for (let done = 0; done < 40;) {
      const found = await node.load(counted)
      if (found === undefined) return t.fail('it is gone')
      if (await node.save(counted, { ...found.record, accessToken: String(Number(found.record.accessToken) + 1) }, found.version) !== undefined) done++
    }
  }))
  await rewraps
  await nodes[1]?.rewrap(counted)
  t.equal((await encrypted(plain, { keys: [newKey] }).load(counted))?.record.accessToken, '120')
})

t.test('R2: another key taking over is no newer version: a refresh under way can still be saved', async (t) => {
  const plain = memoryTokens()
  const [slow, fast] = [encrypted(plain, { keys: [oldKey, newKey] }), encrypted(plain, { keys: [newKey, oldKey] })]
  await slow.save(key, contractRecord(), undefined)
  const seen = await slow.load(key)
  t.equal(await fast.rewrap(key), 1)
  const version = await slow.save(key, contractRecord({ accessToken: 'refreshed' }), seen?.version)
  t.ok(version, 'its refresh token is spent: losing this would lose the grant')
  t.equal(await fast.rewrap(key), 1)
  t.equal(await slow.save(key, contractRecord(), seen?.version), undefined, 'a newer grant is a newer version')
  t.equal(await slow.delete(key, seen?.version), false)
  t.equal(await slow.delete(key, version), true)
})

t.test('a store that cannot be written is still read while keys change', async (t) => {
  const plain = memoryTokens()
  await encrypted(plain, { keys: [oldKey] }).save(key, contractRecord(), undefined)
  const readOnly = { ...plain, save: async () => { throw new Error('read-only') } }
  t.same((await encrypted(readOnly, { keys: [newKey, oldKey] }).load(key))?.record, contractRecord())
})

t.test('what a newer version sealed is refused and stays; what the first version sealed is read', async (t) => {
  const plain = memoryTokens()
  const store = encrypted(plain, { keys: [oldKey] })
  const alice = { tenant: 'default', userId: 'alice', provider: 'github', profile: 'default' }
  const sealed = '1.old.PzBbDAHndVVuNQDw-XlJpg.yNEXduvtuRjB1mG9604M1LOCe6i5a7_tqTlFmASOvJgv2kU9mESWAftN0qXvCYjdTlfdxaZhnuGcfEEFl1vJr5E1In2uemDK0NQGQDDaN4v-d5s14Wm5NoyBi0Sglcs6gyTWHlVr24_WUQ3iB1-9j1S_mY5DvB41sb646Ybyw0Y3xWWLRid8bNVoM-OD'
  const wrap = (accessToken: string): GrantRecord => ({ v: 1, accessToken, tokenType: 'sealed', expiresAt: 0, scopes: [], requestedScopes: [], createdAt: 0, updatedAt: 0 })
  const version = await plain.save(alice, wrap(sealed), undefined)
  t.same((await store.load(alice))?.record, { v: 1, accessToken: 'a', tokenType: 'bearer', scopes: ['s'], requestedScopes: ['s'], createdAt: 1, updatedAt: 2 })
  await plain.save(alice, wrap(`2${sealed.slice(1)}`), version)
  await t.rejects(store.load(alice), unreadable)
  t.equal(await store.save(alice, contractRecord(), undefined), undefined)
  t.equal((await plain.load(alice))?.record.accessToken, `2${sealed.slice(1)}`)
  // A newer record inside of what can be opened.
  const next = contractKey()
  await store.save(next, { ...contractRecord(), v: 2 as never }, undefined)
  await t.rejects(store.load(next), unreadable)
})

t.test('B17: errors hold no key and no token', async (t) => {
  const plain = memoryTokens()
  await encrypted(plain, { keys: [oldKey] }).save(key, contractRecord(), undefined)
  const error = await encrypted(plain, { keys: [newKey] }).load(key).catch((error: unknown) => error)
  t.equal(causeOf(error), 'there is no key old')
})

t.test('T17: keys that are none are refused at start', async (t) => {
  const { key: good } = newKey
  for (const keys of [[], [{ id: '', key: good }], [{ id: 'a.b', key: good }], [newKey, newKey], [{ id: 'a', key: 'short' }], [{ id: 'a', key: Buffer.alloc(31) }],
    [{ id: 'a', key: Buffer.alloc(33) }], [{ id: 'a', key: `${'a'.repeat(42)}!` }], [{ id: 'a', key: undefined as never }]]) {
    t.throws(() => encrypted(memoryTokens(), { keys }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
  }
  encrypted(memoryTokens(), { keys: [{ id: 'a', key: Buffer.alloc(32) }] })
})
