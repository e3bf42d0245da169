import { consent, createBrowser, createClock, signIn, type Browser, type Page } from '@consentry/testing'
import t from 'tap'
import { login, logout, signedIn, status } from '../src/index.ts'
import { createWorld, listens, path, states, until, type World } from './world.ts'

/** Through the provider's pages, to the page of the loopback. */
async function answer (browser: Browser, url: string, decision: 'allow' | 'deny' = 'allow', username = 'alice'): Promise<Page> {
  const page = await browser.open(url)
  return consent(page.text.includes('name="password"') ? await signIn(page, username) : page, decision)
}

const stored = async ({ tokens }: World): Promise<number> => (await tokens.listKeys({ tenant: 'default', userId: 'local' })).length

t.test('T14 a browser and the loopback: asked, answered, stored; then nobody is asked', async (t) => {
  const world = await createWorld(t)
  const { ask, url, redirectUri, granted } = await world.begin()
  t.equal(ask?.method, 'browser')
  t.match(redirectUri, /^http:\/\/127\.0\.0\.1:\d+\/cb$/)
  t.equal(new URL(url).searchParams.get('code_challenge_method'), 'S256')
  const page = await answer(createBrowser(), url)
  t.equal(page.title, 'You are signed in')
  const grant = await granted
  t.same([grant.scopes, grant.missingScopes, grant.account?.issuer], [['openid', 'calendar.read'], [], world.op.issuer])
  t.equal((await grant.fetch(`${world.op.issuer}/calendar/events`)).status, 200)
  t.same(states(world.events), ['pending', 'in_progress', 'completed'])
  t.notOk(await listens(redirectUri), 'the socket is closed')

  t.equal(await (await world.begin()).granted.then((again) => again.accessToken()), await grant.accessToken())
  t.same(states(world.events).slice(3), ['completed'])
  t.equal(world.op.ledger.authorizations, 1)
  t.match(await status(world.options), { status: 'active', account: { issuer: world.op.issuer }, scopes: ['openid', 'calendar.read'] })
  t.equal(await (await signedIn(world.options))?.accessToken(), await grant.accessToken())

  t.same(await logout(world.options), { revoked: true })
  t.equal(await signedIn(world.options), undefined)
  t.equal(await logout(world.options), undefined)
  t.ok(world.op.ledger.revocations > 0)
  t.equal((await fetch(`${world.op.issuer}/calendar/events`, { headers: { authorization: `Bearer ${await grant.accessToken()}` } })).status, 401)
  const told = JSON.stringify(world.events) + page.text
  for (const secret of world.op.ledger.secrets) t.notOk(told.includes(secret), 'B17')
})

t.test('T14: port and path are others each time; seed C: AuthFlowManager fixed path', async (t) => {
  const world = await createWorld(t)
  const uris = await Promise.all([1, 2, 3].map(async (profile) => {
    const abort = new AbortController()
    const { redirectUri, failed } = await world.begin({ redirect: {}, profile: `p${profile}`, signal: abort.signal })
    abort.abort()
    t.equal(await failed(), 'CONSENTRY_ERR_FLOW_CANCELLED')
    return new URL(redirectUri)
  }))
  for (const { hostname, pathname } of uris) {
    t.equal(hostname, '127.0.0.1')
    t.ok(Buffer.from(pathname.slice(1), 'base64url').length >= 16)
  }
  t.equal(new Set(uris.map(({ pathname }) => pathname)).size, 3)
  t.equal(new Set(uris.map(({ port }) => port)).size, 3)
})

t.test('a path that nobody can guess, where the provider takes it', async (t) => {
  const world = await createWorld(t)
  const { url, granted } = await world.begin({
    redirect: {},
    openBrowser: async (url) => {
      world.op.addClient({ clientId: 'tool', applicationType: 'native', redirectUris: [new URL(url).searchParams.get('redirect_uri') ?? ''] })
    }
  })
  t.equal((await answer(createBrowser(), url)).title, 'You are signed in')
  t.ok(await granted)
})

t.test('[::1], and a port that is given', async (t) => {
  const world = await createWorld(t)
  world.op.addClient({ clientId: 'tool', applicationType: 'native', redirectUris: ['http://[::1]/cb'] })
  const { url, redirectUri, granted } = await world.begin({ redirect: { host: '::1', path } })
  t.match(redirectUri, /^http:\/\/\[::1\]:\d+\/cb$/)
  t.equal((await answer(createBrowser(), url)).title, 'You are signed in')
  await granted
  const { port } = new URL(redirectUri)
  const abort = new AbortController()
  const again = await world.begin({ fresh: true, redirect: { host: '::1', path, port: Number(port) }, signal: abort.signal })
  t.equal(again.redirectUri, redirectUri)
  const errors: string[] = []
  const taken = await world.begin({ fresh: true, redirect: { host: '::1', path, port: Number(port) }, profile: 'other', methods: ['browser', 'paste'], onError: (_error, doing) => { errors.push(doing) } })
  await t.rejects(taken.granted, { code: 'CONSENTRY_ERR_NO_LOGIN_METHOD', cause: { message: 'The address that a browser would come back to is taken. There is no terminal to paste into.' } })
  t.same(errors, ['listening on the loopback'])
  abort.abort()
  t.equal(await again.failed(), 'CONSENTRY_ERR_FLOW_CANCELLED')
})

t.test('a person who declines', async (t) => {
  const world = await createWorld(t)
  const { url, failed } = await world.begin()
  t.equal((await answer(createBrowser(), url, 'deny')).title, 'You declined')
  t.equal(await failed(), 'CONSENTRY_ERR_CONSENT_DENIED')
  t.same(world.events.at(-1), { state: 'cancelled', code: 'CONSENTRY_ERR_CONSENT_DENIED' })
  t.equal(await stored(world), 0)
})

t.test('what was left out is told', async (t) => {
  const world = await createWorld(t)
  const { url, granted } = await world.begin()
  const page = await signIn(await createBrowser().open(url), 'alice')
  await consent(page, 'allow', { without: ['calendar.read'] })
  t.same((await granted).missingScopes, ['calendar.read'])
})

t.test('B13: another account than the stored one is refused, and the grant is what it was', async (t) => {
  const world = await createWorld(t)
  const first = await world.begin()
  await answer(createBrowser(), first.url)
  const before = await (await first.granted).accessToken()
  const { url, failed } = await world.begin({ fresh: true })
  const page = await answer(createBrowser(), url, 'allow', 'bob')
  t.match(page.text, 'CONSENTRY_ERR_ACCOUNT_MISMATCH')
  t.equal(await failed(), 'CONSENTRY_ERR_ACCOUNT_MISMATCH')
  t.equal(world.events.at(-1)?.state, 'failed')
  t.equal(await (await signedIn(world.options))?.accessToken(), before)
})

t.test('a signal ends the waiting, and an answer that comes later stores nothing (B15)', async (t) => {
  const world = await createWorld(t)
  const abort = new AbortController()
  const { url, redirectUri, failed } = await world.begin({ signal: abort.signal })
  const { next = '' } = await (async () => consent(await signIn(await createBrowser().open(url), 'alice'), 'allow', { stopAt: ({ pathname }) => pathname === path }))()
  t.match(next, 'code=')
  abort.abort()
  t.equal(await failed(), 'CONSENTRY_ERR_FLOW_CANCELLED')
  t.same(world.events.at(-1), { state: 'cancelled', code: 'CONSENTRY_ERR_FLOW_CANCELLED' })
  t.notOk(await listens(redirectUri), 'the socket is closed')
  await t.rejects(fetch(next))
  t.equal(world.op.ledger.token.authorization_code, 0)
  t.equal(await stored(world), 0)
  await t.rejects(login({ ...world.options, signal: AbortSignal.abort() }), { code: 'CONSENTRY_ERR_FLOW_CANCELLED' })
})

t.test('seed C: AuthFlowManager elapsed time counted in polls: the time is over by a clock that nobody sets', async (t) => {
  const world = await createWorld(t)
  const clock = createClock()
  const { redirectUri, failed } = await world.begin({ clock })
  clock.step(365 * 24 * 3_600_000)
  await clock.advance(119_999)
  t.ok(await listens(redirectUri))
  clock.step(-730 * 24 * 3_600_000)
  t.same(states(world.events), ['pending'])
  await clock.advance(1)
  t.equal(await failed(), 'CONSENTRY_ERR_FLOW_EXPIRED')
  t.same(states(world.events), ['pending', 'timed_out'])
  t.notOk(await listens(redirectUri), 'the socket is closed')
  t.equal(clock.timers, 0)
})

t.test('a clock that is set meanwhile costs nobody their answer', async (t) => {
  const world = await createWorld(t)
  const clock = createClock()
  const { url, granted } = await world.begin({ clock })
  clock.step(24 * 3_600_000)
  t.equal((await answer(createBrowser(), url)).title, 'You are signed in')
  t.ok(await granted)
})

t.test('a timeout of one\'s own', async (t) => {
  const world = await createWorld(t)
  const clock = createClock()
  const { failed } = await world.begin({ clock, timeout: 5_000 })
  await clock.advance(5_000)
  t.equal(await failed(), 'CONSENTRY_ERR_FLOW_EXPIRED')
})

t.test('once there is an answer, neither time nor signal cuts its exchange off', async (t) => {
  const world = await createWorld(t)
  const clock = createClock()
  const abort = new AbortController()
  world.op.fail('token', 'hang')
  const { url, failed } = await world.begin({ clock, signal: abort.signal })
  const page = answer(createBrowser(), url)
  await until(() => world.events.at(-1)?.state === 'in_progress')
  abort.abort()
  await clock.advance(200_000)
  t.equal(world.events.at(-1)?.state, 'in_progress')
  t.match((await page).text, 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE', 'what the page says is what became of it')
  t.equal(await failed(), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE')
  t.same(world.events.at(-1), { state: 'failed', code: 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE' })
})

t.test('options that make no sense', async (t) => {
  const { options } = await createWorld(t)
  for (const wrong of [
    { methods: [] }, { methods: ['telepathy' as 'browser'] }, { timeout: 0 }, { redirect: { host: '0.0.0.0' as '::1' } }, { redirect: { port: 70_000 } },
    { redirect: { path: 'cb' } }, { redirect: { path: '/cb?x' } }, { name: '' }, { profile: '' }, { refreshBuffer: -1 }
  ]) await t.rejects(login({ ...options, ...wrong }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' }, JSON.stringify(wrong))
})

t.test('a listener that throws harms nothing', async (t) => {
  const world = await createWorld(t)
  const errors: string[] = []
  let url = ''
  const granted = login({ ...world.options, openBrowser: async (opened) => { url = opened }, onEvent: () => { throw new Error('of the listener') }, onError: (_error, doing) => { errors.push(doing) } })
  await until(() => errors.length > 0)
  await answer(createBrowser(), url)
  t.ok(await granted)
  t.same(errors, ['telling of a login', 'telling of a login', 'telling of a login'])
})
