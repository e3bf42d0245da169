import { apiKey, basic } from '@consentry/providers'
import { freePort, type Browser, type Page } from '@consentry/testing'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import t, { type Test } from 'tap'
import { call, codeOf, pendingOf, readEvents, startReport, startServer, statusOf, type TestServer } from './server.ts'

interface Weather {
  host: string
  /** What it was asked with. */
  asked: IncomingHttpHeaders[]
  /** Answers 503 from now on. */
  down: boolean
}

const key = 'canary-key-4711'

/** A service that gives people keys. */
async function weather (t: Test): Promise<Weather> {
  const port = await freePort()
  const service: Weather = { host: `127.0.0.1:${port}`, asked: [], down: false }
  const server = createServer((request, response) => {
    service.asked.push(request.headers)
    const known = request.headers['x-api-key'] === key || request.headers.authorization === `Basic ${Buffer.from(`alice: ${key} `).toString('base64')}`
    response.writeHead(service.down ? 503 : known ? 200 : 401, { 'content-type': 'application/json' }).end(JSON.stringify({ id: 'weather-7', forecast: 'rain' }))
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  return service
}

const start = async (t: Test): Promise<{ server: TestServer, service: Weather }> => {
  const service = await weather(t)
  const common = { host: service.host, allowInsecureLoopback: true, probe: `http://${service.host}/me`, subjectClaim: 'id' }
  const server = await startServer(t, {
    providers: {
      weather: apiKey({ label: 'Weather <b>', header: 'X-API-Key', hint: 'In the settings, under "keys".', helpUrl: 'https://weather.example.com/keys', ...common }),
      tides: basic({ label: 'Tides', ...common })
    },
    routes: (app) => {
      app.post<{ Params: { provider: string } }>('/forecast/:provider', { config: { auth: true } }, async (request, reply) => reply.execution(async (execution) => {
        const grant = await execution.authorize(request.params.provider)
        const response = await grant.fetch(`http://${service.host}/today`)
        return { forecast: (await response.json() as { forecast: string }).forecast, account: grant.account?.subject, printed: JSON.stringify(grant) }
      }))
    }
  })
  return { server, service }
}

const type = (page: Page, value: string): Promise<Page> => page.submit({ 'secret.api_key': value }, { button: 'Connect' })
const alertOf = ({ text }: Page): string | undefined => /role="alert"[^>]*>([^<]+)</.exec(text)?.[1]

t.test('seed E: token forms: a key is typed on our own page, checked at once, and the run goes on', async (t) => {
  const { server, service } = await start(t)
  const alice = await server.browser('alice')
  const started = await startReport(alice, server, '/forecast/weather')
  const { connectUrl, label, host } = pendingOf(started)
  t.same([label, host], ['Weather <b>', new URL(server.url).host], 'B21: it is our page that asks, wherever the key goes from there')
  const page = await alice.open(connectUrl)
  t.equal(page.title, 'Connect Weather &lt;b&gt;'.replace('&lt;', '<').replace('&gt;', '>'))
  t.notMatch(page.text, /Weather <b>/, 'escaped')
  t.match(page.text, /<input id="field-0" name="secret\.api_key" type="password" required maxlength="\d+" autocomplete="new-password"/)
  t.match(page.text, /aria-describedby="field-0-hint"/)
  t.match(page.text, started.executionId)
  t.match(page.headers.get('cache-control'), 'no-store')

  const wrong = await type(page, '"><script>alert(1)</script>')
  t.equal(wrong.status, 422)
  t.match(alertOf(wrong), /does not accept/)
  t.notMatch(wrong.text, /alert\(1\)/, 'what was typed is not shown again')
  t.match(wrong.text, /aria-invalid="true"/)
  service.down = true
  const away = await type(wrong, key)
  t.equal(away.status, 503)
  t.match(alertOf(away), /Try again/)
  t.equal((await statusOf(alice, server, started.executionId)).status, 'oauth_required', 'nothing is lost')
  service.down = false
  const done = await type(away, ` ${key}\n`)
  t.equal(done.url, connectUrl, 'away from the form')
  t.equal(done.title, 'Connected')
  const ended = await statusOf(alice, server, started.executionId, ({ status }) => status === 'completed')
  t.match(ended.result, { forecast: 'rain', account: 'weather-7', printed: /redacted/ })
  t.same((await readEvents(alice, server, started.executionId)).events.map(({ type }) => type), ['running', 'oauth_required', 'oauth_resolved', 'completed'])
  t.match((await call(alice, server, '/auth/connections')).json(), { connections: [{ provider: 'weather', status: 'active', account: { subject: 'weather-7' } }] })
  t.equal((await call(alice, server, '/forecast/weather', { method: 'POST' })).status, 200)
  t.notOk(server.log.text().includes(key), 'B17: the key is in no log line')
  t.notOk(JSON.stringify(alice.history).includes(key), 'and in no URL')
})

t.test('a user name and a password go the same way, with the blanks that belong to it', async (t) => {
  const { server } = await start(t)
  const alice = await server.browser('alice')
  const started = await startReport(alice, server, '/forecast/tides')
  const page = await alice.open(pendingOf(started).connectUrl)
  t.equal((await page.submit({ 'secret.username': 'alice', 'secret.password': 'wrong' }, { button: 'Connect' })).status, 422)
  t.equal((await page.submit({ 'secret.username': 'alice', 'secret.password': ` ${key} ` }, { button: 'Connect' })).title, 'Connected')
  t.match(await statusOf(alice, server, started.executionId, ({ status }) => status === 'completed'), { result: { forecast: 'rain' } })
})

t.test('B3 T3: the form is its owner\'s and comes from our page', async (t) => {
  const { server, service } = await start(t)
  const alice = await server.browser('alice')
  const started = await startReport(alice, server, '/forecast/weather')
  const { connectUrl } = pendingOf(started)
  const bob = await server.browser('bob')
  t.equal((await bob.open(connectUrl)).status, 403)
  const send = (browser: Browser, body: Record<string, string>): ReturnType<typeof call> => call(browser, server, connectUrl, { method: 'POST', headers: { accept: 'text/html' }, body: new URLSearchParams(body) })
  const token = /name="_csrf" value="([^"]+)"/.exec((await alice.open(connectUrl)).text)?.[1] ?? ''
  const fields = { answer: 'continue', 'secret.api_key': key }
  for (const [browser, body, code] of [[alice, fields, 'CROSS_ORIGIN'], [bob, { ...fields, _csrf: token }, 'OWNER_MISMATCH'], [await server.browser(), { ...fields, _csrf: token }, 'AUTHENTICATION_REQUIRED']] as const) {
    t.equal(codeOf(await send(browser, body)), `CONSENTRY_ERR_${code}`)
  }
  t.same(service.asked, [], 'and the service is not asked')
  for (const value of ['', ' ', 'a\u0000b', 'x'.repeat(10_000)]) t.equal((await send(alice, { ...fields, 'secret.api_key': value, _csrf: token })).status, 422)
  t.same(service.asked, [])
  t.equal((await send(alice, { answer: 'decline', _csrf: token })).status, 403)
  t.match(await statusOf(alice, server, started.executionId, ({ status }) => status === 'failed'), { error: { code: 'CONSENTRY_ERR_CONSENT_DENIED' } })
})
