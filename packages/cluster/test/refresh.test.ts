import { startRedis } from '@consentry/testing'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createRecords, type Disturbance } from './evidence.ts'
import { call, callbackOn, connectOn, isOver, startNodes, startOn, statusOn, type Answer, type Node, type Report, type Status } from './nodes.ts'
import { findFaults } from './oracle.ts'

t.setTimeout(240_000)

const redis = await startRedis()
t.teardown(() => redis.close())
/** Milliseconds. */
const lockLease = 1_000
const accessTokenTtl = 2
const all = await startNodes(t, 3, { redis: [redis.port], accessTokenTtl, lockLease })
const [a, b, c] = all.nodes as [Node, Node, Node]
const { ledger } = all.op
const records = createRecords({ state: () => redis.port, tokens: () => redis.port })
const disturbances: Disturbance[] = []

/** Until the access token is over that was given last. */
const expiry = (): Promise<void> => sleep(accessTokenTtl * 1_000)

const uses = (): string[] => ledger.presented.filter(({ type }) => type === 'refresh_token').map(({ value }) => value)

function disturbed (): () => void {
  const disturbance: Disturbance = { what: 'node', from: performance.now(), to: Infinity }
  disturbances.push(disturbance)
  return () => { disturbance.to = performance.now() }
}

t.test('R1: many callers on three nodes, one grant that is over: one request per refresh token', async (t) => {
  const browser = await all.browser('user0')
  await connectOn(a, browser, all)
  for (let round = 0; round < 3; round++) {
    await expiry()
    const before = uses().length
    const answers = await Promise.all(Array.from({ length: 60 }, (_, index) => call(browser, all, `${[a, b, c][index % 3]?.url ?? ''}/report`, { method: 'POST' })))
    t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
    const made = uses().slice(before)
    t.ok(made.length > 0)
    t.equal(new Set(made).size, made.length, 'each once')
    t.equal(new Set(answers.map((answer) => answer.json<Report>().token)).size, made.length, 'and all got what came of it')
  }
})

t.test('R2: a holder of the lock that is paused for longer than it: another goes on, and there is one grant afterwards', async (t) => {
  const over = disturbed()
  const browser = await all.browser('user1')
  await connectOn(a, browser, all)
  // Its request has been answered, and the answer is not saved.
  const holder = await all.start({ stop: { at: 'after', request: 'refresh_token' } })
  await expiry()
  const before = uses().length
  const slow = call(browser, all, `${holder.url}/report`, { method: 'POST' })
  await holder.says('stopped')
  holder.pause()
  await sleep(lockLease * 1.5)
  // The provider has seen the refresh token before, and ends the grant for that (RFC 9700 section 4.14.2).
  const asked = await startOn(b, browser, all)
  t.equal(asked.status, 'oauth_required')
  t.equal(uses().length - before, 2)
  t.equal((await call(browser, all, await callbackOn(c, browser, all, asked))).status, 303)
  t.match(await statusOn(a, browser, all, asked, isOver), { status: 'completed' })
  // What it saves now is older than what the person gave meanwhile.
  holder.resume()
  holder.tell({ type: 'go' })
  await slow
  over()
  await expiry()
  t.equal((await call(browser, all, `${c.url}/report`, { method: 'POST' })).status, 200, 'what is stored is what the person gave last')
  await holder.kill()
})

t.test('R4: a node that is killed between the answer and the save: one more try, then the person is asked', async (t) => {
  const over = disturbed()
  const browser = await all.browser('user2')
  await connectOn(a, browser, all)
  const doomed = await all.start({ stop: { at: 'after', request: 'refresh_token' } })
  await expiry()
  const before = uses().length
  const lost = call(browser, all, `${doomed.url}/report`, { method: 'POST' }).catch(() => undefined)
  await doomed.says('stopped')
  await doomed.kill()
  over()
  t.equal(await lost, undefined)
  const answers = await Promise.all([a, b, c].map((node) => call(browser, all, `${node.url}/report`, { method: 'POST' })))
  t.same(answers.map(({ status }) => status), [202, 202, 202], 'nobody is left hanging, and all ask one question')
  t.equal(new Set(answers.map((answer) => answer.json<Status>().pending?.[0]?.connectUrl)).size, 1)
  const [first] = answers as [Answer]
  t.equal(uses().length - before, 2)
  t.equal((await call(browser, all, await callbackOn(b, browser, all, first.json()))).status, 303)
  t.match(await statusOn(c, browser, all, first.json(), isOver), { status: 'completed' })
})

t.test('the ledger, the stores and the events agree', async (t) => {
  await records.look()
  t.same(findFaults({ ...ledger, runs: records.runs, flows: records.flows, grants: await records.grants(all.people.keys()), people: all.people, disturbances }), [])
  t.ok(records.runs.length > 180)
})
