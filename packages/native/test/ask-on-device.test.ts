import { memoryTokens } from '@consentry/core'
import { oidc } from '@consentry/providers'
import { consent, createBrowser, createClock, signIn, startHostileProvider, type HostileProvider } from '@consentry/testing'
import t, { type Test } from 'tap'
import type { Ask, LoginEvent } from '../src/index.ts'
import { login } from '../src/index.ts'
import { createWorld, states, until } from './world.ts'

// The pause, the deadline, and what the state of the flow lives by.
const waiting = 3
const grantType = 'urn:ietf:params:oauth:grant-type:device_code'
type DeviceAsk = Extract<Ask, { method: 'device' }>

t.test('RFC 8628 with the local provider: the code is shown, asked for at its pace, and the answer stored', async (t) => {
  const world = await createWorld(t)
  const clock = createClock()
  const { ask, granted } = await world.begin({ methods: ['device'], clock })
  const { verificationUri, verificationUriComplete, userCode } = ask as DeviceAsk
  t.match(ask, { method: 'device', verificationUri: `${world.op.issuer}/device`, expiresIn: 600 })
  t.match(verificationUriComplete, userCode)
  const asked = (): number => world.op.ledger.token[grantType] ?? 0
  await clock.advance(4_999)
  t.equal(asked(), 0, 'not before the interval')
  await clock.advance(1)
  await until(() => asked() === 1 && clock.timers === waiting)
  t.same(states(world.events), ['pending'])

  const page = await (await createBrowser().open(verificationUri)).submit({ user_code: userCode }, { button: 'Continue' })
  await consent(await signIn(await page.submit({}, { button: 'Yes, continue' }), 'alice'), 'allow')
  await clock.advance(5_000)
  const grant = await granted
  t.same(grant.scopes, ['openid', 'calendar.read'])
  t.equal((await fetch(`${world.op.issuer}/calendar/events`, { headers: { authorization: `Bearer ${await grant.accessToken()}` } })).status, 200)
  t.same(states(world.events), ['pending', 'in_progress', 'completed'])
  t.equal(clock.timers, 0)
  for (const secret of world.op.ledger.secrets) t.notOk(JSON.stringify(world.events).includes(secret), 'B17')
})

t.test('a person who says no there', async (t) => {
  const world = await createWorld(t)
  const clock = createClock()
  const { ask, failed } = await world.begin({ methods: ['device'], clock })
  await (await createBrowser().open((ask as DeviceAsk).verificationUriComplete ?? '')).submit({}, { button: 'No' })
  await clock.advance(5_000)
  t.equal(await failed(), 'CONSENTRY_ERR_CONSENT_DENIED')
  t.equal(world.events.at(-1)?.state, 'cancelled')
})

interface Hostile {
  op: HostileProvider
  clock: ReturnType<typeof createClock>
  events: LoginEvent[]
  abort: AbortController
  granted: ReturnType<typeof login>
  tokens: ReturnType<typeof memoryTokens>
  /** Lets seconds pass and says how often was asked since. */
  after: (seconds: number) => Promise<number>
}

async function start (t: Test, { timeout, prepare }: { timeout?: number, prepare?: (op: HostileProvider) => void } = {}): Promise<Hostile> {
  const op = await startHostileProvider()
  t.teardown(() => op.close())
  prepare?.(op)
  const provider = oidc({ issuer: op.issuer, clientId: 'tool', allowInsecureLoopback: true })
  t.teardown(() => provider.close?.())
  op.overrides.token = () => ({ status: 400, body: { error: 'authorization_pending' } })
  const [clock, events, abort, tokens] = [createClock(), [] as LoginEvent[], new AbortController(), memoryTokens()]
  const granted = login({ provider, tokenStore: tokens, methods: ['device'], clock, signal: abort.signal, onEvent: (event) => { events.push(event) }, ...timeout !== undefined && { timeout } })
  granted.catch(() => {})
  t.teardown(() => abort.abort())
  await until(() => events.length > 0)
  return {
    op, clock, events, abort, granted, tokens,
    async after (seconds) {
      const before = op.ledger.requests.token.length
      await clock.advance(seconds * 1000)
      // The next pause has begun, or it is over.
      await until(() => clock.timers === waiting || events.length > 1)
      return op.ledger.requests.token.length - before
    }
  }
}

t.test('slow_down is honoured, and an outage is no answer', async (t) => {
  const { op, after, granted } = await start(t)
  t.equal(await after(5), 1)
  op.overrides.token = () => ({ status: 400, body: { error: 'slow_down' } })
  t.equal(await after(5), 1)
  op.overrides.token = () => ({ status: 400, body: { error: 'authorization_pending' } })
  t.equal(await after(9), 0, 'five seconds more from then on')
  t.equal(await after(1), 1)
  t.equal(await after(9), 0)
  op.overrides.token = () => ({ status: 503, body: 'away' })
  t.equal(await after(1), 1)
  t.equal(await after(19), 0, 'twice as long after an outage')
  delete op.overrides.token
  t.equal(await after(1), 1)
  t.ok(await granted)
})

t.test('a code that ends: told by the provider, or by its time', async (t) => {
  const told = await start(t)
  told.op.overrides.token = () => ({ status: 400, body: { error: 'expired_token' } })
  await told.after(5)
  await t.rejects(told.granted, { code: 'CONSENTRY_ERR_FLOW_EXPIRED' })
  t.equal(told.events.at(-1)?.state, 'timed_out')

  const late = await start(t, { prepare: (op) => { op.overrides.device = async (_request, usual) => ({ body: { ...(await usual()).body as object, expires_in: 7 } }) } })
  t.equal(await late.after(5), 1)
  await late.clock.advance(2_000)
  await t.rejects(late.granted, { code: 'CONSENTRY_ERR_FLOW_EXPIRED' })

  const impatient = await start(t, { timeout: 3_000 })
  await impatient.clock.advance(3_000)
  await t.rejects(impatient.granted, { code: 'CONSENTRY_ERR_FLOW_EXPIRED' })
  t.equal(impatient.op.ledger.requests.token.length, 0)
})

t.test('a code has its own time, longer than a browser\'s', async (t) => {
  const { after, granted } = await start(t)
  for (let waited = 0; waited < 300; waited += 5) await after(5)
  let over = false
  granted.then(() => { over = true }, () => { over = true })
  await after(5)
  t.notOk(over)
})

t.test('what cannot become better ends it', async (t) => {
  const { op, after, granted } = await start(t)
  op.overrides.token = () => ({ status: 401, body: { error: 'invalid_client' } })
  await after(5)
  await t.rejects(granted, { code: 'CONSENTRY_ERR_PROVIDER_MISCONFIGURED' })
})

t.test('B15: tokens that come after the end are not stored, and revoked', async (t) => {
  const { op, clock, abort, granted, tokens } = await start(t)
  let release = (): void => {}
  op.overrides.token = async (_request, usual) => {
    await new Promise<void>((resolve) => { release = resolve })
    return usual()
  }
  await clock.advance(5_000)
  await until(() => op.ledger.requests.token.length === 1)
  abort.abort()
  await t.rejects(granted, { code: 'CONSENTRY_ERR_FLOW_CANCELLED' })
  release()
  await until(() => op.ledger.revoked.length === 2)
  t.same(await tokens.listKeys({ tenant: 'default', userId: 'local' }), [])
})
