import { ConsentryError, memoryTokens, type TokenStore } from '@consentry/core'
import { startKeyring } from '@consentry/testing'
import { fileTokens, keyringTokens } from '@consentry/token-stores'
import { findCredentialsAsync } from '@napi-rs/keyring'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { chooseStore, type StoreChoice } from '../src/index.ts'

const unavailable = (): never => { throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE') }
/** Takes everything, and fails when it is to keep it. */
const broken = (): TokenStore => ({ ...memoryTokens(), save: async () => unavailable() })
const key = { tenant: 'default', userId: 'local', provider: 'https://idp.example', profile: 'default' }
const record = { v: 1 as const, accessToken: 'a', tokenType: 'bearer', scopes: [], requestedScopes: [], createdAt: 0, updatedAt: 0 }

function folder (t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'consentry-native-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

t.test('the first that keeps what it is given, and nothing is left of the try', async (t) => {
  const memory = memoryTokens()
  const choices: StoreChoice[] = [{ name: 'missing', open: unavailable }, { name: 'broken', open: broken }, { name: 'good', open: () => memory }, { name: 'spare', open: memoryTokens }]
  t.equal((await chooseStore(choices)).name, 'good')
  t.same(await memory.listKeys({ tenant: 'default', userId: 'probe' }), [])
})

t.test('the one with a grant, wherever it stands', async (t) => {
  const memory = memoryTokens()
  await memory.save(key, record, undefined)
  t.equal((await chooseStore([{ name: 'first', open: memoryTokens }, { name: 'second', open: () => memory }])).name, 'second')
  t.equal((await chooseStore([{ name: 'first', open: memoryTokens }, { name: 'second', open: () => memory, used: () => false }])).name, 'first')
})

t.test('none', async (t) => {
  await t.rejects(chooseStore([{ name: 'missing', open: unavailable }, { name: 'broken', open: broken }]), { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE' })
  await t.rejects(chooseStore([]), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
})

t.test('the keyring where there is one, and no trace of the file; the file otherwise', async (t) => {
  const place = folder(t)
  const directory = join(place, 'file')
  const choices = (service: string): StoreChoice[] => [
    { name: 'keyring', open: () => keyringTokens({ service, directory: join(place, service), timeout: 5_000 }) },
    { name: 'file', open: () => fileTokens({ directory }), used: () => existsSync(directory) }
  ]
  const keyring = await startKeyring()
  t.teardown(() => keyring.close())
  Object.assign(process.env, keyring.env)
  t.equal((await chooseStore(choices('org.example.choice'))).name, 'keyring')
  t.notOk(existsSync(directory))
  t.same(await findCredentialsAsync('org.example.choice'), [])
  await keyring.close()
  t.equal((await chooseStore(choices('org.example.other'))).name, 'file')
})
