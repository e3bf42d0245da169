import { contractKey, contractRecord, startKeyring, tokenStoreContract } from '@consentry/testing'
import { AsyncEntry, findCredentialsAsync } from '@napi-rs/keyring'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { keyringTokens } from '../src/index.ts'
import { causeOf, folder, local, shared } from './world.ts'

const keyring = await startKeyring()
t.teardown(() => keyring.close())
// Before the first use: the library below reads it once.
Object.assign(process.env, keyring.env)

const key = contractKey()
let services = 0
const fresh = (t: Parameters<typeof folder>[0]): { service: string, directory: string } => ({ service: `org.example.test${++services}`, directory: folder(t) })

for (const sealed of [false, true]) {
  t.test(`the keyring${sealed ? ', encrypted' : ''}`, async (t) => {
    tokenStoreContract(t, (sealed ? local : shared)(t, { kind: 'keyring', sealed, ...fresh(t) }))
  })
}

t.test('seed C: what is longer than an entry may be is split', async (t) => {
  const place = fresh(t)
  const store = keyringTokens({ ...place, maxEntryLength: 99 })
  // An odd length cuts through the middle of a character.
  const record = contractRecord({ accessToken: `${'🔑'.repeat(100)}é"\\` })
  const version = await store.save(key, record, undefined)
  t.same(await store.load(key), { record, version })
  const entries = await findCredentialsAsync(place.service)
  t.ok(entries.length > 5)
  t.ok(entries.every(({ password }) => password.length <= 99))
  await store.save(key, contractRecord({ accessToken: 'short' }), version)
  t.ok((await findCredentialsAsync(place.service)).length < entries.length, 'what was replaced is gone')
  t.ok(await store.delete(key))
  t.same(await findCredentialsAsync(place.service), [])
})

t.test('seed C: no token or claim is in the index', async (t) => {
  const place = fresh(t)
  await keyringTokens(place).save(key, contractRecord(), undefined)
  for (const file of readdirSync(place.directory)) t.notMatch(readFileSync(join(place.directory, file), 'utf8'), /canary|idp\.example|write/)
})

t.test('seed C: each call takes its own options', async (t) => {
  const [one, two] = [keyringTokens(fresh(t)), keyringTokens(fresh(t))]
  await one.save(key, contractRecord(), undefined)
  t.equal(await two.load(key), undefined)
  t.same(await two.listKeys(key), [])
})

t.test('seed C: a crash in the middle of a save shows the grant as it was, and what it left goes with a later save', async (t) => {
  const place = fresh(t)
  const store = keyringTokens({ ...place, maxEntryLength: 100 })
  const version = await store.save(key, contractRecord({ accessToken: 'before' }), undefined)
  const indexFile = (): string => join(place.directory, readdirSync(place.directory).find((file) => file.startsWith('index.')) as string)
  const count = async (): Promise<number> => (await findCredentialsAsync(place.service)).length
  const whole = await count()
  const intact = readFileSync(indexFile(), 'utf8')

  // As after a crash between the entries and the index, longer ago than anybody still writes.
  const after = await store.save(key, contractRecord({ accessToken: 'after' }), version)
  const { loose: _none, grants } = JSON.parse(readFileSync(indexFile(), 'utf8')) as { loose: unknown[], grants: Record<string, { generation: string, parts: number }> }
  const [[id, lost]] = Object.entries(grants) as [[string, { generation: string, parts: number }]]
  t.equal(lost.generation, after)
  const another = contractKey()
  const kept = await store.save(another, contractRecord(), undefined) as string
  const { grants: both } = JSON.parse(readFileSync(indexFile(), 'utf8')) as { grants: Record<string, unknown> }
  delete both[id]
  writeFileSync(indexFile(), JSON.stringify({ v: 1, grants: both, loose: [{ id, ...lost, since: 0, dead: false }] }))
  t.equal(await store.load(key), undefined, 'what is not in the index is not there')
  await store.save(another, contractRecord(), kept)
  t.equal(await count(), whole, 'the entries of the other grant alone')

  // As after a crash in the middle of the entries.
  writeFileSync(indexFile(), intact)
  const error = await store.load(key).catch((error: unknown) => error)
  t.match(error, { code: 'CONSENTRY_ERR_RECORD_UNREADABLE' }, 'an index of other entries makes no mixture')
  t.equal(causeOf(error), 'the keyring has lost a part of it')
})

t.test('seed C: a process that dies after any part leaves the grant as it was, and its parts go with a later save', async (t) => {
  const place = fresh(t)
  const config = { kind: 'keyring', sealed: false, maxEntryLength: 130, ...place } as const
  const store = keyringTokens(config)
  const crash = (accessToken: string, method: 'setPassword' | 'deleteCredential', count: number): void => {
    const args = [config, key, contractRecord({ accessToken })].map((each) => JSON.stringify(each))
    const { signal, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, 'fixtures', 'crash-after.js'), ...args, method, String(count)], { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } })
    t.equal(signal, 'SIGKILL', stderr)
  }
  const count = async (): Promise<number> => (await findCredentialsAsync(place.service)).length
  const version = await store.save(key, contractRecord({ accessToken: 'before' }), undefined)
  const parts = await count()
  t.ok(parts > 2)
  for (let written = 1; written <= parts; written++) {
    crash('after', 'setPassword', written)
    t.same(await store.load(key), { record: contractRecord({ accessToken: 'before' }), version }, `after ${written} of ${parts} parts`)
  }
  t.ok(await count() > 2 * parts)

  // Longer ago than anybody still writes.
  const file = join(place.directory, readdirSync(place.directory).find((each) => /^index\.\d+\.json$/.test(each)) as string)
  const index = JSON.parse(readFileSync(file, 'utf8')) as { loose: Array<{ since: number }> }
  t.equal(index.loose.length, parts)
  for (const each of index.loose) each.since = 0
  writeFileSync(file, JSON.stringify(index))
  crash('saved', 'deleteCredential', 2)
  t.equal((await store.load(key))?.record.accessToken, 'saved', 'what it could not tidy up is no reason not to have saved')
  const another = contractKey()
  await store.delete(another, await store.save(another, contractRecord(), undefined))
  t.equal(await count(), parts, 'no part is left over')
})

t.test('seed C: parts that somebody removed before keep no other from being removed', async (t) => {
  const place = fresh(t)
  const store = keyringTokens({ ...place, maxEntryLength: 100 })
  const version = await store.save(key, contractRecord(), undefined)
  const indexFile = (): string => join(place.directory, readdirSync(place.directory).find((file) => file.startsWith('index.')) as string)
  const index = JSON.parse(readFileSync(indexFile(), 'utf8')) as { loose: unknown[] }
  index.loose.push({ id: 'a/b/c/d', generation: 'gone', parts: 3, since: 0, dead: true })
  writeFileSync(indexFile(), JSON.stringify(index))
  await store.delete(key, version)
  t.same(await findCredentialsAsync(place.service), [])
  t.same((JSON.parse(readFileSync(indexFile(), 'utf8')) as { loose: unknown[] }).loose, [])
})

t.test('who takes long to write is not given up by those who save meanwhile', async (t) => {
  const place = fresh(t)
  const saving = keyringTokens({ ...place, maxEntryLength: 5 }).save(key, contractRecord(), undefined)
  while (!readdirSync(place.directory).includes('index.1.json')) await new Promise((resolve) => { setTimeout(resolve, 5) })
  let over = false
  void saving.then(() => { over = true })
  const [store, another] = [keyringTokens(place), contractKey()]
  await store.delete(another, await store.save(another, contractRecord(), undefined))
  t.notOk(over, 'they were done before')
  const version = await saving
  t.ok(version)
  t.same(await store.load(key), { record: contractRecord(), version })
})

t.test('R5: a keyring that removes nothing any more is no reason not to have saved, and what is left over goes with a later save', async (t) => {
  const place = fresh(t)
  const store = keyringTokens(place)
  const version = await store.save(key, contractRecord({ accessToken: 'before' }), undefined)
  const removal = Object.getOwnPropertyDescriptor(AsyncEntry.prototype, 'deleteCredential') as PropertyDescriptor
  const restore = (): void => { Object.defineProperty(AsyncEntry.prototype, 'deleteCredential', removal) }
  t.teardown(restore)
  Object.defineProperty(AsyncEntry.prototype, 'deleteCredential', { ...removal, value: async () => { throw new Error('locked') } })
  const next = await store.save(key, contractRecord({ accessToken: 'after' }), version)
  t.ok(next)
  t.equal((await findCredentialsAsync(place.service)).length, 2)
  restore()
  t.ok(await store.delete(key, next))
  t.same(await findCredentialsAsync(place.service), [])
})

t.test('an index that is cut off, or somebody else\'s, is refused and stays as it is', async (t) => {
  const place = fresh(t)
  const store = keyringTokens(place)
  for (const text of ['{"v":1,"grants":{', '{"v":1}', '{"v":1,"grants":{}}', '[]', '']) {
    writeFileSync(join(place.directory, 'index.3.json'), text, { mode: 0o600 })
    const results = await Promise.allSettled([store.load(key), store.save(key, contractRecord(), undefined), store.delete(key), store.exists(key), store.listKeys(key)])
    for (const result of results) t.match(result, { status: 'rejected', reason: { code: 'CONSENTRY_ERR_RECORD_UNREADABLE' } })
    t.equal(readFileSync(join(place.directory, 'index.3.json'), 'utf8'), text)
  }
})

type Loose = Array<{ dead: boolean }>
for (const [how, giveUp] of [
  ['', (loose: Loose) => loose.map((each) => ({ ...each, dead: true }))],
  [', nor leaves a part behind when it was forgotten meanwhile', () => []]
] as ReadonlyArray<[string, (loose: Loose) => Loose]>) {
  t.test(`a writer that was given up saves nothing${how}`, async (t) => {
    const place = fresh(t)
    const store = keyringTokens({ ...place, maxEntryLength: 50 })
    const saving = store.save(key, contractRecord(), undefined)
    // While the entries are being written, somebody decides that the writer is dead.
    let file: string | undefined
    while (file === undefined) {
      file = await new Promise((resolve) => { setTimeout(resolve, 5) }).then(() => readdirSync(place.directory).find((each) => each === 'index.1.json'))
    }
    const index = JSON.parse(readFileSync(join(place.directory, file), 'utf8')) as { loose: Loose }
    t.equal(index.loose.length, 1, 'it said what it is about to write')
    writeFileSync(join(place.directory, file), JSON.stringify({ ...index, loose: giveUp(index.loose) }))
    t.equal(await saving, undefined)
    t.equal(await store.load(key), undefined)
    t.same(await findCredentialsAsync(place.service), [])
  })
}

t.test('what a newer version wrote is refused and stays as it is', async (t) => {
  const place = fresh(t)
  const store = keyringTokens(place)
  const newer = '{"v":2}'
  writeFileSync(join(place.directory, 'index.3.json'), newer, { mode: 0o600 })
  await t.rejects(store.load(key), { code: 'CONSENTRY_ERR_RECORD_UNREADABLE' })
  await t.rejects(store.save(key, contractRecord(), undefined), { code: 'CONSENTRY_ERR_RECORD_UNREADABLE' })
  t.equal(readFileSync(join(place.directory, 'index.3.json'), 'utf8'), newer)
})

t.test('R5: without a keyring the failure has a code, and says what to do', async (t) => {
  const script = `
    import { keyringTokens } from ${JSON.stringify(new URL('../src/index.js', import.meta.url).href)}
    const store = keyringTokens({ service: 'org.example.none', directory: ${JSON.stringify(folder(t))} })
    try { await store.save(${JSON.stringify(key)}, ${JSON.stringify(contractRecord())}, undefined) } catch (error) { console.log(error.code, error.cause.message) }`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', env: { PATH: process.env['PATH'] } })
  t.match(stdout, /^CONSENTRY_ERR_STORE_UNAVAILABLE .*Secret Service.*unlocked.*D-Bus.*encrypted file/)
})

t.test('R5: a keyring that is locked, and that nobody unlocks: the failure has a code, and nothing is lost', async (t) => {
  const locked = await startKeyring({ inFile: true })
  t.teardown(() => locked.close())
  const place = { service: 'org.example.locked', directory: folder(t) }
  // The library reads the address of the session once.
  const inSession = (call: string): string => spawnSync(process.execPath, ['--input-type=module', '-e', `
    import { keyringTokens } from ${JSON.stringify(new URL('../src/index.js', import.meta.url).href)}
    const store = keyringTokens(${JSON.stringify(place)})
    const [key, record] = ${JSON.stringify([key, contractRecord()])}
    try { console.log(JSON.stringify(await ${call})) } catch (error) { console.log(error.code, error.retryable, error.cause.message) }`],
  { encoding: 'utf8', env: { PATH: process.env['PATH'], ...locked.env } }).stdout.trim()
  const version = JSON.parse(inSession('store.save(key, record, undefined)')) as string
  const index = readdirSync(place.directory)
  await locked.lock()
  for (const call of ['store.load(key)', `store.save(key, record, '${version}')`]) t.match(inSession(call), /^CONSENTRY_ERR_STORE_UNAVAILABLE true .*unlocked/)
  t.match(inSession('store.exists(key)'), 'true')
  t.ok(index.length > 0)
  t.equal((JSON.parse(readFileSync(join(place.directory, readdirSync(place.directory).find((file) => file.startsWith('index.')) as string), 'utf8')) as { grants: Record<string, { generation: string }> })
    .grants['default/' + key.userId + '/github/default']?.generation, version)
})

t.test('options', async (t) => {
  const directory = folder(t)
  for (const options of [{ service: '' }, { service: '../x/y' }, { service: 'a', maxEntryLength: 0 }, { service: 'a', lease: 0 }, { service: 'a', timeout: 0.5 }]) {
    t.throws(() => keyringTokens({ directory, ...options }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
  }
})
