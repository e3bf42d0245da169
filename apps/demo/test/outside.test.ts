import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { createBrowser, signIn } from '@consentry/testing'
import { startSkycast } from '../src/outside/skycast.ts'

const script = fileURLToPath(new URL('../src/outside/main.js', import.meta.url))
const settings = {
  HOST: '127.0.0.1',
  IDP_PORT: '0',
  CALENDAR_PORT: '0',
  WEATHER_PORT: '0',
  APP_URL: 'http://127.0.0.1:3000',
  CORP_SECRET: 'one',
  CALENDAR_SECRET: 'two',
  CALENDAR_TOKEN_LIFETIME: '30'
}

async function failure (env: Record<string, string>): Promise<{ code: number, text: string }> {
  const child = fork(script, { env: { ...settings, ...env }, silent: true, execArgv: [] })
  let text = ''
  child.stderr?.on('data', (chunk: Buffer) => { text += chunk.toString() })
  const [code] = await once(child, 'close') as [number]
  return { code, text }
}

t.test('runs as a child process, and ends with its parent', async (t) => {
  const child = fork(script, { env: settings, silent: true, execArgv: [] })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => { printed += chunk.toString() })
  const [message] = await once(child, 'message') as [{ type: string, corp: string, calendar: string, weather: string }]
  t.match(message, { type: 'listening', corp: /^http:\/\/localhost:\d+$/, calendar: /^http:\/\/localhost:\d+$/, weather: /^http:\/\/localhost:\d+$/ })
  t.equal(new Set([message.corp, message.calendar, message.weather]).size, 3, 'three of them, each on its own')
  const browser = createBrowser({ stopAt: ({ port }) => port === '3000' })
  const request = (issuer: string, clientId: string, callback: string): string => `${issuer}/authorize?${new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    scope: 'openid profile',
    redirect_uri: `http://127.0.0.1:3000/auth/callback/${callback}`,
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256'
  }).toString()}`
  const page = await signIn(await browser.open(request(message.corp, 'corp', 'corp')), 'alice')
  t.match(page.next, /^http:\/\/127\.0\.0\.1:3000\/auth\/callback\/corp\?code=/)
  const calendar = await browser.open(request(message.calendar, 'report-demo', 'calendar'))
  t.match(calendar.text, 'Accounts here: alice, bob, alice.home, bob.home.', 'who is signed in at one is nobody at the other')
  child.disconnect()
  const [code] = await once(child, 'exit') as [number]
  t.equal(code, 0)
  t.equal(printed, '')
})

t.test('says what is wrong', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  for (const name of ['IDP_PORT', 'CALENDAR_PORT', 'WEATHER_PORT']) {
    t.same(await failure({ [name]: String(port) }), { code: 1, text: `Port ${port} is taken. Choose another with ${name}.\n` })
  }
  server.close()
  t.match(await failure({ IDP_PORT: 'x' }), { code: 1, text: 'IDP_PORT must be a number from 0 to 65535, not "x"' })
  t.match(await failure({ CALENDAR_TOKEN_LIFETIME: '0' }), { code: 1, text: 'CALENDAR_TOKEN_LIFETIME' })
  t.match(await failure({ CORP_SECRET: '' }), { code: 1, text: 'CORP_SECRET is not set' })
})

t.test('the weather is for those who have the key', async (t) => {
  const skycast = await startSkycast({ host: '127.0.0.1', weatherPort: 0 })
  t.teardown(async () => skycast.close())
  const ask = async (path: string, key?: string): Promise<Response> => fetch(`http://127.0.0.1:${skycast.port}${path}`, { headers: key === undefined ? {} : { 'x-api-key': key } })
  t.match(await (await ask('/')).text(), skycast.key, 'its page shows it')
  for (const key of [undefined, '', 'wrong', `${skycast.key}x`, skycast.key.slice(0, -1)]) t.equal((await ask('/v1/week', key)).status, 401, String(key))
  t.match(await (await ask('/v1/week', skycast.key)).json(), { days: [{ date: '2026-01-12', sky: 'Rain' }] })
  t.match(await (await ask('/v1/account', skycast.key)).json(), { id: 'acct_1' })
  t.equal((await ask('/v1/other', skycast.key)).status, 404)
})
