import { redisState } from '@consentry/cluster'
import type { ConsentryOptions } from '@consentry/fastify-plugin'
import { redisTokens } from '@consentry/token-stores'
import fastifyRedis from '@fastify/redis'
import type { FastifyInstance } from 'fastify'
import { Redis } from 'ioredis'
import type { Config } from './config.ts'

/** Where processes share what they know; without a Redis each keeps it to itself. */
export async function stores (app: FastifyInstance, { shared }: Config): Promise<Pick<ConsentryOptions, 'stateStore' | 'tokenStore'>> {
  if (shared === undefined) return {}
  const { redisUrl, prefix, grantsKey } = shared
  const redis = new Redis(redisUrl)
  // The outage is told once, by who asks.
  redis.on('error', () => {})
  const stateStore = redisState(redis, { prefix })
  await stateStore.ready()
  await app.register(fastifyRedis, { client: redis, closeClient: true })
  return {
    stateStore,
    tokenStore: redisTokens(redis, { prefix, encryption: { keys: [{ id: 'demo', key: grantsKey }] } })
  }
}
