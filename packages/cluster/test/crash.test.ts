import { startRedis } from '@consentry/testing'
import { performance } from 'node:perf_hooks'
import t from 'tap'
import { createRecords, type Disturbance } from './evidence.ts'
import { call, callbackOn, isOver, startNodes, startOn, statusOn, type Node } from './nodes.ts'
import { findFaults } from './oracle.ts'

// A claim is given up after 30 seconds, and each of the two waits for that.
t.setTimeout(240_000)
t.jobs = 2

const redis = await startRedis()
t.teardown(() => redis.close())
const all = await startNodes(t, 2, { redis: [redis.port] })
const [a, b] = all.nodes as [Node, Node]
const { ledger } = all.op
const disturbances: Disturbance[] = []

for (const [index, { at, sent, name }] of ([
  { at: 'before', sent: 0, name: 'R8: a node that is killed after it claimed the answer: the code is never sent, and the person is asked anew' },
  { at: 'after', sent: 1, name: 'R4, R8: a node that is killed between the provider\'s answer and the save: the code is not sent again, and the person is asked anew' }
] as const).entries()) {
  t.test(name, async (t) => {
    const browser = await all.browser(`user${index}`)
    const doomed = await all.start({ stop: { at, request: 'authorization_code' } })
    const started = await startOn(a, browser, all)
    const callback = await callbackOn(doomed, browser, all, started)
    const code = new URL(callback).searchParams.get('code') ?? ''
    const lost = call(browser, all, callback).catch(() => undefined)
    await doomed.says('stopped')
    const from = performance.now()
    await doomed.kill()
    disturbances.push({ what: 'node', from, to: performance.now() })
    t.equal(await lost, undefined)
    const reloads = await Promise.all([a, b].map((node) => call(browser, all, callback.replace(doomed.url, node.url))))
    for (const { status } of reloads) t.equal(status, 410, 'R7: a reload leads to the page that says how it ended')
    t.match(await statusOn(b, browser, all, started, isOver), { status: 'failed', error: { code: 'CONSENTRY_ERR_FLOW_EXPIRED' } })
    t.equal(ledger.codes.filter((each) => each === code).length, sent)
    const anew = await startOn(b, browser, all)
    t.not(anew.pending?.[0]?.connectUrl, started.pending?.[0]?.connectUrl)
    t.equal((await call(browser, all, await callbackOn(a, browser, all, anew))).status, 303)
    t.match(await statusOn(a, browser, all, anew, isOver), { status: 'completed' })
    t.equal((await call(browser, all, callback.replace(doomed.url, b.url))).status, 410)
    t.equal(ledger.codes.filter((each) => each === code).length, sent, 'also when it comes once more')
  })
}

t.test('the ledger, the stores and the events agree', { buffered: false }, async (t) => {
  const records = createRecords({ state: () => redis.port, tokens: () => redis.port })
  await records.look()
  t.same(findFaults({ ...ledger, runs: records.runs, flows: records.flows, grants: await records.grants(all.people.keys()), people: all.people, disturbances }), [])
  t.equal(records.runs.length, 4)
})
