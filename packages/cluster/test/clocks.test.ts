import { startRedis } from '@consentry/testing'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { call, callbackOn, connectOn, isOver, lease, socketOn, startNodes, startOn, statusOn, typesOf, type Node } from './nodes.ts'

t.setTimeout(240_000)

const minutes = 60_000
const redis = await startRedis()
t.teardown(() => redis.close())
const all = await startNodes(t, 1, { redis: [redis.port], accessTokenTtl: 600 })
const [right] = all.nodes as [Node]
const fast = await all.start({ clockOff: 3 * minutes })
const slow = await all.start({ clockOff: -3 * minutes })
// Within the clockTolerance of providers, 30 seconds unless set.
const late = await all.start({ clockOff: -25_000 })
let people = 0

for (const [name, runsOn, answersOn] of [['that runs it is fast', fast, right], ['that runs it is slow', slow, right], ['that takes the answer is fast', right, fast], ['that runs it is slow and the other fast', slow, fast], ['that takes the answer is late', right, late]] as const) {
  t.test(`R16: the clock of the node ${name}: the run completes`, async (t) => {
    const browser = await all.browser(`user${people++}`)
    const socket = await socketOn(runsOn === fast ? slow : fast, browser, all)
    const started = await startOn(runsOn, browser, all)
    t.equal((await call(browser, all, await callbackOn(answersOn, browser, all, started))).status, 303)
    await socket.until(({ type }) => type === 'completed' || type === 'failed')
    t.same(typesOf(socket, started), ['running', 'oauth_required', 'oauth_resolved', 'completed'])
    socket.close()
  })
}

t.test('R16: a node that is minutes late takes no ID token, which would be one of the future: a failure with a code, nothing kept, and another node can be asked', async (t) => {
  const browser = await all.browser(`user${people++}`)
  const started = await startOn(right, browser, all)
  t.equal((await call(browser, all, await callbackOn(slow, browser, all, started))).status, 502)
  t.match(await statusOn(fast, browser, all, started, isOver), { status: 'failed', error: { code: 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID' } })
  await connectOn(right, browser, all)
  t.equal((await call(browser, all, `${slow.url}/report`, { method: 'POST' })).status, 200)
})

t.test('R16: an exchange that takes its time is nobody\'s to give up because their clock is ahead', async (t) => {
  const exchanging = await all.start({ exchange: 1_500 })
  const browser = await all.browser(`user${people++}`)
  const started = await startOn(fast, browser, all)
  const answered = call(browser, all, await callbackOn(exchanging, browser, all, started))
  await exchanging.says('exchanging')
  const meanwhile = await startOn(fast, browser, all)
  t.equal(meanwhile.pending?.[0]?.connectUrl, started.pending?.[0]?.connectUrl, 'who comes meanwhile waits for the same answer')
  // Every waiter reads again.
  await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
  t.equal((await answered).status, 303)
  for (const run of [started, meanwhile]) t.match(await statusOn(right, browser, all, run, isOver), { status: 'completed' })
})

t.test('R16: a wall clock that steps back and forth ends no run, no session and no lease', async (t) => {
  const stepping = await all.start()
  const browser = await all.browser(`user${people++}`)
  const started = await startOn(stepping, browser, all)
  const ticking = await startOn(stepping, browser, all, '/tick')
  for (const ms of [-10 * minutes, 5 * minutes, 10 * minutes, -5 * minutes]) {
    stepping.tell({ type: 'step', ms })
    await sleep(lease * 400)
    t.equal((await statusOn(right, browser, all, started)).status, 'oauth_required')
    t.equal((await statusOn(right, browser, all, ticking)).status, 'running', 'leases are by the time of Redis')
    t.equal((await statusOn(stepping, browser, all, started)).status, 'oauth_required')
  }
  t.equal((await call(browser, all, await callbackOn(right, browser, all, started))).status, 303)
  t.match(await statusOn(stepping, browser, all, started, isOver), { status: 'completed' })
})

t.test('R16: a token that one node takes for fresh and another for stale is refreshed once, and no grant ends', async (t) => {
  const browser = await all.browser(`user${people++}`)
  await connectOn(right, browser, all)
  const before = all.op.ledger.token.refresh_token
  const ahead = await all.start({ clockOff: 9.5 * minutes })
  const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => call(browser, all, `${([right, ahead, slow] as const)[index % 3]?.url ?? ''}/report`, { method: 'POST' })))
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  const refreshed = all.op.ledger.presented.filter(({ type }) => type === 'refresh_token').map(({ value }) => value)
  t.ok(all.op.ledger.token.refresh_token > before)
  t.equal(new Set(refreshed).size, refreshed.length, 'each refresh token once')
})
