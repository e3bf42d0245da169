import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

/** `GrantKey` of core, in shape. */
export interface ContractKey {
  tenant: string
  userId: string
  provider: string
  profile: string
}

/** `GrantRecord` of core, in shape. */
export interface ContractRecord {
  v: 1
  accessToken: string
  tokenType: string
  refreshToken?: string
  expiresAt?: number
  scopes: string[]
  requestedScopes: string[]
  account?: { issuer: string, subject: string, claims: Record<string, unknown> }
  createdAt: number
  updatedAt: number
  endedAt?: number
}

/** `TokenStore` of core, in shape. */
export interface ContractStore {
  load (key: ContractKey): Promise<{ record: ContractRecord, version: string } | undefined>
  save (key: ContractKey, record: ContractRecord, expected: string | undefined): Promise<string | undefined>
  delete (key: ContractKey, expected?: string): Promise<boolean>
  exists (key: ContractKey): Promise<boolean>
  listKeys (owner: { tenant: string, userId: string }): Promise<ContractKey[]>
  withLock<T> (key: ContractKey, fn: () => Promise<T>): Promise<T>
  close? (): Promise<void>
}

/** What the contract needs to know of a store. */
export interface TokenStoreContractOptions {
  /** Opens the store; each call is one more node over the same grants. The test closes nothing: that is the caller's. */
  open (): Promise<ContractStore> | ContractStore
  /**
   * For stores that processes share: a module whose `open(config)` is as above, with a lock that ends within a second or
   * two of its holder, and what to give it.
   */
  processes?: { module: string, config: unknown }
  /** Takes away what the store needs, for those that need something; the returned function gives it back. */
  outage?: ReadonlyArray<{ name: string, begin: () => Promise<() => Promise<void>> }>
}

/** What a process of the contract is told to do. */
export interface Work {
  module: string
  config: unknown
  job: 'count' | 'lock' | 'sleep'
  key: ContractKey
  rounds: number
  ledger: string
}

/** A record as a provider's answer makes it. */
export function contractRecord (values: Partial<ContractRecord> = {}): ContractRecord {
  return {
    v: 1,
    accessToken: 'canary-access-token',
    tokenType: 'bearer',
    refreshToken: 'canary-refresh-token',
    expiresAt: 1_700_000_060_000,
    scopes: ['read', 'write'],
    requestedScopes: ['read', 'write', 'admin'],
    account: { issuer: 'https://idp.example.com', subject: '42', claims: { email: 'canary@example.com', name: 'Zoë 🔑' } },
    createdAt: 1_700_000_000_000,
    updatedAt: 1_700_000_000_000,
    ...values
  }
}

let users = 0

/** A key that no other test uses. */
export function contractKey (values: Partial<ContractKey> = {}): ContractKey {
  return { tenant: 'default', userId: `user-${process.pid}-${++users}`, provider: 'github', profile: 'default', ...values }
}

/** Parts of keys that stores have confused: separators, patterns, hash tags of a cluster, paths, member names, other alphabets, length. */
const hostile: ReadonlyArray<[name: string, parts: string[]]> = [
  ['seed E: a__b and c, a and b__c', ['a__b', 'c', 'a', 'b__c']],
  ['seed E: patterns', ['.*', '*', '?', '[a-z]', '%', '_']],
  ['separators and hash tags', [':', '{}', '{a}', 'a}b{', '/', '%2F', '\\', '|', '\u0000', '\n']],
  ['paths and member names', ['..', '.', '__proto__', 'constructor', 'toString']],
  ['other alphabets', ['É', 'E\u0301', 'ß', 'ss', '日本語', '🔑']],
  ['length', ['x'.repeat(5_000), `${'x'.repeat(4_999)}y`]]
]

/** What every token store has to do, whatever it is made of. */
export function tokenStoreContract (t: Test, { open, processes, outage = [] }: TokenStoreContractOptions): void {
  t.test('save, load, exists, list, delete', async (t) => {
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

  t.test('a record comes back as it was, whatever it holds', async (t) => {
    const store = await open()
    for (const record of [
      contractRecord({ endedAt: 0, scopes: [], requestedScopes: [] }),
      { v: 1 as const, accessToken: '', tokenType: 'bearer', scopes: [], requestedScopes: [], createdAt: 0, updatedAt: 0 },
      contractRecord({ accessToken: '\u0000\n"\\ \u2028 é 🔑', expiresAt: Number.MAX_SAFE_INTEGER }),
      contractRecord({ accessToken: 'é'.repeat(1024 * 1024) })
    ]) {
      const key = contractKey()
      await store.save(key, record, undefined)
      t.strictSame((await store.load(key))?.record, record)
      await store.delete(key)
    }
  })

  t.test('seed E: a grant with an expiry can be saved', async (t) => {
    const store = await open()
    for (const expiresAt of [0, 1, Date.now() + 3_600_000]) {
      const key = contractKey()
      t.ok(await store.save(key, contractRecord({ expiresAt }), undefined))
      t.equal((await store.load(key))?.record.expiresAt, expiresAt)
    }
  })

  t.test('seed C: the end of the access token is not the end of the grant', async (t) => {
    const store = await open()
    const key = contractKey()
    await store.save(key, contractRecord({ expiresAt: Date.now() - 3_600_000 }), undefined)
    t.equal((await store.load(key))?.record.refreshToken, 'canary-refresh-token')
    t.same(await store.listKeys(key), [key])
  })

  t.test('R2: compare and set', async (t) => {
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

  t.test('R2: of many that save at once one does', async (t) => {
    const nodes = await Promise.all(Array.from({ length: 3 }, open))
    const key = contractKey()
    for (let expected: string | undefined, round = 0; round < 2; round++) {
      const versions = await Promise.all(Array.from({ length: 9 }, (_, index) => (nodes[index % 3] as ContractStore).save(key, contractRecord(), expected)))
      const won = versions.filter((version) => version !== undefined)
      t.equal(won.length, 1)
      expected = won[0]
      t.equal((await nodes[0]?.load(key))?.version, expected)
    }
  })

  t.test('nobody holds a reference into the store', async (t) => {
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

  for (const [name, parts] of hostile) {
    t.test(`keys: ${name}`, async (t) => {
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

  t.test('seed C: the list is complete', async (t) => {
    const store = await open()
    const key = contractKey()
    const keys = ['github', 'google'].flatMap((provider) => ['default', 'work'].map((profile) => ({ ...key, provider, profile })))
    for (const each of keys) await store.save(each, contractRecord(), undefined)
    const sorted = (list: ContractKey[]): string[] => list.map((each) => JSON.stringify(each)).sort()
    t.same(sorted(await (await open()).listKeys(key)), sorted(keys))
    await store.delete(keys[0] as ContractKey)
    t.same(sorted(await store.listKeys(key)), sorted(keys.slice(1)))
  })

  t.test('withLock: one at a time for each key; a failure lets the next one in', async (t) => {
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
    const results = await Promise.allSettled([store.withLock(key, step(false)), other.withLock(key, step(true)), store.withLock({ ...key }, step(false))])
    t.same(results.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled'])
    await t.rejects(store.withLock(key, step(true)), { message: 'the work failed' }, 'with the error of the work')
    const nested = await store.withLock(key, () => other.withLock({ ...key, profile: 'work' }, async () => 'another key does not wait'))
    t.equal(nested, 'another key does not wait')
  })

  for (const { name, begin } of outage) {
    t.test(`R5: ${name}: a bounded failure with a code, and afterwards all is well`, async (t) => {
      const store = await open()
      const key = contractKey()
      await store.exists(key)
      const end = await begin()
      const calls = [store.load(key), store.save(key, contractRecord(), undefined), store.delete(key), store.exists(key), store.listKeys(key), store.withLock(key, async () => 'ran')]
      for (const result of await Promise.allSettled(calls)) {
        t.match(result, { status: 'rejected', reason: { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE', retryable: true } })
        if (result.status === 'rejected') t.notMatch(everythingIn(result.reason), /canary/, 'B17: no token in the error')
      }
      await end()
      for (let found; found !== 'works';) found = await store.withLock(key, async () => 'works').catch(() => undefined)
      const before = await store.load(key)
      const version = await store.save(key, contractRecord(), before?.version)
      t.same(await store.load(key), { record: contractRecord(), version })
    })
  }

  if (processes !== undefined) acrossProcesses(t, open, processes)
}

function acrossProcesses (t: Test, open: TokenStoreContractOptions['open'], { module, config }: NonNullable<TokenStoreContractOptions['processes']>): void {
  const start = (job: Work['job'], key: ContractKey, ledger = '', rounds = 5): ChildProcess => {
    const work: Work = { module, config, job, key, rounds, ledger }
    // Without the loaders that the test runner gives to its children.
    return spawn(process.execPath, [fileURLToPath(new URL('token-store-worker.js', import.meta.url)), JSON.stringify(work)], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } })
  }

  t.test('R2: processes that write at once lose nothing', async (t) => {
    const store = await open()
    const key = contractKey()
    await store.save(key, contractRecord({ accessToken: '0' }), undefined)
    const codes = await Promise.all(Array.from({ length: 3 }, async () => (await once(start('count', key), 'exit'))[0] as number))
    t.same(codes, [0, 0, 0])
    t.equal((await store.load(key))?.record.accessToken, '15')
  })

  t.test('withLock: processes are in it one at a time', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'consentry-ledger-'))
    const ledger = join(folder, 'ledger')
    const codes = await Promise.all(Array.from({ length: 3 }, async () => (await once(start('lock', contractKey({ userId: 'the same' }), ledger), 'exit'))[0] as number))
    t.same(codes, [0, 0, 0])
    const lines = (await readFile(ledger, 'utf8')).trimEnd().split('\n')
    await rm(folder, { recursive: true })
    t.equal(lines.length, 30)
    for (let index = 0; index < lines.length; index += 2) {
      const [pid] = (lines[index] as string).split(' ')
      t.same(lines.slice(index, index + 2), [`${pid} in`, `${pid} out`])
    }
  })

  t.test('R2: a holder that sleeps through its lease loses the lock, cannot give back the next one\'s, and saves nothing', async (t) => {
    const store = await open()
    const key = contractKey()
    await store.save(key, contractRecord({ accessToken: 'before' }), undefined)
    const child = start('sleep', key)
    const said = lines(child)
    t.equal(await said(), 'holding')
    child.kill('SIGSTOP')
    const steps: string[] = []
    let third: Promise<unknown> | undefined
    await store.withLock(key, async () => {
      steps.push('second in')
      const found = await store.load(key)
      await store.save(key, contractRecord({ accessToken: 'from the second' }), found?.version)
      const exited = once(child, 'exit')
      child.stdin?.write('go on\n')
      child.kill('SIGCONT')
      t.equal(await said(), 'too late')
      t.equal((await exited)[0], 0)
      const next = await open()
      third = next.withLock(key, async () => { steps.push('third in') })
      // Long enough for the third to try; if the sleeper gave the lock away, it is in.
      for (let turn = 0; turn < 5; turn++) await store.exists(key).then(() => new Promise((resolve) => { setTimeout(resolve, 20) }))
      steps.push('second out')
    })
    await third
    t.same(steps, ['second in', 'second out', 'third in'])
    t.equal((await store.load(key))?.record.accessToken, 'from the second')
  })
}

function same (a: ContractKey, b: ContractKey): boolean {
  return a.tenant === b.tenant && a.userId === b.userId && a.provider === b.provider && a.profile === b.profile
}

/** All that whoever logs an error could come upon. */
function everythingIn (error: unknown, depth = 0): string {
  if (typeof error !== 'object' || error === null || depth > 5) return String(error)
  return Object.getOwnPropertyNames(error).map((name) => everythingIn((error as Record<string, unknown>)[name], depth + 1)).join('\n')
}

/** The next line that a process prints. */
function lines (child: ChildProcess): () => Promise<string> {
  let text = ''
  child.stdout?.setEncoding('utf8').on('data', (data: string) => { text += data })
  return async () => {
    while (!text.includes('\n')) await once(child.stdout as NonNullable<ChildProcess['stdout']>, 'data')
    const end = text.indexOf('\n')
    const line = text.slice(0, end)
    text = text.slice(end + 1)
    return line
  }
}
