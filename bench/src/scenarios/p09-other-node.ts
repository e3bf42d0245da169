import { redisState } from '@consentry/cluster'
import { createFlows, createWakeups, systemClock as clock, systemRandomBytes as randomBytes, type Owner } from '@consentry/core'
import { Redis } from 'ioredis'
import { serve } from '../child.ts'
import { micros } from './p09-wake-up.ts'

/** What the node that the callback reaches is asked to do. It tells when it began. */
export type Question =
  | { do: 'claim', key: string, channel: string }
  | { do: 'answer', state: string, binding: string, owner: Owner }

const claim = "local value = redis.call('GETDEL', KEYS[1]) if value then redis.call('PUBLISH', ARGV[1], value) end return value"

await serve<Question>(async (options) => {
  const redis = new Redis((options as { redis: string }).redis)
  const sha = String(await redis.script('LOAD', claim))
  const state = redisState(redis)
  const wakeups = createWakeups(state)
  const flows = createFlows({ state, wakeups, clock, randomBytes, lifetime: 600_000, redirectUri: (name) => `https://app.example.com/auth/callback/${name}` })
  await wakeups.ready()
  return {
    async answer (question) {
      const began = micros()
      if (question.do === 'claim') {
        if (await redis.evalsha(sha, 1, question.key, question.channel) !== 'waiting') throw new Error('somebody else was faster')
        return { began }
      }
      const { owner, binding } = question
      const claimed = await flows.claim(await flows.match({ state: question.state, provider: 'files', binding: () => binding, owner }))
      if (claimed === undefined) throw new Error('somebody else was faster')
      const settling = micros()
      await flows.settle(claimed, 'granted')
      return { began, settling }
    }
  }
})
