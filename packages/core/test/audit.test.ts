import t from 'tap'
import { createAudit } from '../src/audit.ts'
import { ConsentryError } from '../src/errors.ts'
import { alice, answer, code, codeOf, createWorld, denial, grantOf, keyOf, lifetime, minute, question, rest, type World } from './world.ts'

const key = keyOf(alice)
const start = 1_700_000_000_000

async function ask (world: World): Promise<{ executionId: string, flowId: string }> {
  const { id: executionId } = await world.executions.start(alice, (execution) => execution.authorize('github', { scopes: ['read'] }))
  await rest()
  return { executionId, flowId: await question(world, alice, executionId) }
}

t.test('what happens to a grant is told in order, once each', async (t) => {
  const world = createWorld()
  const { executionId, flowId } = await ask(world)
  await answer(world, flowId, code)
  const of = { tenant: 'default', userId: 'alice', provider: 'github', profile: 'default' }
  const time = '2023-11-14T22:13:20.000Z'
  const account = { issuer: 'https://github.com', subject: 'octocat' }
  t.same(world.audits, [
    { ...of, time, type: 'started', flowId, scopes: ['read'], executionIds: [executionId] },
    { ...of, time, type: 'granted', flowId, scopes: ['read'], account }
  ])
  world.audits.length = 0
  await world.clock.advance(59.5 * minute)
  const grant = await world.grants.available(key, { scopes: ['read'] })
  await Promise.all([grant?.accessToken(), grant?.accessToken()])
  await world.grants.disconnect(key)
  t.match(world.audits, [
    { type: 'refreshed', scopes: ['read'], account },
    { type: 'revoked', scopes: ['read'], confirmed: true, account }
  ])
  t.equal(world.audits.length, 2)
})

t.test('flows that end otherwise say how', async (t) => {
  const endings: Array<[(world: World, flowId: string) => Promise<unknown>, object]> = [
    [(world, id) => answer(world, id, denial), { type: 'denied' }],
    [(world, id) => answer(world, id, { type: 'error', error: 'invalid_scope' }), { type: 'failed', outcome: 'provider_error', code: 'CONSENTRY_ERR_PROVIDER_REFUSED' }],
    [(world) => world.clock.advance(lifetime + minute), { type: 'failed', outcome: 'expired' }],
    [async (world) => { for (const { executionId } of await world.executions.list(alice)) await world.executions.cancel(alice, executionId) }, { type: 'failed', outcome: 'cancelled' }]
  ]
  for (const [end, expected] of endings) {
    const world = createWorld()
    const { flowId } = await ask(world)
    await end(world, flowId)
    await rest()
    t.match(world.audits, [{ type: 'started', flowId }, { ...expected, flowId }])
    t.equal(world.audits.length, 2)
  }
})

t.test('seed C: SessionManager: whoever has to consent again is told once', async (t) => {
  const world = createWorld()
  await world.tokens.save(key, grantOf({ expiresAt: start }), undefined)
  world.github.onRefresh = () => { throw new ConsentryError('CONSENTRY_ERR_REAUTH_REQUIRED') }
  const readers = await Promise.all(Array.from({ length: 5 }, () => world.grants.available(key, { scopes: ['read'] })))
  t.same(readers, Array.from({ length: 5 }))
  t.equal(await world.grants.available(key, { scopes: ['read'] }), undefined)
  t.match(world.reauths, [[alice, { provider: 'github', profile: 'default', status: 'ended' }]])
  t.match(world.audits, [{ type: 'failed', code: 'CONSENTRY_ERR_REAUTH_REQUIRED' }])
  t.same([world.reauths.length, world.audits.length], [1, 1])
})

t.test('a provider that is away is told once for each try, and nobody has to consent again', async (t) => {
  const world = createWorld()
  await world.tokens.save(key, grantOf({ expiresAt: start }), undefined)
  world.github.onRefresh = () => { throw new ConsentryError('CONSENTRY_ERR_PROVIDER_UNAVAILABLE') }
  for (let attempt = 0; attempt < 5; attempt++) t.equal(await codeOf(world.grants.available(key, { scopes: ['read'] })), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE')
  t.match(world.audits, [{ type: 'failed', code: 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE' }])
  t.same([world.audits.length, world.reauths.length], [1, 0])
})

t.test('B17: no entry holds a secret', async (t) => {
  const world = createWorld()
  world.github.onExchange = (scopes) => ({ accessToken: 'canary-access', tokenType: 'bearer', refreshToken: 'canary-refresh', idToken: 'canary-id', scopes })
  const { flowId } = await ask(world)
  const flow = await world.flows.find(flowId)
  await answer(world, flowId, code)
  await world.grants.disconnect(key)
  const text = JSON.stringify(world.audits)
  t.equal(world.audits.length, 3)
  for (const secret of ['canary', flow?.state, flow?.binding, flow?.nonce, flow?.codeVerifier]) t.notOk(text.includes(secret as string))
})

t.test('a listener that throws changes nothing', async (t) => {
  const heard: unknown[] = []
  const audit = createAudit({ clock: { now: () => 0 }, onAudit: () => { throw new Error('full disk') }, onError: (error, doing) => { heard.push([(error as Error).message, doing]) } })
  audit(key, { type: 'started', scopes: [] })
  t.same(heard, [['full disk', 'auditing']])
})
