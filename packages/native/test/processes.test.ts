import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TokenStore } from '@consentry/core'
import { consent, createBrowser, signIn, startKeyring } from '@consentry/testing'
import { fileTokens, keyringTokens } from '@consentry/token-stores'
import t, { type Test } from 'tap'
import { logout } from '../src/index.ts'
import { createWorld } from './world.ts'

const keyring = await startKeyring()
t.teardown(() => keyring.close())
// Before the first use: the library reads it once.
Object.assign(process.env, keyring.env)

const script = fileURLToPath(new URL('fixtures/refresh.js', import.meta.url))

function folder (t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'consentry-native-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return join(path, 'grants')
}

/** A process that waits for its turn. */
async function start (args: string[]): Promise<{ go: () => Promise<string> }> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => { output += chunk })
  await once(child.stdout, 'data')
  return {
    async go () {
      const closed = once(child, 'close')
      child.stdin.end('go\n')
      await closed
      return output.replace('ready\n', '').trim()
    }
  }
}

const stores: Record<string, (directory: string) => TokenStore> = {
  file: (directory) => fileTokens({ directory }),
  keyring: (directory) => keyringTokens({ service: 'org.example.native', directory })
}

for (const [kind, open] of Object.entries(stores)) {
  t.test(`R1: processes that refresh at once make one token request: ${kind}`, async (t) => {
    const world = await createWorld(t)
    const directory = folder(t)
    const tokenStore = open(directory)
    const { url, granted } = await world.begin({ tokenStore })
    await consent(await signIn(await createBrowser().open(url), 'alice'), 'allow')
    const before = await (await granted).accessToken()
    const key = { tenant: 'default', userId: 'local', provider: world.op.issuer, profile: 'default' }
    const found = await tokenStore.load(key)
    if (found === undefined) return t.fail('it is stored')
    await tokenStore.save(key, { ...found.record, expiresAt: Date.now() - 1 }, found.version)
    const children = await Promise.all([1, 2].map(() => start([world.op.issuer, kind, directory])))
    const tokens = await Promise.all(children.map(({ go }) => go()))
    t.equal(world.op.ledger.token.refresh_token, 1)
    t.equal(new Set(tokens).size, 1, 'both have the new token')
    t.not(tokens[0], before)
    t.ok(world.op.ledger.secrets.has(tokens[0] ?? ''))
    t.same(await logout({ ...world.options, tokenStore }), { revoked: true })
    t.equal(await (await start([world.op.issuer, kind, directory])).go(), 'none', 'signed out everywhere')
  })
}
