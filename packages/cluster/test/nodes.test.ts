import { startRedis, startRedisCluster } from '@consentry/testing'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { call, callbackOn, isOver, lease, socketOn, startNodes, startOn, statusOn, typesOf, type Node, type Status } from './nodes.ts'

// Several leases have to end.
t.setTimeout(240_000)

const redis = await startRedis()
t.teardown(() => redis.close())
const all = await startNodes(t, 3, { redis: [redis.port] })
const { op } = all
const [a, b, c] = all.nodes as [Node, Node, Node]
const lost = 'CONSENTRY_ERR_NODE_LOST'
const longerThanLease = lease * 1_500

t.test('a run on one node, its WebSocket on another, its callback on a third', async (t) => {
  const alice = await all.browser('alice')
  const socket = await socketOn(b, alice, all)
  const started = await startOn(a, alice, all)
  await socket.until(({ type }) => type === 'oauth_required')
  t.equal((await statusOn(c, alice, all, started)).status, 'oauth_required')
  t.equal((await call(alice, all, await callbackOn(c, alice, all, started))).status, 303)
  await socket.until(({ type }) => type === 'completed')
  t.same(typesOf(socket, started), ['running', 'oauth_required', 'oauth_resolved', 'completed'])
  t.match(await statusOn(c, alice, all, started), { status: 'completed', seq: 4 })
  socket.close()
})

t.test('the same with a cluster of Redis', async (t) => {
  const cluster = await startRedisCluster()
  t.teardown(() => cluster.close())
  const clustered = await startNodes(t, 3, { redis: cluster.nodes.map(({ port }) => port) })
  const [a, b, c] = clustered.nodes as [Node, Node, Node]
  const alice = await clustered.browser('alice')
  const socket = await socketOn(b, alice, clustered)
  const started = await startOn(a, alice, clustered)
  t.equal((await call(alice, clustered, await callbackOn(c, alice, clustered, started))).status, 303)
  await socket.until(({ type }) => type === 'completed')
  t.same(typesOf(socket, started), ['running', 'oauth_required', 'oauth_resolved', 'completed'])
  t.equal((await call(alice, clustered, `${b.url}/report`, { method: 'POST' })).status, 200)
  socket.close()
})

t.test('B12: on another node, too, somebody else\'s run does not exist', async (t) => {
  const [owner, other] = [await all.browser('user0'), await all.browser('user1')]
  const stranger = await socketOn(c, other, all)
  const started = await startOn(a, owner, all)
  for (const node of [a, b, c]) {
    t.equal((await call(other, all, `${node.url}/executions/${started.executionId}`)).status, 404)
    t.equal((await call(other, all, `${node.url}/executions/${started.executionId}/events`)).status, 404)
    t.equal((await call(other, all, `${node.url}/executions/${started.executionId}/cancel`, { method: 'POST' })).status, 404)
  }
  t.equal((await statusOn(b, owner, all, started)).status, 'oauth_required')
  t.same(stranger.events, [])
  stranger.close()
})

t.test('B8: fifty valid callbacks at once on three nodes make one token request', async (t) => {
  const browser = await all.browser('user2')
  const started = await startOn(a, browser, all)
  const callback = new URL(await callbackOn(a, browser, all, started))
  const before = op.ledger.token.authorization_code
  const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => call(browser, all, `${[a, b, c][index % 3]?.url ?? ''}${callback.pathname}${callback.search}`)))
  t.equal(op.ledger.token.authorization_code - before, 1)
  t.same(new Set(answers.map(({ status, headers }) => `${status} ${headers.get('location') ?? ''}`)), new Set([`303 ${started.pending?.[0]?.connectUrl ?? ''}`]), 'R7: all get the same page')
  t.equal((await statusOn(b, browser, all, started, isOver)).status, 'completed')
})

t.test('cancelled from another node, a run ends where it is', async (t) => {
  const browser = await all.browser('user3')
  const started = await startOn(a, browser, all, '/tick')
  const answer = await call(browser, all, `${b.url}/executions/${started.executionId}/cancel`, { method: 'POST' })
  t.match(answer.json(), { status: 'cancelled' })
  while (!a.messages.some((message) => message.type === 'aborted' && message.executionId === started.executionId)) await sleep(10)
  const { seq } = await statusOn(c, browser, all, started)
  await sleep(200)
  t.match(await statusOn(c, browser, all, started), { status: 'cancelled', seq }, 'and writes no more')
})

t.test('B20: sessions that end on one node close the sockets of another', async (t) => {
  const browser = await all.browser('user4')
  const socket = await socketOn(b, browser, all)
  t.equal((await call(browser, all, `${a.url}/end-sessions`, { method: 'POST' })).status, 200)
  t.equal(await socket.closed, 4401)
  t.equal((await call(browser, all, `${c.url}/auth/userinfo`)).status, 401)
})

t.test('R6: what was said while a connection was cut is found when it is back', async (t) => {
  const browser = await all.browser('user5')
  const socket = await socketOn(b, browser, all)
  const started = await startOn(a, browser, all)
  await socket.until(({ type }) => type === 'oauth_required')
  const callback = await callbackOn(c, browser, all, started)
  const answered = performance.now()
  // Cuts every connection that listens, and lets none come back.
  await redis.command('ACL', 'SETUSER', 'default', 'resetchannels')
  t.teardown(() => redis.command('ACL', 'SETUSER', 'default', 'allchannels'))
  t.equal((await call(browser, all, callback)).status, 303)
  t.equal((await statusOn(c, browser, all, started)).status, 'oauth_required', 'nobody heard of it')
  await redis.command('ACL', 'SETUSER', 'default', 'allchannels')
  await socket.until(({ type }) => type === 'completed')
  t.ok(performance.now() - answered < 15_000, 'not by the look that they take every half minute anyway')
  t.same(typesOf(socket, started), ['running', 'oauth_required', 'oauth_resolved', 'completed'])
  socket.close()
})

t.test('R9: the node of a run is killed: its owner hears of it, the answer counts, and a new run needs no consent', async (t) => {
  const browser = await all.browser('user6')
  const doomed = await all.start()
  const socket = await socketOn(b, browser, all)
  const started = await startOn(doomed, browser, all)
  await socket.until(({ type }) => type === 'oauth_required')
  const callback = await callbackOn(c, browser, all, started)
  await doomed.kill()
  t.equal((await statusOn(b, browser, all, started)).status, 'oauth_required', 'as long as its lease runs')
  t.match(await socket.until(({ type }) => type === 'failed'), { data: { code: lost } })
  const seen = await Promise.all(Array.from({ length: 30 }, (_, index) => statusOn([a, b, c][index % 3] as Node, browser, all, started)))
  t.same(new Set(seen.map(({ status, error, seq }) => `${status} ${error?.code ?? ''} ${seq}`)), new Set([`failed ${lost} 3`]))
  t.equal((await call(browser, all, callback)).status, 303, 'the question was left to be answered')
  t.equal((await call(browser, all, `${b.url}/report`, { method: 'POST' })).status, 200)
  t.same(typesOf(socket, started), ['running', 'oauth_required', 'failed'])
  socket.close()
})

t.test('R9: and it is found by whoever asks, without anybody listening', async (t) => {
  const browser = await all.browser('user7')
  const doomed = await all.start()
  const started = await startOn(doomed, browser, all, '/tick')
  await doomed.kill()
  t.match(await statusOn(a, browser, all, started, isOver), { status: 'failed', error: { code: lost } })
})

t.test('R2: a node that was paused for longer than its lease writes nothing after the end', async (t) => {
  const browser = await all.browser('user8')
  const paused = await all.start()
  const socket = await socketOn(b, browser, all)
  const started = await startOn(paused, browser, all, '/tick')
  await socket.until(({ type }) => type === 'progress')
  paused.pause()
  t.match(await socket.until(({ type }) => type === 'failed'), { data: { code: lost } })
  const { seq } = await statusOn(c, browser, all, started)
  paused.resume()
  await paused.says('aborted')
  await sleep(300)
  t.match(await statusOn(c, browser, all, started), { status: 'failed', error: { code: lost }, seq })
  t.match(await statusOn(paused, browser, all, started), { status: 'failed', error: { code: lost }, seq }, 'it says so itself')
  t.equal(typesOf(socket, started).at(-1), 'failed')
  t.equal((await startOn(paused, browser, all)).status, 'oauth_required', 'and it is of use again')
  socket.close()
  await paused.kill()
})

t.test('R17: a node that is closed: its sockets say so, its exchange finishes, and its questions stay', async (t) => {
  const [browser, other] = [await all.browser('user9'), await all.browser('user10')]
  const closing = await all.start({ exchange: 700 })
  const socket = await socketOn(closing, browser, all)
  const started = await startOn(closing, browser, all)
  const elsewhere = await startOn(a, other, all)
  const callback = await callbackOn(c, browser, all, started)
  const exchanged = call(other, all, await callbackOn(closing, other, all, elsewhere))
  await closing.says('exchanging')
  const closed = closing.close()
  t.equal(await socket.closed, 1012)
  t.match(socket.events.at(-1), { type: 'failed', data: { code: 'CONSENTRY_ERR_SHUTDOWN' } })
  t.equal((await exchanged).status, 303, 'the exchange that was under way')
  await closed
  t.equal((await statusOn(b, other, all, elsewhere, isOver)).status, 'completed')
  t.equal((await call(browser, all, callback)).status, 303, 'the question of the run that ended')
  t.equal((await call(browser, all, `${b.url}/report`, { method: 'POST' })).status, 200, 'and a new run needs no consent')
})

t.test('R5: Redis hangs for longer than a lease: bounded failures, and afterwards everybody is still there', async (t) => {
  const browser = await all.browser('user11')
  const socket = await socketOn(b, browser, all)
  const started = await startOn(a, browser, all)
  await socket.until(({ type }) => type === 'oauth_required')
  const callback = await callbackOn(c, browser, all, started)
  redis.pause()
  t.teardown(() => redis.resume())
  for (const node of [a, b, c]) {
    const answer = await call(browser, all, `${node.url}/executions/${started.executionId}`)
    t.equal(answer.status, 503)
    t.match(answer.json(), { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE' })
  }
  await sleep(longerThanLease)
  redis.resume()
  const back = (status: Status & { code?: string }): boolean => status.code === undefined
  t.match(await statusOn(b, browser, all, started, back), { status: 'oauth_required' }, 'nobody is declared dead for what Redis did')
  t.equal((await call(browser, all, callback)).status, 303)
  t.match(await statusOn(c, browser, all, started, (status) => back(status) && isOver(status)), { status: 'completed' })
  socket.close()
})

t.test('R5: Redis loses everything: nobody is taken for another, and all can begin anew', async (t) => {
  const browser = await all.browser('user12')
  const started = await startOn(a, browser, all)
  const callback = await callbackOn(c, browser, all, started)
  await redis.kill()
  await redis.start()
  const url = `${b.url}/executions/${started.executionId}`
  let answer = await call(browser, all, url)
  while (answer.status === 503) answer = await call(browser, all, url)
  t.equal(answer.status, 401, 'the session is gone')
  const late = await call(browser, all, callback)
  t.equal(late.status, 400)
  t.match(late.text, 'CONSENTRY_ERR_STATE_MISMATCH')
  const again = await all.browser('user12')
  const second = await startOn(a, again, all)
  const socket = await socketOn(b, again, all)
  t.equal((await call(again, all, await callbackOn(c, again, all, second))).status, 303)
  await socket.until(({ type }) => type === 'completed')
  socket.close()
})
