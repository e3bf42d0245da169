import { startProxy, startRedis, startRedisPair } from '@consentry/testing'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createRecords, type Disturbance, type Records } from './evidence.ts'
import { compare, nothing, type Forgotten } from './forgotten.ts'
import { call, callbackOn, connectOn, isOver, lease, socketOn, startNodes, startOn, statusOn, typesOf, type Node, type Nodes, type Status } from './nodes.ts'
import { findFaults } from './oracle.ts'

t.setTimeout(240_000)

const redis = await startRedis()
const way = await startProxy(redis.port)
t.teardown(() => Promise.all([redis.close(), way.close()]))
const all = await startNodes(t, 3, { redis: [way.port] })
const [a, b, c] = all.nodes as [Node, Node, Node]

const answered = (status: Status & { code?: string }): boolean => status.code === undefined

async function faultsOf (nodes: Nodes, records: Records, disturbances: Disturbance[], forgotten?: Forgotten): Promise<string[]> {
  await records.look()
  return findFaults({ ...nodes.op.ledger, runs: records.runs, flows: records.flows, grants: await records.grants(nodes.people.keys()), people: nodes.people, disturbances, ...forgotten !== undefined && { forgotten } })
}

t.test('R6: a slow way to Redis: the answer comes late, and everything comes', async (t) => {
  const browser = await all.browser('user0')
  way.delay(60)
  const socket = await socketOn(b, browser, all)
  const started = await startOn(a, browser, all)
  t.equal((await call(browser, all, await callbackOn(c, browser, all, started))).status, 303)
  await socket.until(({ type }) => type === 'completed')
  t.same(typesOf(socket, started), ['running', 'oauth_required', 'oauth_resolved', 'completed'])
  way.delay(0)
  socket.close()
})

for (const [index, { name, begin }] of [
  { name: 'every connection to Redis is cut, for longer than a lease', begin: () => way.cut() },
  { name: 'the way to Redis is half open, for longer than a lease', begin: () => way.halfOpen() }
].entries()) {
  t.test(`R5, R6: ${name}: closed failures in time, the waiter waits on, and hears of the answer`, async (t) => {
    const browser = await all.browser(`user${index + 1}`)
    const socket = await socketOn(b, browser, all)
    const started = await startOn(a, browser, all)
    await socket.until(({ type }) => type === 'oauth_required')
    const callback = await callbackOn(c, browser, all, started)
    const { length: codes } = all.op.ledger.codes
    begin()
    t.teardown(() => way.mend())
    for (const node of [a, b, c]) {
      const answer = await call(browser, all, `${node.url}/executions/${started.executionId}`)
      t.equal(answer.status, 503)
      t.match(answer.json(), { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE' })
    }
    t.equal((await call(browser, all, callback)).status, 503)
    t.equal(all.op.ledger.codes.length, codes, 'what could not be claimed is not sent')
    await sleep(lease * 1_500)
    way.mend()
    t.match(await statusOn(b, browser, all, started, answered), { status: 'oauth_required' }, 'nobody is declared dead for that')
    let again = await call(browser, all, callback)
    while (again.status === 503) again = await call(browser, all, callback)
    t.equal(again.status, 303, 'the same answer counts')
    await socket.until(({ type }) => type === 'completed')
    t.same(typesOf(socket, started), ['running', 'oauth_required', 'oauth_resolved', 'completed'])
    socket.close()
  })
}

t.test('R5: Redis has no memory left: what is new is refused, what is there stays, and the answer still counts afterwards', async (t) => {
  const browser = await all.browser('user3')
  const started = await startOn(a, browser, all)
  const callback = await callbackOn(c, browser, all, started)
  const { length: codes } = all.op.ledger.codes
  await redis.command('CONFIG', 'SET', 'maxmemory', '1')
  t.teardown(() => redis.command('CONFIG', 'SET', 'maxmemory', '0'))
  for (const [node, url, method] of [[a, '/report', 'POST'], [b, '/report', 'POST'], [c, new URL(callback).pathname + new URL(callback).search, 'GET']] as const) {
    t.equal((await call(browser, all, node.url + url, { method })).status, 503)
  }
  t.equal(all.op.ledger.codes.length, codes, 'no code is spent for nothing')
  t.match(await statusOn(b, browser, all, started, answered), { status: 'oauth_required' }, 'what is there can be read')
  await redis.command('CONFIG', 'SET', 'maxmemory', '0')
  t.equal((await call(browser, all, callback)).status, 303)
  t.match(await statusOn(b, browser, all, started, (status) => answered(status) && isOver(status)), { status: 'completed' })
})

t.test('the ledger, the stores and the events agree', async (t) => {
  t.same(await faultsOf(all, createRecords({ state: () => redis.port, tokens: () => redis.port }), []), [])
})

t.test('R5: Redis fails over to a replica that lags: whoever waits hears of an answer, or is asked again, and nobody gets what is another\'s', async (t) => {
  const pair = await startRedisPair()
  t.teardown(() => pair.close())
  const failing = await startNodes(t, 3, { redis: [pair.port] })
  const [a, b, c] = failing.nodes as [Node, Node, Node]
  const records = createRecords({ state: () => pair.master.port, tokens: () => pair.master.port })
  const [heard, unheard] = [await failing.browser('user0'), await failing.browser('user1')]
  const before = await startOn(a, heard, failing)
  await connectOn(b, unheard, failing)
  await pair.heard()
  const from = performance.now()
  pair.lag()
  // The replica knows neither of the answer to the one nor of the run of the other.
  const callback = await callbackOn(c, heard, failing, before)
  t.equal((await call(heard, failing, callback)).status, 303)
  t.match(await statusOn(b, heard, failing, before, isOver), { status: 'completed' })
  const later = await call(unheard, failing, `${a.url}/tick`, { method: 'POST', headers: { prefer: 'respond-async' } })
  const forgotten = nothing()
  await compare(pair, forgotten)
  await pair.failOver()
  const disturbances: Disturbance[] = [{ what: 'state lost', from, to: performance.now() }, { what: 'tokens', from, to: performance.now() }]

  t.equal((await statusOn(b, heard, failing, before, answered)).executionId, before.executionId, 'sessions and runs that it knew are there')
  // The claim is forgotten, and the provider takes a code once.
  const repeated = await call(heard, failing, callback.replace(c.url, b.url))
  t.equal(repeated.status, 502)
  t.match(repeated.text, 'CONSENTRY_ERR_PROVIDER_REFUSED')
  const again = await startOn(b, heard, failing)
  t.equal((await call(heard, failing, await callbackOn(a, heard, failing, again))).status, 303, 'the grant is gone: asked again')
  t.match(await statusOn(c, heard, failing, again, isOver), { status: 'completed' })
  const gone = await call(unheard, failing, `${b.url}/executions/${later.json<Status>().executionId}`)
  t.ok([200, 404].includes(gone.status))
  t.equal((await call(unheard, failing, `${c.url}/report`, { method: 'POST' })).status, 200, 'what the replica knew needs no consent')
  t.ok(forgotten.events.has(before.executionId) && forgotten.flows.size > 0)
  t.same(await faultsOf(failing, records, disturbances, forgotten), [])
})
