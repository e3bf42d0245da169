import { contractKey, contractRecord, tokenStoreContract } from '@consentry/testing'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import files from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
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
  const written = readFileSync(join(directory, 'grants.1.json'), 'utf8')
  const other = fileTokens({ directory, encryption: { keys: [newKey] } })
  await t.rejects(other.rewrap(key), { code: 'CONSENTRY_ERR_RECORD_UNREADABLE' })
  t.equal(await other.save(key, contractRecord(), undefined), undefined)
  t.same(readdirSync(directory), ['grants.1.json'])
  t.equal(readFileSync(join(directory, 'grants.1.json'), 'utf8'), written, 'the wrong key changes nothing')
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
    const child = spawn(process.execPath, [script, JSON.stringify({ kind: 'file', directory, sealed: false }), JSON.stringify(key)], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } })
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

t.test('what is saved is on the disk before it counts, and its name before save says so', async (t) => {
  const steps: string[] = []
  const opened = await files.open(import.meta.filename)
  const handles = Object.getPrototypeOf(opened) as { sync: () => Promise<void> }
  await opened.close()
  const [{ sync }, { link }] = [handles, files]
  handles.sync = async function (this: { stat: () => Promise<{ isDirectory: () => boolean }> } & typeof handles) {
    steps.push((await this.stat()).isDirectory() ? 'flush the folder' : 'flush the file')
    return sync.call(this)
  }
  files.link = async (...args) => {
    steps.push('link')
    return link(...args)
  }
  syncBuiltinESMExports()
  t.teardown(() => {
    Object.assign(handles, { sync })
    Object.assign(files, { link })
    syncBuiltinESMExports()
  })
  await fileTokens({ directory: folder(t) }).save(key, contractRecord(), undefined)
  t.same(steps, ['flush the file', 'link', 'flush the folder'])
})

t.test('R2: who slept before anything was written comes too late, though the number they wanted is free again', async (t) => {
  const directory = folder(t)
  const version = await fileTokens({ directory }).save(key, contractRecord({ accessToken: 'first' }), undefined)
  const { open } = files
  let awake = false
  files.open = async (...args) => {
    if (!awake && String(args[0]).includes('grants.2.')) {
      awake = true
      const other = fileTokens({ directory })
      const second = await other.save(key, contractRecord({ accessToken: 'second' }), version)
      await other.save(key, contractRecord({ accessToken: 'third' }), second)
    }
    return open(...args)
  }
  syncBuiltinESMExports()
  t.teardown(() => {
    Object.assign(files, { open })
    syncBuiltinESMExports()
  })
  t.equal(await fileTokens({ directory }).save(key, contractRecord({ accessToken: 'late' }), version), undefined)
  t.ok(awake)
  t.equal((await fileTokens({ directory }).load(key))?.record.accessToken, 'third')
  t.same(readdirSync(directory).toSorted(), ['grants.3.json', 'key'])
})

for (const [what, text] of [
  ['a newer version wrote', '{"v":2,"everything":"else"}'], ['is cut off', '{"v":1,"grants":{"a":'], ['is empty', ''], ['is somebody else\'s', '<?xml version="1.0"?>'],
  ['is no object', '[]'], ['has no grants', '{"v":1}'], ['has grants that are none', '{"v":1,"grants":null}']
] as const) {
  t.test(`a file that ${what} is refused and stays as it is`, async (t) => {
    const directory = folder(t)
    const store = fileTokens({ directory })
    writeFileSync(join(directory, 'grants.7.json'), text, { mode: 0o600 })
    const results = await Promise.allSettled([store.load(key), store.save(key, contractRecord(), undefined), store.delete(key), store.exists(key), store.listKeys(key)])
    for (const result of results) t.match(result, { status: 'rejected', reason: { code: 'CONSENTRY_ERR_RECORD_UNREADABLE' } })
    t.equal(readFileSync(join(directory, 'grants.7.json'), 'utf8'), text)
    t.same(readdirSync(directory).toSorted(), ['grants.7.json', 'key'])
  })
}

t.test('links: to a folder of one\'s own it is that folder; one that leads nowhere is no empty store', async (t) => {
  const directory = join(folder(t), 'link')
  const target = folder(t)
  symlinkSync(target, directory)
  const store = fileTokens({ directory })
  await store.save(key, contractRecord(), undefined)
  t.same(readdirSync(target).toSorted(), ['grants.1.json', 'key'])
  chmodSync(target, 0o755)
  t.throws(() => fileTokens({ directory }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' }, 'what counts is where it leads')
  chmodSync(target, 0o700)
  symlinkSync(join(target, 'nowhere'), join(target, 'grants.2.json'))
  const results = await Promise.allSettled([store.load(key), store.save(key, contractRecord(), undefined), store.listKeys(key)])
  for (const result of results) t.match(result, { status: 'rejected', reason: { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE' } })
  t.same(readdirSync(target).toSorted(), ['grants.1.json', 'grants.2.json', 'key'])
})

t.test('names that are no numbers of ours count for nothing', async (t) => {
  const directory = folder(t)
  const store = fileTokens({ directory })
  const version = await store.save(key, contractRecord(), undefined)
  const foreign = ['grants.0.json', 'grants.007.json', 'grants.99999999999999999999.json', 'grants.2.json.bak', 'grants.json', 'mygrants.9.json']
  for (const file of foreign) writeFileSync(join(directory, file), 'not ours', { mode: 0o600 })
  t.same(await store.load(key), { record: contractRecord(), version })
  t.ok(await store.save(key, contractRecord(), version))
  t.same(readdirSync(directory).toSorted(), [...foreign, 'grants.2.json', 'key'].toSorted(), 'and stay')
})

t.test('what belongs to another user is refused', { skip: process.geteuid?.() === 0 ? false : 'only the superuser can give a file away' }, async (t) => {
  const directory = folder(t)
  await fileTokens({ directory }).save(key, contractRecord(), undefined)
  for (const path of [directory, join(directory, 'key'), join(directory, 'grants.1.json')]) {
    chownSync(path, 12_345, 12_345)
    const error = await Promise.resolve().then(() => fileTokens({ directory }).load(key)).catch((error: unknown) => error)
    t.match(error, { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
    t.match(causeOf(error), `${path} belongs to another user (uid 12345)`)
    chownSync(path, 0, 0)
  }
  t.ok(await fileTokens({ directory }).load(key))
})

t.test('processes that start at once agree on one key', async (t) => {
  const script = `
    import { fileTokens } from ${JSON.stringify(new URL('../src/index.js', import.meta.url).href)}
    process.stdin.once('data', async () => {
      const [directory, key, record] = process.argv.slice(1)
      await fileTokens({ directory }).save(JSON.parse(key), JSON.parse(record), undefined)
      process.exit()
    })
    console.log('ready')`
  for (let round = 0; round < 3; round++) {
    const directory = join(folder(t), 'grants')
    const keys = Array.from({ length: 4 }, () => contractKey())
    const children = keys.map((each) => spawn(process.execPath, ['--input-type=module', '-e', script, directory, JSON.stringify(each), JSON.stringify(contractRecord())], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } }))
    await Promise.all(children.map((child) => once(child.stdout, 'data')))
    const exited = children.map((child) => once(child, 'exit'))
    for (const child of children) child.stdin.write('go\n')
    t.same((await Promise.all(exited)).map(([code]) => code as number), [0, 0, 0, 0])
    const store = fileTokens({ directory })
    for (const each of keys) t.same((await store.load(each))?.record, contractRecord())
    t.same(readdirSync(directory).filter((file) => file.startsWith('key')), ['key'])
  }
})

t.test('a key that was damaged is refused and stays as it is', async (t) => {
  const directory = folder(t)
  await fileTokens({ directory }).save(key, contractRecord(), undefined)
  for (const text of ['', 'short', `${'a'.repeat(42)}!`]) {
    writeFileSync(join(directory, 'key'), text)
    t.throws(() => fileTokens({ directory }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
    t.equal(readFileSync(join(directory, 'key'), 'utf8'), text)
  }
})

t.test('options', async (t) => {
  t.throws(() => fileTokens({ directory: '' }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
  t.throws(() => fileTokens({ directory: folder(t), lease: 0 }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
})
