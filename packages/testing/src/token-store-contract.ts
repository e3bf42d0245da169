import type { Test } from 'tap'
import { acrossProcesses } from './token-store-contract/processes.ts'
import { contractKey, contractRecord, hostileParts } from './token-store-contract/records.ts'
import type { ContractKey, ContractStore, TokenStoreContractOptions } from './token-store-contract/types.ts'

/** What every token store has to do, whatever it is made of. */
export function tokenStoreContract (t: Test, { open, processes, outage = [] }: TokenStoreContractOptions): void {
  void t.test('save, load, exists, list, delete', async (t) => {
    const store = await open()
    const key = contractKey()
    t.equal(await store.load(key), undefined)
    t.equal(await store.exists(key), false)
    t.same(await store.listKeys(key), [])
    const version = await store.save(key, contractRecord(), undefined)
    t.type(version, 'string')
    t.same(await store.load(key), { record: contractRecord(), version })
    t.equal(await store.exists(key), true)
    t.same(await store.listKeys(key), [key])
    t.same(await (await open()).load(key), { record: contractRecord(), version }, 'on another node too')
    t.equal(await store.delete(key), true)
    t.equal(await store.delete(key), false)
    t.equal(await store.load(key), undefined)
    t.same(await store.listKeys(key), [])
  })

  void t.test('a record comes back as it was, whatever it holds', async (t) => {
    const store = await open()
    for (const record of [
      contractRecord({ endedAt: 0, scopes: [], requestedScopes: [] }),
      { v: 1 as const, accessToken: '', tokenType: 'bearer', scopes: [], requestedScopes: [], createdAt: 0, updatedAt: 0 },
      contractRecord({ accessToken: '\u0000\n"\\ \u2028 é 🔑', expiresAt: Number.MAX_SAFE_INTEGER }),
      contractRecord({ accessToken: 'é'.repeat(10_000) }),
      contractRecord({ accessToken: 'x'.repeat(1024 * 1024) })
    ]) {
      const key = contractKey()
      await store.save(key, record, undefined)
      t.strictSame((await store.load(key))?.record, record)
      await store.delete(key)
    }
  })

  void t.test('seed E: a grant with an expiry can be saved', async (t) => {
    const store = await open()
    for (const expiresAt of [0, 1, Date.now() + 3_600_000]) {
      const key = contractKey()
      t.ok(await store.save(key, contractRecord({ expiresAt }), undefined))
      t.equal((await store.load(key))?.record.expiresAt, expiresAt)
    }
  })

  void t.test('seed C: the end of the access token is not the end of the grant', async (t) => {
    const store = await open()
    const key = contractKey()
    await store.save(key, contractRecord({ expiresAt: Date.now() - 3_600_000 }), undefined)
    t.equal((await store.load(key))?.record.refreshToken, 'canary-refresh-token')
    t.same(await store.listKeys(key), [key])
  })

  void t.test('R2: compare and set', async (t) => {
    const [store, other] = [await open(), await open()]
    const key = contractKey()
    t.equal(await store.save(key, contractRecord(), 'x'), undefined, 'nothing is stored')
    t.equal(await store.save(key, contractRecord(), ''), undefined, 'an empty version is a version')
    const first = await store.save(key, contractRecord(), undefined) as string
    const elsewhere = await store.save(contractKey(), contractRecord(), undefined)
    for (const wrong of [undefined, '', 'x', elsewhere]) {
      t.equal(await other.save(key, contractRecord({ accessToken: 'wrong' }), wrong), undefined)
      if (wrong !== undefined) t.equal(await other.delete(key, wrong), false)
    }
    const second = await other.save(key, contractRecord({ accessToken: 'second' }), first) as string
    t.type(second, 'string')
    t.not(second, first)
    t.equal(await store.save(key, contractRecord(), first), undefined)
    t.equal(await store.delete(key, first), false, 'R3: a newer version is not deleted')
    t.equal((await store.load(key))?.record.accessToken, 'second')
    t.equal(await store.delete(key, second), true)
    t.equal(await store.save(key, contractRecord(), second), undefined, 'what was deleted does not come back')
    t.notOk([first, second].includes(await store.save(key, contractRecord(), undefined) as string), 'a version is not used again')
  })

  void t.test('R2: of many that save at once one does', async (t) => {
    const nodes = await Promise.all(Array.from({ length: 3 }, async () => open()))
    const key = contractKey()
    for (let expected: string | undefined, round = 0; round < 2; round++) {
      const versions = await Promise.all(Array.from({ length: 9 }, (_, index) => (nodes[index % 3] as ContractStore).save(key, contractRecord(), expected)))
      const won = versions.filter((version) => version !== undefined)
      t.equal(won.length, 1)
      expected = won[0]
      t.equal((await nodes[0]?.load(key))?.version, expected)
    }
  })

  void t.test('nobody holds a reference into the store', async (t) => {
    const store = await open()
    const record = contractRecord()
    const key = contractKey()
    const named = { ...key }
    await store.save(named, record, undefined)
    record.scopes.push('mallory')
    named.userId = 'mallory'
    ;(await store.load(key))?.record.scopes.push('mallory')
    t.same((await store.load(key))?.record.scopes, contractRecord().scopes)
  })

  for (const [name, parts] of hostileParts) {
    void t.test(`keys: ${name}`, async (t) => {
      const store = await open()
      const base = contractKey()
      const keys: ContractKey[] = parts.flatMap((part, index) => {
        const next = parts[(index + 1) % parts.length] as string
        return [{ ...base, provider: part, profile: next }, { ...base, userId: `${base.userId}${part}`, profile: next }, { ...base, tenant: `${base.userId}${part}` }]
      })
      for (const [index, key] of keys.entries()) await store.save(key, contractRecord({ accessToken: String(index) }), undefined)
      for (const [index, key] of keys.entries()) {
        if ((await store.load(key))?.record.accessToken !== String(index)) t.fail(`another's grant for ${JSON.stringify(key).slice(0, 200)}`)
        t.ok((await store.listKeys(key)).some((listed) => same(listed, key)), 'is listed')
      }
      t.equal((await store.listKeys(base)).length, parts.length, 'a list has the owner\'s, and no other')
      for (const part of parts) t.same(await store.listKeys({ tenant: 'default', userId: `nobody${part}` }), [])
      const [first, ...rest] = keys as [ContractKey, ...ContractKey[]]
      await store.delete(first)
      for (const key of rest) if (!await store.exists(key)) t.fail('deleting one deleted another')
      for (const key of rest) await store.delete(key)
    })
  }

  void t.test('keys: what is no well-formed, non-empty string is the caller\'s mistake', async (t) => {
    const store = await open()
    for (const part of ['', '\uD800', undefined, 1]) {
      const key = contractKey({ userId: part as string })
      const calls = [store.load(key), store.save(key, contractRecord(), undefined), store.delete(key), store.exists(key), store.listKeys(key), store.withLock(key, undefined, async () => 'ran')]
      for (const result of await Promise.allSettled(calls)) t.match(result, { status: 'rejected', reason: { code: 'CONSENTRY_ERR_OPTIONS_INVALID' } })
    }
  })

  void t.test('seed C: the list is complete', async (t) => {
    const store = await open()
    const key = contractKey()
    const keys = ['github', 'google'].flatMap((provider) => ['default', 'work'].map((profile) => ({ ...key, provider, profile })))
    for (const each of keys) await store.save(each, contractRecord(), undefined)
    t.same(sorted(await (await open()).listKeys(key)), sorted(keys))
    await store.delete(keys[0] as ContractKey)
    t.same(sorted(await store.listKeys(key)), sorted(keys.slice(1)))
  })

  void t.test('withLock: one at a time for each key; a failure lets the next one in', async (t) => {
    const [store, other] = [await open(), await open()]
    const key = contractKey()
    let inside = 0
    const step = (fail: boolean) => async (): Promise<string> => {
      t.equal(++inside, 1, 'alone')
      await store.exists(key)
      inside--
      if (fail) throw new Error('the work failed')
      return 'done'
    }
    const results = await Promise.allSettled([store.withLock(key, undefined, step(false)), other.withLock(key, undefined, step(true)), store.withLock({ ...key }, undefined, step(false))])
    t.same(results.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled'])
    await t.rejects(store.withLock(key, undefined, step(true)), { message: 'the work failed' }, 'with the error of the work')
    t.same(await store.withLock(key, undefined, async (stillHeld) => await stillHeld?.() ?? true), { result: true }, 'one that stands says so')
    const nested = await store.withLock(key, undefined, () => other.withLock({ ...key, profile: 'work' }, undefined, async () => 'another key does not wait'))
    t.same(nested, { result: { result: 'another key does not wait' } })
  })

  void t.test('withLock, R1: who waits for a grant that another saves meanwhile gets that', async (t) => {
    const [store, other] = [await open(), await open()]
    const key = contractKey()
    const seen = await store.save(key, contractRecord(), undefined)
    const never = async (): Promise<void> => { t.fail('the work was another\'s') }
    let waiting: Promise<unknown> | undefined
    const done = await store.withLock(key, seen, async () => {
      waiting = other.withLock(key, seen, never)
      return store.save(key, contractRecord({ accessToken: 'new' }), seen)
    })
    const version = 'result' in done ? done.result : undefined
    t.type(version, 'string')
    const stored = { record: contractRecord({ accessToken: 'new' }), version }
    t.same(await waiting, { stored })
    for (const wrong of [seen, undefined, '', 'x']) t.same(await other.withLock(key, wrong, never), { stored }, 'and so does who comes late')
    await store.delete(key)
    t.same(await other.withLock(key, version, never), { stored: undefined }, 'nothing is there any more')
    t.same(await other.withLock(key, undefined, async () => 'ran'), { result: 'ran' }, 'which is what was seen here')
  })

  for (const { name, begin } of outage) {
    void t.test(`R5: ${name}: a bounded failure with a code, and afterwards all is well`, async (t) => {
      const store = await open()
      const key = contractKey()
      await store.exists(key)
      const end = await begin()
      const calls = [store.load(key), store.save(key, contractRecord(), undefined), store.delete(key), store.exists(key), store.listKeys(key), store.withLock(key, undefined, async () => 'ran')]
      for (const result of await Promise.allSettled(calls)) {
        t.match(result, { status: 'rejected', reason: { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE', retryable: true } })
        if (result.status === 'rejected') t.notMatch(everythingIn(result.reason), /canary/, 'B17: no token in the error')
      }
      await end()
      for (let found; found === undefined;) found = await store.exists(key).catch(() => undefined)
      const before = await store.load(key)
      t.same(await store.withLock(key, before?.version, async () => 'ran'), { result: 'ran' })
      const version = await store.save(key, contractRecord(), before?.version)
      t.same(await store.load(key), { record: contractRecord(), version })
    })
  }

  if (processes !== undefined) acrossProcesses(t, open, processes)
}

function sorted (list: ContractKey[]): string[] {
  return list.map((each) => JSON.stringify(each)).sort()
}

function same (a: ContractKey, b: ContractKey): boolean {
  return a.tenant === b.tenant && a.userId === b.userId && a.provider === b.provider && a.profile === b.profile
}

/** All that whoever logs an error could come upon. */
function everythingIn (error: unknown, depth = 0): string {
  if (typeof error !== 'object' || error === null || depth > 5) return String(error)
  return Object.getOwnPropertyNames(error).map((name) => everythingIn((error as Record<string, unknown>)[name], depth + 1)).join('\n')
}
