import { contractRecord, startHostileProvider, startRedis, type HostileProvider } from '@consentry/testing'
import { redisTokens } from '@consentry/token-stores'
import { Redis } from 'ioredis'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { call, callbackOn, connectOn, isOver, startNodes, startOn, statusOn, type Node, type Nodes, type NodesOptions, type Report } from './nodes.ts'

t.setTimeout(240_000)

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

t.test('R12: two thousand grants that are over at once: so many requests at a time from each node, and each once', async (t) => {
  // As they are unless set.
  const { all, provider, redis } = await startHostile(t, 2, { timeout: 5_000, lockLease: 10_000 })
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
  t.same(answers.map(({ status }) => status), [200, 200])
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

t.test('R14: the provider hangs, fails or cannot be reached: failures in time, a token that works is used, and nobody is asked', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.close())
  const all = await startNodes(t, 3, { redis: [server.port], accessTokenTtl: 8, providerTimeout: 1_000 })
  const { op, toProvider, nodes } = all
  const [a, b, c] = nodes as [Node, Node, Node]
  const browser = await all.browser('alice')
  const report = (node: Node | undefined) => call(browser, all, `${node?.url ?? ''}/report`, { method: 'POST' })
  await connectOn(a, browser, all)
  const { token } = (await report(a)).json<Report>()
  // Stale in the last quarter of its life.
  await sleep(6_200)
  toProvider.halfOpen()
  t.equal((await report(b)).json<Report>().token, token, 'a stale one that works')
  await sleep(2_000)
  const ways: ReadonlyArray<[string, () => void]> = [
    ['half open', () => { toProvider.halfOpen() }],
    ['cut', () => { toProvider.cut() }],
    ['500', () => { op.fail('token', 'status500') }],
    ['429', () => { op.fail('token', 'status429') }],
    ['hang', () => { op.fail('token', 'hang') }],
    ['html', () => { op.fail('token', 'html') }]
  ]
  for (const [index, [name, breakDown]] of ways.entries()) {
    breakDown()
    const answer = await report(nodes[index % 3])
    t.ok(answer.status >= 500, name)
    t.match(answer.json(), { code: /^CONSENTRY_ERR_PROVIDER_/ }, name)
    toProvider.mend()
    op.fail('token')
  }
  const before = op.ledger.token.refresh_token
  let answer = await report(c)
  while (answer.status >= 500) answer = await report(c)
  t.equal(answer.status, 200, 'the grant is as it was')
  t.not(answer.json<Report>().token, token)
  t.equal(op.ledger.token.refresh_token - before, 1, 'whoever failed left the provider alone for a while')

  const other = await all.browser('bob')
  const started = await startOn(a, other, all)
  const callback = await callbackOn(b, other, all, started)
  toProvider.halfOpen()
  t.ok((await call(other, all, callback)).status >= 500)
  t.match(await statusOn(c, other, all, started, isOver), { status: 'failed', error: { code: 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE' } })
  toProvider.mend()
  t.equal(op.ledger.codes.filter((code) => code === new URL(callback).searchParams.get('code')).length, 0, 'R8: it never came there, and is not sent again')
  await connectOn(c, other, all)
})
