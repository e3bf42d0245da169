import { memoryState, type StateStore } from '@consentry/core'
import type { Browser } from '@consentry/testing'
import t from 'tap'
import { call, codeOf, secret, startServer } from './server.ts'

const idOf = async (browser: Browser, server: Awaited<ReturnType<typeof startServer>>): Promise<string> => {
  const value = browser.cookies(server.url).find(({ name }) => name.endsWith('session'))?.value ?? ''
  return (await server.app.consentry.sessions.find(value))?.id ?? ''
}

/** A store that tells what is in it. */
function watchedState (): { state: StateStore, inner: StateStore, stored: () => Promise<string> } {
  const inner = memoryState()
  const keys = new Set<string>()
  const stored = async (): Promise<string> => (await Promise.all([...keys].map(async (key) => `${key} ${await inner.get(key) ?? ''}`))).join('\n')
  return {
    inner,
    stored,
    state: {
      ...inner,
      set: (key, value, ttl) => { keys.add(key); return inner.set(key, value, ttl) },
      compareAndSet: (key, ...rest) => { keys.add(key); return inner.compareAndSet(key, ...rest) },
      compareAndSetWith: (first, key, ...rest) => { keys.add(first.key).add(key); return inner.compareAndSetWith(first, key, ...rest) }
    }
  }
}

t.test('B16: who reads the store learns no token of a sign-in; one put in another\'s place counts as absent', async (t) => {
  const { state, inner, stored } = watchedState()
  const server = await startServer(t, { options: { stateStore: state } })
  const alice = await server.browser('alice')
  const bob = await server.browser('bob')
  const text = await stored()
  t.match(text, '"attachment":', 'they are in the store')
  t.ok(server.op.ledger.secrets.size > 6)
  for (const token of server.op.ledger.secrets) t.notOk(text.includes(token))

  const { sessions } = server.app.consentry
  const [ofAlice, ofBob] = [await idOf(alice, server), await idOf(bob, server)]
  const record = JSON.parse(await inner.get(`session:${ofBob}`) ?? '') as object
  await inner.set(`session:${ofBob}`, JSON.stringify({ ...record, attachment: await sessions.attachment(ofAlice) }), 60_000)
  const answer = await call(bob, server, '/auth/refresh', { method: 'POST' })
  t.equal(codeOf(answer), 'CONSENTRY_ERR_REAUTH_REQUIRED')
  t.equal(server.op.ledger.token.refresh_token, 0, 'Alice\'s tokens are not used for Bob')
  t.match(server.log.lines().find(({ msg }) => msg === 'the tokens of a sign-in cannot be decrypted'), { code: 'CONSENTRY_ERR_RECORD_UNREADABLE', sessionId: ofBob })
  t.equal((await call(bob, server, '/auth/userinfo')).status, 200, 'Bob stays signed in')
  t.equal((await call(alice, server, '/auth/refresh', { method: 'POST' })).status, 200)
  for (const token of server.op.ledger.secrets) t.notOk((await stored()).includes(token), 'after a refresh too')
  t.equal((await call(bob, server, '/auth/logout?revoke=true', { method: 'POST' })).status, 200)
  t.equal(server.op.ledger.revocations, 0)
})

t.test('secrets rotate: what an old one sealed still opens', async (t) => {
  const stateStore = memoryState()
  const before = await startServer(t, { options: { stateStore } })
  const alice = await before.browser('alice')
  const id = await idOf(alice, before)
  for (const [secrets, status] of [[['another secret that is long enough too', secret], 200], [['a third secret that is long enough as well'], 403]] as const) {
    const after = await startServer(t, { options: { stateStore, secret: secrets, providers: before.app.consentry.providers } })
    const browser = await after.browser()
    for (const { name, value } of alice.cookies(before.url)) browser.setCookie(`${name}=${value}; Path=/; Secure; HttpOnly`, after.url)
    t.equal((await call(browser, after, '/auth/refresh', { method: 'POST' })).status, status)
    t.equal(await idOf(browser, after), id)
  }
})

t.test('the tokens of a sign-in end with its session, however it ends', async (t) => {
  const { state, stored } = watchedState()
  const server = await startServer(t, { options: { stateStore: state } })
  const { sessions } = server.app.consentry
  const owner = async (browser: Browser) => ({ tenant: 'default', userId: (await call(browser, server, '/auth/status')).json<{ userId: string }>().userId })
  const kept = async (): Promise<number> => (await stored()).split('"attachment":').length - 1
  const alice = await server.browser('alice')
  t.equal(await kept(), 1)
  for (const [how, end] of Object.entries({
    'by a sign-in in its place': () => alice.open(`${server.url}/auth/login`),
    'by a step-up': () => alice.open(`${server.url}/auth/login/corp?max_age=3600`)
  })) {
    await end()
    t.equal(await kept(), 1, how)
  }
  const others = await Promise.all([server.browser('alice'), server.browser('alice')])
  t.equal(await kept(), 3)
  await call(alice, server, '/auth/logout?everywhere=true', { method: 'POST' })
  t.equal(await kept(), 0, 'everywhere')
  t.equal((await Promise.all(others.map((browser) => call(browser, server, '/auth/userinfo')))).filter(({ status }) => status === 401).length, 2)

  const one = await server.browser('alice')
  await sessions.revokeAll(await owner(one))
  t.equal(await kept(), 0, 'by the application')
  const two = await server.browser('alice')
  await (await two.open(`${server.op.issuer}/logout`)).submit({}, { button: 'Sign out' })
  t.equal((await call(two, server, '/auth/userinfo')).status, 401)
  t.equal(await kept(), 0, 'by the provider')
})

t.test('signing out everywhere gives the tokens of all sessions back when asked', async (t) => {
  const server = await startServer(t)
  const browsers = await Promise.all(['alice', 'alice', 'alice'].map((name) => server.browser(name)))
  const bob = await server.browser('bob')
  await call(browsers[0] as Browser, server, '/auth/logout?revoke=true', { method: 'POST' })
  const ofOne = server.op.ledger.revocations
  t.ok(ofOne > 0)
  await call(browsers[1] as Browser, server, '/auth/logout?everywhere=true&revoke=true', { method: 'POST' })
  t.equal(server.op.ledger.revocations, 3 * ofOne, 'of the other two')
  t.equal((await call(bob, server, '/auth/refresh', { method: 'POST' })).status, 200, 'not Bob\'s')
})
