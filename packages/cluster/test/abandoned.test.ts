import { startRedis } from '@consentry/testing'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { call, startNodes, type Node, type NodesOptions } from './nodes.ts'

t.setTimeout(240_000)

const redis = await startRedis()
t.teardown(() => redis.close())
/** Of twenty questions each. */
const [people, atOnce] = [250, 20]

for (const [name, options] of [['in memory', { redis: [] }], ['with Redis', { redis: [redis.port] }]] as ReadonlyArray<[string, NodesOptions]>) {
  t.test(`R13: five thousand questions that nobody answers, ${name}: no timer each, and in the end nobody waits`, async (t) => {
    const all = await startNodes(t, 1, { ...options, flowLifetime: 10, executions: { retention: 1 } })
    const [node] = all.nodes as [Node]
    const browser = await all.browser('alice')
    const ask = async (count: number, from: number): Promise<void> => {
      const { status } = await call(browser, all, `${node.url}/many?people=${count}&from=${from}`, { method: 'POST' })
      if (status !== 200) throw new Error(`expected 200, got ${status}`)
    }
    // What is made once and kept is there.
    await ask(10, 0)
    const { timers } = await node.usage()
    const base = (await node.usage()).heap
    for (let from = 10; from < people; from += atOnce) await ask(atOnce, from)
    const most = await node.usage()
    // A few more come and go with commands and connections.
    t.ok(most.timers - timers < people, `${timers} timers before, ${most.timers} with ${people * 20} questions`)
    t.ok(most.heap - base > people * 20 * 1_000, 'they are there')
    // Their time ends. For ten minutes more each flow is remembered, so that late visitors are told.
    const remembered = (most.heap - base) / 5
    let rest = most.heap
    for (let attempt = 0; rest - base > remembered && attempt < 200; attempt++) {
      await sleep(200)
      rest = (await node.usage()).heap
    }
    t.ok(rest - base <= remembered, `${Math.round((most.heap - base) / 1e6)} MB more, then ${Math.round((rest - base) / 1e6)} MB`)
  })
}
