import { startProxy, startRedis, startRedisPair } from '@consentry/testing'
import { Redis } from 'ioredis'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRecords, type Disturbance } from '../evidence.ts'
import { nothing } from '../forgotten.ts'
import { startNodes, type Node } from '../nodes.ts'
import { findFaults } from '../oracle.ts'
import { breakThings } from './faults.ts'
import { createPerson, type Diary } from './person.ts'
import { createRandom } from './random.ts'

export interface SoakOptions {
  seed: number
  /** For how long things break, in milliseconds. */
  duration: number
  /** Hears what is done, as it is done. */
  log: (line: string) => void
}

/** What an hour, or whatever it was, came to. */
export interface SoakSummary {
  seed: number
  runs: number
  /** How often each, as people saw it. */
  ends: Record<string, number>
  /** How often each, as it is recorded. */
  outcomes: Record<string, number>
  faults: Record<string, number>
  exchanges: number
  disconnects: number
  /** Events that Redis had acknowledged and forgot. */
  forgotten: number
  refreshes: number
  /** What should not be. Empty when all is well. */
  wrong: string[]
}

const [crowd, nodeCount] = [8, 3]
/** Seconds. */
const [flowLifetime, retention, maxAge, accessTokenTtl] = [5, 10, 8, 4]
/** What a node may hold more than another that has just started, in bytes; less than a kilobyte for each run of a short soak. */
const slack = 40_000_000

/**
 * People at several nodes, while nodes, Redis, the provider and the ways between them break, one after the other. Then
 * everything is mended, every run must end, and the ledger, the stores and the events are compared.
 */
export async function soak ({ seed, duration, log }: SoakOptions): Promise<SoakSummary> {
  const undo: Array<() => unknown> = []
  const t = { teardown: (fn: () => unknown) => { undo.push(fn) } }
  try {
    return await run({ seed, duration, log }, t)
  } finally {
    for (const fn of undo.toReversed()) await fn()
  }
}

async function run ({ seed, duration, log }: SoakOptions, t: { teardown: (fn: () => unknown) => void }): Promise<SoakSummary> {
  const random = createRandom(seed)
  const since = performance.now()
  const say = (line: string): void => log(`${((performance.now() - since) / 1_000).toFixed(1)} s: ${line}`)
  // The state may be lost at a failover; grants may not, and so are on the disk before they are acknowledged.
  const [state, tokens] = await Promise.all([startRedisPair(), startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })])
  t.teardown(() => Promise.all([state.close(), tokens.close()]))
  const [toState, toTokens] = await Promise.all([startProxy(state.port), startProxy(tokens.port)])
  t.teardown(() => Promise.all([toState.close(), toTokens.close()]))
  const all = await startNodes(t, nodeCount, { redis: [toState.port], tokens: toTokens.port, accessTokenTtl, flowLifetime, providerTimeout: 2_000, executions: { retention, maxAge } })
  const nodes: Node[] = [...all.nodes]

  const diary: Diary = { ends: {}, disconnects: 0, wrong: [] }
  const disturbances: Disturbance[] = []
  const forgotten = nothing()
  const records = createRecords({ state: () => state.master.port, tokens: () => tokens.port })
  const people = Array.from({ length: crowd }, (_, index) => createPerson({ name: `user${index}`, all, nodes, random: random.fork(), diary }))
  const over = AbortSignal.timeout(duration)
  const repeat = async (step: () => Promise<void>): Promise<void> => { while (!over.aborted) await step() }
  const [faults] = await Promise.all([
    breakThings({ all, nodes, state, toState, tokens, toTokens, forgotten }, random.fork(), { disturbances, signal: over, log: say }),
    ...people.map((person) => repeat(() => person.act())),
    // Before what is over is forgotten.
    repeat(async () => {
      await records.look().catch(() => {})
      await sleep(1_000)
    })
  ])

  say('nothing breaks any more')
  await Promise.all(people.map((person) => person.finish()))
  say('every run is over')
  for (const person of people) await person.report().catch((error: unknown) => { diary.wrong.push(`a report when nothing is broken: ${String(error)}`) })
  // Until also those runs are over, and forgotten, whose beginning nobody heard of.
  await sleep((2 * maxAge + retention) * 1_000)
  await records.look()
  const { ledger } = all.op
  const { runs, flows } = records
  const wrong = [
    ...diary.wrong,
    ...ledger.errors.map((error) => `the provider: ${error}`),
    ...findFaults({ ...ledger, runs, flows, grants: await records.grants(all.people.keys()), people: all.people, disturbances, forgotten }),
    ...await findLeaks(nodes, await (await all.start()).usage(), state.master.port)
  ]
  return {
    seed,
    runs: runs.length,
    ends: diary.ends,
    outcomes: countBy(flows.map(({ status, outcome }) => outcome ?? status)),
    faults,
    exchanges: ledger.token.authorization_code,
    disconnects: diary.disconnects,
    forgotten: [...forgotten.events.values()].reduce((count, { size }) => count + size, 0),
    refreshes: ledger.token.refresh_token,
    wrong
  }
}

/** What nobody needs any more and is there all the same. */
async function findLeaks (nodes: readonly Node[], fresh: { heap: number, timers: number }, port: number): Promise<string[]> {
  const leaks: string[] = []
  for (const node of nodes) {
    const { heap, timers } = await node.usage()
    if (heap - fresh.heap > slack) leaks.push(`${node.url} holds ${Math.round((heap - fresh.heap) / 1e6)} MB more than one that has just started`)
    if (timers - fresh.timers > 50) leaks.push(`${node.url} has ${timers} timers, and one that has just started ${fresh.timers}`)
  }
  const redis = new Redis(port, '127.0.0.1')
  const keys = await redis.keys('consentry:*')
  for (const key of keys) if (await redis.pttl(key) === -1) leaks.push(`${key} has no end`)
  for (const key of keys.filter((key) => /^consentry:(value:execution|log:events):/.test(key))) leaks.push(`${key} is left for ${await redis.pttl(key)} ms more`)
  redis.disconnect()
  return leaks
}

function countBy (names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
