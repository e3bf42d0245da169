import { redisState } from '@consentry/cluster'
import type { ConsentryOptions } from '@consentry/fastify-plugin'
import { redisTokens } from '@consentry/token-stores'
import fastifyRedis from '@fastify/redis'
import type { FastifyInstance } from 'fastify'
import type { Config } from './config.ts'

/** Where processes share what they know; without a Redis each keeps it to itself. */
export async function stores (app: FastifyInstance, { shared }: Config): Promise<Pick<ConsentryOptions, 'stateStore' | 'tokenStore'>> {
  if (shared === undefined) return {}
  const { redisUrl, prefix, grantsKey } = shared
  await app.register(fastifyRedis, { url: redisUrl })
  return {
    stateStore: redisState(app.redis, { prefix }),
    tokenStore: redisTokens(app.redis, { prefix, encryption: { keys: [{ id: 'demo', key: grantsKey }] } })
  }
}
