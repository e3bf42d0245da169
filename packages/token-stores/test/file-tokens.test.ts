import { contractKey, contractRecord, tokenStoreContract } from '@consentry/testing'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { fileTokens } from '../src/index.ts'
import { newKey, oldKey } from './open.ts'
import { causeOf, folder, local, shared } from './world.ts'

const key = contractKey()

for (const sealed of [false, true]) {
  t.test(`a file${sealed ? ', encrypted once more' : ''}`, async (t) => {
    const directory = join(folder(t), 'grants')
    tokenStoreContract(t, {
      ...(sealed ? local : shared)(t, { kind: 'file', directory, sealed }),
      outage: [{
        name: 'the folder is no folder any more',
        async begin () {
          renameSync(directory, `${directory}.away`)
          writeFileSync(directory, '')
          return async () => {
            rmSync(directory)
            renameSync(`${directory}.away`, directory)
          }
        }
      }]
    })
  })
}

t.test('seed C: nothing of a grant is in the file in the clear', async (t) => {
  const directory = folder(t)
  const store = fileTokens({ directory })
  await store.save(key, contractRecord(), undefined)
  for (const file of readdirSync(directory)) t.notMatch(readFileSync(join(directory, file), 'utf8'), /canary|idp\.example/, file)
})

t.test('the folder, the key and the file are their owner\'s alone', async (t) => {
  const directory = join(folder(t), 'a', 'b')
  await fileTokens({ directory }).save(key, contractRecord(), undefined)
  t.equal(statSync(directory).mode & 0o777, 0o700)
  const files = readdirSync(directory)
  t.same(files.toSorted(), ['grants.1.json', 'key'])
  for (const file of files) {
    t.equal(statSync(join(directory, file)).mode & 0o777, 0o600, file)
    chmodSync(join(directory, file), 0o640)
    const error = await Promise.resolve().then(() => fileTokens({ directory }).load(key)).catch((error: unknown) => error)
    t.match(error, { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
    t.match(causeOf(error), `${file} is open to others (mode 640)`)
    chmodSync(join(directory, file), 0o600)
  }
  chmodSync(directory, 0o755)
  t.throws(() => fileTokens({ directory }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
  await t.rejects(fileTokens({ directory, encryption: { keys: [newKey] } }).save(key, contractRecord(), undefined), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
})

t.test('a key that is gone is not replaced while there are grants', async (t) => {
  const directory = folder(t)
  await fileTokens({ directory }).save(key, contractRecord(), undefined)
  rmSync(join(directory, 'key'))
  t.throws(() => fileTokens({ directory }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
  t.same(readdirSync(directory), ['grants.1.json'])
})

t.test('a key of one\'s own', async (t) => {
  const directory = folder(t)
  await fileTokens({ directory, encryption: { keys: [oldKey] } }).save(key, contractRecord(), undefined)
  t.same(readdirSync(directory), ['grants.1.json'], 'none is made')
  await t.rejects(fileTokens({ directory, encryption: { keys: [newKey] } }).load(key), { code: 'CONSENTRY_ERR_RECORD_UNREADABLE' })
  t.same((await fileTokens({ directory, encryption: { keys: [newKey, oldKey] } }).load(key))?.record, contractRecord())
})

t.test('what crashes leave behind counts for nothing, and goes with the next save', async (t) => {
  const directory = folder(t)
  const store = fileTokens({ directory })
  const first = await store.save(key, contractRecord({ accessToken: 'first' }), undefined)
  const whole = readFileSync(join(directory, 'grants.1.json'), 'utf8')
  // Before the link: half a file. After it: the file before is still there.
  writeFileSync(join(directory, 'grants.2.abc.tmp'), whole.slice(0, 20), { mode: 0o600 })
  t.equal((await store.load(key))?.record.accessToken, 'first')
  const second = await store.save(key, contractRecord({ accessToken: 'second' }), first)
  writeFileSync(join(directory, 'grants.1.json'), whole, { mode: 0o600 })
  t.equal((await store.load(key))?.record.accessToken, 'second')
  t.equal(await store.save(key, contractRecord(), first), undefined)
  await store.save(key, contractRecord(), second)
  t.same(readdirSync(directory).toSorted(), ['grants.3.json', 'key'])
})

t.test('a process that is killed while it writes loses nothing that it said it saved', async (t) => {
  const directory = folder(t)
  const script = join(import.meta.dirname, 'fixtures', 'keep-saving.js')
  await fileTokens({ directory }).save(key, contractRecord({ accessToken: '0' }), undefined)
  for (let round = 0; round < 6; round++) {
    const child = spawn(process.execPath, [script, directory, JSON.stringify(key)], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } })
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (data: string) => { said += data })
    const exited = once(child, 'close')
    while (said.split('\n').length < 4) await once(child.stdout, 'data')
    // Somewhere in the middle of a save, another time elsewhere.
    setTimeout(() => child.kill('SIGKILL'), round)
    await exited
    const last = Number(said.trimEnd().split('\n').at(-1))
    const stored = Number((await fileTokens({ directory }).load(key))?.record.accessToken)
    t.ok(stored === last || stored === last + 1, `${stored} after ${last}`)
  }
})

t.test('a file that a newer version wrote is refused and stays as it is', async (t) => {
  const directory = folder(t)
  const store = fileTokens({ directory })
  mkdirSync(directory, { recursive: true })
  const newer = '{"v":2,"everything":"else"}'
  writeFileSync(join(directory, 'grants.7.json'), newer, { mode: 0o600 })
  const results = await Promise.allSettled([store.load(key), store.save(key, contractRecord(), undefined), store.delete(key), store.exists(key), store.listKeys(key)])
  for (const result of results) t.match(result, { status: 'rejected', reason: { code: 'CONSENTRY_ERR_RECORD_UNREADABLE' } })
  t.equal(readFileSync(join(directory, 'grants.7.json'), 'utf8'), newer)
})

t.test('options', async (t) => {
  t.throws(() => fileTokens({ directory: '' }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
  t.throws(() => fileTokens({ directory: folder(t), lease: 0 }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
})
