import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { createBrowser, signIn } from '@consentry/testing'
import { startIdp } from '../src/idp.ts'

const script = fileURLToPath(new URL('../src/idp.js', import.meta.url))
const settings = { IDP_APP_URL: 'http://127.0.0.1:3000', IDP_CORP_SECRET: 'one', IDP_CALENDAR_SECRET: 'two', HOST: '127.0.0.1' }

async function failure (env: Record<string, string>): Promise<{ code: number, text: string }> {
  const child = fork(script, { env: { ...settings, ...env }, silent: true, execArgv: [] })
  let text = ''
  child.stderr?.on('data', (chunk: Buffer) => { text += chunk.toString() })
  const [code] = await once(child, 'close') as [number]
  return { code, text }
}

t.test('runs as a child process, and ends with its parent', async (t) => {
  const child = fork(script, { env: { ...settings, IDP_PORT: '0' }, silent: true, execArgv: [] })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => { printed += chunk.toString() })
  const [message] = await once(child, 'message') as [{ type: string, issuer: string }]
  t.match(message, { type: 'listening', issuer: /^http:\/\/localhost:\d+$/ })
  const query = new URLSearchParams({
    client_id: 'corp',
    response_type: 'code',
    scope: 'openid profile',
    redirect_uri: 'http://127.0.0.1:3000/auth/callback/corp',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256'
  })
  const browser = createBrowser({ stopAt: ({ port }) => port === '3000' })
  const page = await signIn(await browser.open(`${message.issuer}/authorize?${query.toString()}`), 'alice')
  t.match(page.next, /^http:\/\/127\.0\.0\.1:3000\/auth\/callback\/corp\?code=/)
  child.disconnect()
  const [code] = await once(child, 'exit') as [number]
  t.equal(code, 0)
  t.equal(printed, '')
})

t.test('says what is wrong', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  t.same(await failure({ IDP_PORT: String(port) }), { code: 1, text: `Port ${port} is taken. Choose another with IDP_PORT.\n` })
  server.close()
  t.match(await failure({ IDP_PORT: 'x' }), { code: 1, text: 'IDP_PORT must be a number from 0 to 65535, not "x"' })
  t.match(await failure({ IDP_ACCESS_TOKEN_TTL: '0' }), { code: 1, text: 'IDP_ACCESS_TOKEN_TTL' })
  t.match(await failure({ IDP_CORP_SECRET: '' }), { code: 1, text: 'IDP_CORP_SECRET is not set' })
})

t.test('startIdp in this process', async (t) => {
  const idp = await startIdp({ port: 0, appUrl: 'http://127.0.0.1:3000', corpSecret: 'one', calendarSecret: 'two', accessTokenTtl: 5 })
  t.match(idp.issuer, /^http:\/\/localhost:/)
  await idp.close()
})
