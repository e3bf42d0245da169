import { redisState } from '@consentry/cluster'
import { createFlows, createWakeups, randomId, systemClock as clock, systemRandomBytes as randomBytes, type ConnectFlow } from '@consentry/core'
import { Redis } from 'ioredis'
import { rateOf } from '../rate.ts'
import type { Row, Surroundings, Trial } from '../row.ts'

const lifetime = 600_000
/** How many flows are under way at once. */
const lanes = 256

export const row: Row = {
  id: 'P10',
  title: 'Flows begun and resolved through one Redis and one node',
  method: `${lanes} flows at once, each of a user of its own: begun, waited for, opened, matched, claimed, settled, and heard of by its waiter. The limit stores a value and takes it with a script.`,
  services: ['redis'],
  metrics: { rate: { label: 'flows', unit: '/s', better: 'higher' } },
  variants: [
    { name: 'limit', label: 'SET and EVALSHA by hand', role: 'limit', start: byHand },
    { name: 'ours', label: '@consentry/core over @consentry/cluster', role: 'ours', start: ours }
  ],
  goals: [{ metric: 'rate', to: 'limit', atLeast: 0.5 }]
}

async function byHand ({ redis: url, ...surroundings }: Surroundings): Promise<Trial> {
  const redis = new Redis(url)
  const script = "local value = redis.call('GET', KEYS[1]) if value == ARGV[1] then redis.call('DEL', KEYS[1]) return 1 end return 0"
  const sha = String(await redis.script('LOAD', script))
  const id = randomId(16, randomBytes)
  return {
    kind: 'trial',
    round: () => rateOf(surroundings, lanes, async (lane) => {
      const key = `flow:${id}:${lane}`
      await redis.set(key, id, 'PX', lifetime)
      if (await redis.evalsha(sha, 1, key, id) !== 1) throw new Error('somebody else was faster')
    }),
    close: async () => { redis.disconnect() }
  }
}

async function ours ({ redis: url, ...surroundings }: Surroundings): Promise<Trial> {
  const redis = new Redis(url)
  const state = redisState(redis)
  const wakeups = createWakeups(state)
  const flows = createFlows({ state, wakeups, clock, randomBytes, lifetime, redirectUri: (name) => `https://app.example.com/auth/callback/${name}` })
  await wakeups.ready()
  return {
    kind: 'trial',
    round: () => rateOf(surroundings, lanes, async (lane, turn) => {
      const owner = { tenant: 'default', userId: `user-${lane}-${turn}` }
      const begun = await flows.beginConnect({ key: { ...owner, provider: 'files', profile: 'default' }, scopes: ['read'], waiter: { id: 'waiter', executionId: 'execution' } })
      const waiting = flows.wait(begun, 'waiter')
      const flow = await flows.open(begun)
      const matched = await flows.match({ state: flow.state, provider: 'files', binding: () => flow.binding, owner })
      const claimed = await flows.claim(matched)
      await flows.settle(claimed as NonNullable<typeof claimed> & ConnectFlow, 'granted')
      const { outcome } = await waiting
      if (outcome !== 'granted') throw new Error(`a flow ended as ${outcome}`)
    }),
    async close () {
      flows.close()
      await wakeups.close()
      await state.close()
      redis.disconnect()
    }
  }
}
