import { contractRecord, startHostileProvider, startRedis, type HostileProvider } from '@consentry/testing'
import { redisTokens } from '@consentry/token-stores'
import { Redis } from 'ioredis'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { call, connectOn, startNodes, type Node, type Nodes, type NodesOptions, type Report } from './nodes.ts'

t.setTimeout(110_000)

const lockLease = 1_000

/** Nodes that ask a provider which does as it is told. */
async function startHostile (t: Test, count: number, options: Partial<NodesOptions> = {}): Promise<{ all: Nodes, provider: HostileProvider, redis: number }> {
  const [provider, server] = await Promise.all([startHostileProvider(), startRedis()])
  t.teardown(() => Promise.all([provider.close(), server.close()]))
  return { all: await startNodes(t, count, { redis: [server.port], issuer: provider.issuer, lockLease, ...options }), provider, redis: server.port }
}

t.test('R3: told that the refresh token is spent, the slower of two nodes takes what the faster has stored', async (t) => {
  const { all, provider } = await startHostile(t, 1)
  const spent = new Set<string>()
  let lifetime = 1
  // Refuses what it has seen, and ends nothing for it.
  provider.overrides.token = async ({ parameters }, usual) => {
    const refreshToken = parameters.get('refresh_token')
    if (refreshToken !== null && spent.has(refreshToken)) return { status: 400, body: { error: 'invalid_grant' } }
    if (refreshToken !== null) spent.add(refreshToken)
    const { body } = await usual()
    return { body: { ...body as object, expires_in: lifetime } }
  }
  const browser = await all.browser('alice')
  const slower = await all.start({ stop: { at: 'before', request: 'refresh_token' } })
  const [faster] = all.nodes as [Node]
  await connectOn(faster, browser, all)
  lifetime = 600
  await sleep(1_000)
  const late = call(browser, all, `${slower.url}/report`, { method: 'POST' })
  await slower.says('stopped')
  slower.pause()
  await sleep(lockLease * 1.5)
  const won = await call(browser, all, `${faster.url}/report`, { method: 'POST' })
  t.equal(won.status, 200)
  slower.resume()
  slower.tell({ type: 'go' })
  const { status, json } = await late
  t.equal(status, 200)
  t.equal(json<Report>().token, won.json<Report>().token, 'no other token, and no question')
  t.equal(provider.ledger.refreshTokens.length, 2)
  t.equal((await call(browser, all, `${slower.url}/report`, { method: 'POST' })).json<Report>().token, won.json<Report>().token, 'the newer grant was not deleted')
})

t.test('R12: thousands of grants that are over at once: so many requests at a time from each node, and each once', async (t) => {
  const { all, provider, redis } = await startHostile(t, 2)
  const browser = await all.browser('alice')
  const [[userId]] = [...all.people] as [[string, string]]
  const client = new Redis(redis, '127.0.0.1')
  t.teardown(() => client.disconnect())
  const store = redisTokens(client)
  const profiles = Array.from({ length: 2_000 }, (_, index) => `p${index}`)
  await Promise.all(profiles.map((profile) => store.save({ tenant: 'default', userId, provider: 'calendar', profile }, {
    ...contractRecord(), scopes: ['calendar.read'], requestedScopes: ['calendar.read'], refreshToken: `of-${profile}`, expiresAt: Date.now() - 1,
    account: { issuer: provider.issuer, subject: 'alice', claims: {} }
  }, undefined)))
  let [now, most] = [0, 0]
  provider.overrides.token = async (_request, usual) => {
    most = Math.max(most, ++now)
    await sleep(10)
    now--
    return usual()
  }
  const answers = await Promise.all(all.nodes.map((node) => call(browser, all, `${node.url}/tokens`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ profiles }) })))
  const [first, second] = answers.map((answer) => answer.json<string[]>())
  t.same(second, first, 'both nodes have the same tokens')
  t.equal(new Set(first).size, profiles.length)
  t.same(provider.ledger.refreshTokens.toSorted(), profiles.map((profile) => `of-${profile}`).toSorted(), 'R1')
  t.ok(most > 1 && most <= 2 * 16, `${most} at once`)
})

t.test('R15: keys are fetched once by each node, found when they change, and kept while they cannot be fetched', async (t) => {
  const { all, provider } = await startHostile(t, 3)
  const fetched = (): number => provider.ledger.requests.jwks.length
  /** A person who signs in at every node, four times at once. */
  const signIns = (): Promise<unknown> => Promise.all(Array.from({ length: 12 }, (_, index) => all.browser('alice', all.nodes[index % 3])))
  await signIns()
  t.equal(fetched(), 3)
  await signIns()
  t.equal(fetched(), 3)
  await provider.rotateKey()
  await signIns()
  t.equal(fetched(), 6)
  provider.overrides.jwks = () => ({ status: 500, body: 'away' })
  await signIns()
  t.equal(fetched(), 6)
})
