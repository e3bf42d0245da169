import { once } from 'node:events'
import { createServer } from 'node:http'
import t from 'tap'
import { consent, createBrowser, freePort, signIn, startLocalProvider } from '@consentry/testing'
import type { Browser, Page } from '@consentry/testing'
import { readConfig } from '../src/config.ts'
import { isTaken, runDemo, startDemo, until } from './demo.ts'
import type { Demo } from './demo.ts'

// Every start is two processes.
t.setTimeout(300_000)

interface Status {
  executionId: string
  status: string
  statusUrl: string
  result?: unknown
  error?: { code: string }
  pending?: Array<{ provider: string, scopes: string[], connectUrl: string, expiresAt: string }>
}

async function signedIn (demo: Demo, username: string): Promise<Browser> {
  const browser = createBrowser()
  const page = await signIn(await browser.open(`${demo.url}/auth/login?return_to=/`), username)
  if (page.url !== `${demo.url}/`) throw new Error(`signing in led to ${page.url}`)
  return browser
}

async function writeReport (browser: Browser, path = '/report'): Promise<Status> {
  const answer = await browser.fetch(path, { method: 'POST', headers: { prefer: 'respond-async' } })
  if (answer.status !== 202) throw new Error(`the report was answered with ${answer.status} ${answer.text}`)
  return answer.json() as Status
}

/** The status document, as soon as it is this one. */
async function whenStatus (browser: Browser, { statusUrl }: Status, wanted: string): Promise<Status> {
  return until(async () => {
    const document = (await browser.fetch(statusUrl)).json() as Status
    return document.status === wanted ? document : undefined
  })
}

/** Opens the question as from a mail or a chat, where our own page asks first, and signs in at the calendar if it wants that. */
async function answer (browser: Browser, asked: Status, decision: 'allow' | 'deny', { as, ...options }: { as?: string, without?: string[] } = {}): Promise<Page> {
  const question = await browser.open(asked.pending?.[0]?.connectUrl ?? '')
  const page = await question.submit({}, { button: /Continue to [^<]+/.exec(question.text)?.[0] ?? '' })
  return consent(as === undefined ? page : await signIn(page, as), decision, options)
}

t.test('a report that asks for the calendar', async (t) => {
  const demo = await startDemo()
  t.teardown(async () => demo.stop())
  t.equal(demo.url, `http://127.0.0.1:${demo.port}`)
  t.match(demo.output(), 'CONSENTRY_SECRET is not set')
  const alice = await signedIn(demo, 'alice')

  await t.test('the administration is for admins', async (t) => {
    t.equal((await alice.open(`${demo.url}/admin`)).title, 'Administration · Consentry demo')
    t.match((await alice.fetch('/admin/overview')).json(), { sessions: [{ createdAt: Number }], providers: [{ label: String }, { label: 'Daybook' }, { label: 'Skycast' }] })
    const bob = await signedIn(demo, 'bob')
    const refused = await bob.open(`${demo.url}/admin`)
    t.equal(refused.status, 403)
    t.match(refused.text, 'CONSENTRY_ERR_FORBIDDEN')
    for (const path of ['/admin/overview', '/admin/', '//admin', '/%61dmin', '/ADMIN', '/admin.html', '/pages/admin.html', '/../pages/admin.html']) {
      const answer = await bob.fetch(demo.url + path)
      t.ok(answer.status === 403 || answer.status === 404, `${path}: ${answer.status}`)
    }
    t.equal((await signIn(await createBrowser().open(`${demo.url}/admin`), 'alice')).title, 'Administration · Consentry demo', 'through the login and back')
    await alice.open(`${demo.url}/`)
  })

  await t.test('who is signed in', async (t) => {
    const userInfo = (await alice.fetch('/auth/userinfo')).json()
    t.match(userInfo, { name: 'Alice Novak', email: 'alice@example.com', groups: ['staff', 'admins'], issuer: `http://localhost:${demo.idpPort}` })
  })

  await t.test('the page and its policy', async (t) => {
    const page = await alice.open(demo.url)
    t.match(page.headers.get('content-security-policy'), "default-src 'none'; script-src 'self'; style-src 'self'")
    t.notMatch(page.text, /<script(?![^>]* src=)|<style|\son\w+=|\sstyle=/, 'nothing inline')
    for (const file of ['app.js', 'view.js', 'run.js', 'client/index.js', 'client/prompt.js', 'agenda.js', 'api.js', 'dom.js', 'style.css', 'favicon.svg']) {
      t.equal((await alice.fetch(`/${file}`)).status, 200, file)
    }
    t.equal((await alice.fetch('/../package.json')).status, 404)
    t.equal((await alice.open(`http://localhost:${demo.port}/`)).url, `${demo.url}/`, 'one name for one origin')
  })

  await t.test('is for people who are signed in', async (t) => {
    const stranger = createBrowser()
    await stranger.open(demo.url)
    const refused = await stranger.fetch('/report', { method: 'POST' })
    t.equal(refused.status, 401)
    t.match(refused.json(), { code: 'CONSENTRY_ERR_AUTHENTICATION_REQUIRED' })
  })

  await t.test('denied', async (t) => {
    const asked = await whenStatus(alice, await writeReport(alice), 'oauth_required')
    const bob = await signedIn(demo, 'bob')
    t.equal((await bob.open(asked.pending?.[0]?.connectUrl ?? '')).status, 403, 'a link that was passed on')
    t.match((await alice.fetch(asked.statusUrl)).json(), { status: 'oauth_required' })
    t.match(await answer(alice, asked, 'deny', { as: 'alice' }), { status: 403, title: 'Declined' })
    t.match(await whenStatus(alice, asked, 'failed'), { error: { code: 'CONSENTRY_ERR_CONSENT_DENIED' } })
    t.same((await alice.fetch('/auth/connections')).json(), { connections: [] })
  })

  await t.test('allowed, and not asked again', async (t) => {
    const asked = await whenStatus(alice, await writeReport(alice), 'oauth_required')
    t.match(asked.pending, [{ provider: 'calendar', profile: 'work', scopes: ['email', 'calendar.read'] }])
    t.equal(new URL(asked.pending?.[0]?.connectUrl ?? '').origin, demo.url)
    t.match(await answer(alice, asked, 'allow'), { status: 200, title: 'Connected' })
    const { userId } = (await alice.fetch('/auth/status')).json() as { userId: string }
    const { result } = await whenStatus(alice, asked, 'completed')
    t.match(result, { owner: userId, events: [{ title: 'Planning for the quarter' }, {}, {}, {}, { title: 'Dentist' }] })
    const again = await alice.fetch('/report', { method: 'POST' })
    t.equal(again.status, 200)
    t.same(again.json(), result)
  })

  await t.test('another person has another calendar, and sees nothing of this one', async (t) => {
    const own = await writeReport(alice)
    const bob = await signedIn(demo, 'bob')
    t.equal((await bob.fetch(own.statusUrl)).status, 404)
    const asked = await whenStatus(bob, await writeReport(bob), 'oauth_required')
    await answer(bob, asked, 'allow', { as: 'bob' })
    t.match(await whenStatus(bob, asked, 'completed'), { result: { events: [{ title: 'Stand-up' }] } })
  })

  await t.test('disconnected, it asks again, and can be cancelled', async (t) => {
    const path = '/auth/connections/calendar?profile=work'
    t.match((await alice.fetch(path, { method: 'DELETE' })).json(), { code: 'CONSENTRY_ERR_CROSS_ORIGIN' }, 'T3: not without the token')
    const { csrfToken } = (await alice.fetch('/auth/status')).json() as { csrfToken: string }
    const ended = await alice.fetch(path, { method: 'DELETE', headers: { 'x-csrf-token': csrfToken } })
    t.same(ended.json(), { provider: 'calendar', profile: 'work', disconnected: true, revoked: true })
    const asked = await whenStatus(alice, await writeReport(alice), 'oauth_required')
    t.equal((await alice.fetch(`/executions/${asked.executionId}/cancel`, { method: 'POST' })).status, 202)
    await whenStatus(alice, asked, 'cancelled')
  })

  await t.test('what happened to the grants is told to whoever they are of', async (t) => {
    const stranger = createBrowser()
    await stranger.open(demo.url)
    t.equal((await stranger.fetch('/activity')).status, 401)
    const { entries } = (await alice.fetch('/activity')).json() as { entries: Array<{ type: string }> }
    const types = entries.map(({ type }) => type).filter((type) => type !== 'refreshed')
    t.same(types.toReversed(), ['started', 'denied', 'started', 'granted', 'revoked', 'started', 'failed'])
    t.notMatch(JSON.stringify(entries), /token|secret|userId/i)
    const bob = await signedIn(demo, 'bob')
    const own = (await bob.fetch('/activity')).json() as { entries: Array<{ type: string }> }
    t.same(own.entries.map(({ type }) => type).toReversed().slice(0, 2), ['started', 'granted'])
  })

  await t.test('ends with its child', async (t) => {
    const waiting = await whenStatus(alice, await writeReport(alice), 'oauth_required')
    t.equal(waiting.status, 'oauth_required')
    t.ok(await isTaken(demo.idpPort))
    t.equal(await demo.stop('SIGTERM'), 0)
    t.notOk(await isTaken(demo.idpPort))
    t.notOk(await isTaken(demo.port))
  })
})

t.test('a question that nobody answers', async (t) => {
  const demo = await startDemo({ FLOW_LIFETIME: '1', CONSENTRY_SECRET: 'x'.repeat(32) })
  t.teardown(async () => demo.stop())
  t.notMatch(demo.output(), 'CONSENTRY_SECRET')
  const alice = await signedIn(demo, 'alice')
  t.match(await whenStatus(alice, await writeReport(alice), 'failed'), { error: { code: 'CONSENTRY_ERR_FLOW_EXPIRED' } })
  t.equal(await demo.stop('SIGINT'), 0)
})

t.test('an outside provider signs people in', async (t) => {
  const port = await freePort()
  const outside = await startLocalProvider({ issuerHost: 'localhost', brand: 'Elsewhere', accounts: [{ username: 'carol', name: 'Carol Diaz', groups: ['guests'] }] })
  t.teardown(async () => outside.close())
  outside.addClient({ clientId: 'demo', clientSecret: 'outside secret', redirectUris: [`http://127.0.0.1:${port}/auth/callback/corp`], firstParty: true })
  const demo = await startDemo({ PORT: String(port), OIDC_ISSUER: outside.issuer, OIDC_CLIENT_ID: 'demo', OIDC_CLIENT_SECRET: 'outside secret' })
  t.teardown(async () => demo.stop())
  t.match(demo.output(), `${outside.issuer} signs people in`)
  const carol = await signedIn(demo, 'carol')
  t.match((await carol.fetch('/auth/userinfo')).json(), { issuer: outside.issuer, name: 'Carol Diaz', groups: ['guests'] })

  const asked = await whenStatus(carol, await writeReport(carol), 'oauth_required')
  const question = await carol.open(asked.pending?.[0]?.connectUrl ?? '')
  const elsewhere = await question.submit({}, { button: `Continue to localhost:${demo.calendarPort}` })
  await consent(await signIn(elsewhere, 'alice'), 'allow')
  t.match(await whenStatus(carol, asked, 'completed'), { result: { events: [{ title: 'Planning for the quarter' }] } })
})

t.test('says what is wrong with its settings', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const address = taken.address()
  const takenPort = String(typeof address === 'object' && address !== null ? address.port : 0)
  const [port, idpPort, calendarPort, weatherPort] = [String(await freePort()), String(await freePort()), String(await freePort()), String(await freePort())]

  const cases: Array<[env: Record<string, string>, message: string]> = [
    [{ PORT: takenPort }, `Port ${takenPort} is taken. Choose another with PORT.`],
    [{ IDP_PORT: takenPort }, `Port ${takenPort} is taken. Choose another with IDP_PORT.`],
    [{ WEATHER_PORT: takenPort }, `Port ${takenPort} is taken. Choose another with WEATHER_PORT.`],
    [{ PORT: 'http' }, 'PORT must be a number from 1 to 65535, not "http"'],
    [{ OIDC_ISSUER: 'https://idp.example.com?x', OIDC_CLIENT_ID: 'x' }, 'The settings cannot be used: issuer has a query']
  ]
  for (const [env, message] of cases) {
    t.same(await runDemo({ PORT: port, IDP_PORT: idpPort, CALENDAR_PORT: calendarPort, WEATHER_PORT: weatherPort, ...env }), { code: 1, output: `${message}\n` }, message)
  }
  t.notOk(await isTaken(Number(port)), 'nothing is left running')
  t.notOk(await isTaken(Number(idpPort)), 'nothing is left running')
})

t.test('reads its settings', async (t) => {
  t.match(readConfig({}), { host: '127.0.0.1', baseUrl: 'http://127.0.0.1:3000', madeUpSecret: true, flowLifetime: 600, corp: { issuer: 'http://localhost:3001' }, calendar: { issuer: 'http://localhost:3002' }, weather: { url: 'http://localhost:3003' } })
  t.match(readConfig({ PORT: '', HOST: ' ' }), { port: 3000, host: '127.0.0.1' }, 'empty is not set')
  t.equal(readConfig({ HOST: '0.0.0.0' }).baseUrl, 'http://127.0.0.1:3000', 'an address to open')
  t.equal(readConfig({ HOST: '::1', PORT: '80' }).baseUrl, 'http://[::1]')
  const outside = { OIDC_ISSUER: 'https://idp.example.com', OIDC_CLIENT_ID: 'demo' }
  t.match(readConfig(outside).corp, { issuer: 'https://idp.example.com', clientId: 'demo', clientSecret: undefined, scopes: ['openid', 'profile', 'email', 'groups'] })
  t.same(readConfig({ ...outside, OIDC_SCOPES: ' openid  email ' }).corp.scopes, ['openid', 'email'])
  t.not(readConfig({}).secret, readConfig({}).secret)

  const host = (name: string): string => `HOST must be 127.0.0.1, localhost or another name of this machine, or 0.0.0.0 for every address, not "${name}"`
  const refused: Array<[env: Record<string, string>, message: string]> = [
    [{ PORT: '70000' }, 'PORT must be a number from 1 to 65535, not "70000"'],
    [{ PORT: '0' }, 'PORT must be a number from 1 to 65535, not "0"'],
    [{ IDP_PORT: '-1' }, 'IDP_PORT must be a number from 1 to 65535, not "-1"'],
    [{ IDP_PORT: '3000' }, 'PORT and IDP_PORT must differ, and both are 3000'],
    [{ WEATHER_PORT: '3002' }, 'CALENDAR_PORT and WEATHER_PORT must differ, and both are 3002'],
    [{ CALENDAR_TOKEN_LIFETIME: '1' }, 'CALENDAR_TOKEN_LIFETIME must be a number from 2 to 86400, not "1"'],
    [{ HOST: '203.0.113.7' }, host('203.0.113.7')],
    [{ HOST: '127.0.0.1/x' }, host('127.0.0.1/x')],
    [{ HOST: '127.0.0.999' }, host('127.0.0.999')],
    [{ CONSENTRY_SECRET: 'short' }, 'CONSENTRY_SECRET must have at least 32 bytes'],
    [{ FLOW_LIFETIME: '0' }, 'FLOW_LIFETIME must be a number from 1 to 86400, not "0"'],
    [{ ...outside, OIDC_ISSUER: 'idp.example.com' }, 'OIDC_ISSUER must be an https URL, or an http URL on this machine, not "idp.example.com"'],
    [{ ...outside, OIDC_ISSUER: 'http://idp.example.com' }, 'OIDC_ISSUER must be an https URL, or an http URL on this machine, not "http://idp.example.com"'],
    [{ OIDC_ISSUER: 'https://idp.example.com' }, 'OIDC_CLIENT_ID is missing; OIDC_ISSUER needs it'],
    [{ OIDC_CLIENT_SECRET: 'x' }, 'OIDC_CLIENT_SECRET is of no use without OIDC_ISSUER']
  ]
  for (const [env, message] of refused) t.throws(() => readConfig(env), { message }, message)
})

t.test('without the demo, its child ends', async (t) => {
  const demo = await startDemo()
  await demo.stop('SIGKILL')
  await until(async () => await isTaken(demo.idpPort) ? undefined : true)
  t.pass('the identity provider ended with its parent')
})
