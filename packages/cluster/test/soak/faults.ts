import type { Fault as ProviderFault, Proxy, RedisPair, RedisServer } from '@consentry/testing'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Disturbance } from '../evidence.ts'
import { compare, type Forgotten } from '../forgotten.ts'
import type { Node, Nodes } from '../nodes.ts'
import type { Random } from './random.ts'

/** What can be broken. */
export interface Breakable {
  all: Nodes
  /** The nodes that are there; one that was killed is replaced in its place. */
  nodes: Node[]
  state: RedisPair
  toState: Proxy
  tokens: RedisServer
  toTokens: Proxy
  forgotten: Forgotten
}

/** Breaks something for `ms` milliseconds, and mends it. */
interface Fault {
  name: string
  what: ReadonlyArray<Disturbance['what']>
  run (world: Breakable, random: Random, ms: number): Promise<void>
}

const endpoints = ['token', 'userinfo', 'jwks', 'revocation'] as const
const failures: readonly ProviderFault[] = ['status500', 'status429', 'hang', 'html']

async function replace (world: Breakable, random: Random, end: (node: Node) => Promise<void>, ms: number): Promise<void> {
  const index = random.between(0, world.nodes.length - 1)
  const node = world.nodes[index] as Node
  await end(node)
  await sleep(ms)
  // Where it was, as a supervisor would have it.
  world.nodes[index] = await world.all.start({ port: Number(new URL(node.url).port) })
}

/** Each way in which the way to a server can be bad. */
function ways (to: string, what: ReadonlyArray<Disturbance['what']>, proxy: (world: Breakable) => Proxy): Fault[] {
  const way = (name: string, begin: (proxy: Proxy, random: Random) => void): Fault => ({
    name: `the way to ${to} ${name}`,
    what,
    async run (world, random, ms) {
      begin(proxy(world), random)
      await sleep(ms)
      proxy(world).mend()
    }
  })
  return [
    way('is cut', (proxy) => proxy.cut()),
    way('is half open', (proxy) => proxy.halfOpen()),
    way('is slow', (proxy, random) => proxy.delay(random.between(20, 400)))
  ]
}

const faults: readonly Fault[] = [
  { name: 'a node is killed', what: ['node'], run: (world, random, ms) => replace(world, random, (node) => node.kill(), ms / 4) },
  { name: 'a node is closed', what: ['node'], run: (world, random, ms) => replace(world, random, (node) => node.close(), ms / 4) },
  {
    name: 'a node is paused',
    what: ['node'],
    async run ({ nodes }, random, ms) {
      const node = random.pick(nodes)
      node.pause()
      await sleep(ms)
      node.resume()
    }
  },
  {
    name: 'the state hangs',
    what: ['state'],
    async run ({ state: { master } }, _random, ms) {
      master.pause()
      await sleep(ms)
      master.resume()
    }
  },
  {
    name: 'the state fails over to a replica that lags',
    what: ['state', 'state lost'],
    async run ({ state, forgotten }, _random, ms) {
      state.lag()
      await sleep(ms / 4)
      await compare(state, forgotten)
      await state.failOver()
    }
  },
  {
    name: 'the grants hang',
    what: ['tokens'],
    async run ({ tokens }, _random, ms) {
      tokens.pause()
      await sleep(ms)
      tokens.resume()
    }
  },
  {
    name: 'the server of the grants crashes',
    what: ['tokens'],
    async run ({ tokens }, _random, ms) {
      await tokens.kill()
      await sleep(ms / 4)
      await tokens.start()
    }
  },
  {
    name: 'the provider fails',
    what: ['provider'],
    async run ({ all: { op } }, random, ms) {
      const endpoint = random.pick(endpoints)
      op.fail(endpoint, random.pick(failures))
      await sleep(ms)
      op.fail(endpoint)
    }
  },
  { name: 'people take their consent back at the provider', what: ['provider'], run: async ({ all: { op } }) => { op.endGrants() } },
  ...ways('the state', ['state'], ({ toState }) => toState),
  ...ways('the grants', ['tokens'], ({ toTokens }) => toTokens),
  ...ways('the provider', ['provider'], ({ all: { toProvider } }) => toProvider)
]

/** Breaks one thing after the other until it is told to stop. Returns how often each. */
export async function breakThings (world: Breakable, random: Random, { disturbances, signal, log }: { disturbances: Disturbance[], signal: AbortSignal, log: (line: string) => void }): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  while (!signal.aborted) {
    await sleep(random.between(200, 2_000))
    const fault = random.pick(faults)
    const ms = random.between(300, 6_000)
    log(`${fault.name}, ${ms} ms`)
    const begun = fault.what.map((what): Disturbance => ({ what, from: performance.now(), to: Infinity }))
    disturbances.push(...begun)
    await fault.run(world, random, ms)
    for (const disturbance of begun) disturbance.to = performance.now()
    counts[fault.name] = (counts[fault.name] ?? 0) + 1
  }
  return counts
}
