import { redisState } from '@consentry/cluster'
import { createFlows, createWakeups, randomId, systemClock as clock, systemRandomBytes as randomBytes } from '@consentry/core'
import { Redis } from 'ioredis'
import { setTimeout as sleep } from 'node:timers/promises'
import { startChild } from '../child.ts'
import type { Row, Sample, Surroundings, Trial } from '../row.ts'
import { quantiles } from '../statistics.ts'
import type { Question } from './p09-other-node.ts'

export const row: Row = {
  id: 'P9',
  title: 'A waiter on one node hears of the answer on another',
  method: 'Two processes and one Redis, otherwise idle. From the moment when the other node, which claimed the flow and has the provider’s answer, begins to settle it, until the waiter has read the outcome. The limit is a command and its answer. Whole: from matching the callback on, without the request to the provider.',
  services: ['redis'],
  metrics: {
    p50: { label: 'half within', unit: 'µs', better: 'lower' },
    p99: { label: '99 of 100 within', unit: 'µs', better: 'lower' },
    whole: { label: 'whole, half within', unit: 'µs', better: 'lower' }
  },
  variants: [
    { name: 'limit', label: 'one PING', role: 'limit', start: ping },
    { name: 'script', label: 'a script that claims and publishes', role: 'peer', start: byHand },
    { name: 'ours', label: '@consentry/core over @consentry/cluster', role: 'ours', start: ours }
  ],
  goals: [
    { metric: 'p50', to: 'limit', atMost: 4 },
    { metric: 'p99', to: 'limit', toMetric: 'p50', atMost: 20 }
  ]
}

/** By a clock that all processes of this machine share, in microseconds. */
export const micros = (): number => Number(process.hrtime.bigint()) / 1_000

/** One after the other, with a pause between them. */
async function latencies ({ scale }: Surroundings, once: () => Promise<{ took: number, whole?: number }>): Promise<Sample> {
  const took: number[] = []
  const whole: number[] = []
  for (let turn = 0; turn < (scale === 'few' ? 3 : 300); turn++) {
    const one = await once()
    took.push(one.took)
    if (one.whole !== undefined) whole.push(one.whole)
    await sleep(1)
  }
  const [p50, p99] = quantiles(took, [0.5, 0.99]) as [number, number]
  return { p50, p99, whole: whole.length === 0 ? p50 : quantiles(whole, [0.5])[0] as number }
}

async function ping (surroundings: Surroundings): Promise<Trial> {
  const redis = new Redis(surroundings.redis)
  return {
    kind: 'trial',
    round: () => latencies(surroundings, async () => {
      const began = micros()
      await redis.ping()
      return { took: micros() - began }
    }),
    close: async () => { redis.disconnect() }
  }
}

async function byHand (surroundings: Surroundings): Promise<Trial> {
  const other = await startOther(surroundings)
  const redis = new Redis(surroundings.redis)
  const subscriber = new Redis(surroundings.redis)
  let heard: ((at: number) => void) | undefined
  subscriber.on('message', () => { heard?.(micros()) })
  await subscriber.subscribe('bench:claimed')
  return {
    kind: 'trial',
    round: () => latencies(surroundings, async () => {
      const key = `bench:${randomId(16, randomBytes)}`
      await redis.set(key, 'waiting', 'PX', 60_000)
      const at = new Promise<number>((resolve) => { heard = resolve })
      const { began } = await other.ask({ do: 'claim', key, channel: 'bench:claimed' }) as { began: number }
      return { took: await at - began }
    }),
    async close () {
      redis.disconnect()
      subscriber.disconnect()
      await other.close()
    }
  }
}

async function ours (surroundings: Surroundings): Promise<Trial> {
  const other = await startOther(surroundings)
  const redis = new Redis(surroundings.redis)
  const state = redisState(redis)
  const wakeups = createWakeups(state)
  const flows = createFlows({ state, wakeups, clock, randomBytes, lifetime: 600_000, redirectUri: (name) => `https://app.example.com/auth/callback/${name}` })
  await wakeups.ready()
  return {
    kind: 'trial',
    round: () => latencies(surroundings, async () => {
      const owner = { tenant: 'default', userId: randomId(16, randomBytes) }
      const flow = await flows.open(await flows.beginConnect({ key: { ...owner, provider: 'files', profile: 'default' }, scopes: ['read'], waiter: { id: 'waiter', executionId: 'execution' } }))
      const ended = flows.wait(flow, 'waiter').then(({ outcome }) => ({ outcome, at: micros() }))
      // The waiter has read once, and waits.
      await sleep(1)
      const { began, settling } = await other.ask({ do: 'answer', state: flow.state, binding: flow.binding, owner }) as { began: number, settling: number }
      const { outcome, at } = await ended
      if (outcome !== 'granted') throw new Error(`the flow ended as ${outcome}`)
      return { took: at - settling, whole: at - began }
    }),
    async close () {
      flows.close()
      await wakeups.close()
      await state.close()
      redis.disconnect()
      await other.close()
    }
  }
}

function startOther ({ redis }: Surroundings): ReturnType<typeof startChild<Question>> {
  return startChild<Question>('load', new URL('p09-other-node.js', import.meta.url), { redis })
}
