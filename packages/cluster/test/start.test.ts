import consentry, { type ConsentryOptions } from '@consentry/fastify-plugin'
import { freePort, startRedis } from '@consentry/testing'
import fastifyRedis from '@fastify/redis'
import Fastify from 'fastify'
import type { Redis } from 'ioredis'
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import t, { type Test } from 'tap'
import { redisState, type RedisState } from '../src/index.ts'
import { connect } from './open.ts'

/** Milliseconds. */
const timeout = 300

function options (stateStore: RedisState): ConsentryOptions {
  return {
    baseUrl: 'https://app.example.com',
    secret: 'a secret of the tests that is long enough',
    providers: {},
    login: ['basic'],
    identity: { basic: { realm: 'x', check: () => undefined } },
    stateStore
  }
}

function stateAt (t: Test, port: number): { redis: Redis, stateStore: RedisState } {
  const redis = connect({ kind: 'single', port }) as Redis
  t.teardown(() => redis.disconnect())
  const stateStore = redisState(redis, { timeout })
  t.teardown(() => stateStore.close())
  return { redis, stateStore }
}

async function application (t: Test, stateStore: RedisState): Promise<void> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(consentry, options(stateStore))
}

/** Far sooner than Fastify gives up on a plugin. */
async function failsSoon (t: Test, start: Promise<unknown>, reason: RegExp): Promise<void> {
  const from = performance.now()
  await t.rejects(start, { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE', message: reason })
  t.ok(performance.now() - from < 5_000)
}

t.test('R5: where nobody is at the port, a start fails in time, and says of what', async (t) => {
  await failsSoon(t, application(t, stateAt(t, await freePort()).stateStore), /^Consentry: the state store cannot be reached: Redis: no answer within 300 ms\.$/)
})

t.test('R5: and so where a server hangs, or refuses', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.close())
  server.pause()
  await failsSoon(t, application(t, stateAt(t, server.port).stateStore), /no answer/)
  server.resume()
  await server.command('ACL', 'SETUSER', 'default', '-subscribe')
  await failsSoon(t, application(t, stateAt(t, server.port).stateStore), /^Consentry: the state store cannot be reached: Redis: NOPERM\.$/)
})

t.test('R5: who asks first hears of it before @fastify/redis waits, and has app.redis otherwise', async (t) => {
  await t.rejects(stateAt(t, await freePort()).stateStore.ready(), { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE', cause: { message: /^Redis: no answer/ } })

  const server = await startRedis()
  t.teardown(() => server.close())
  const { redis, stateStore } = stateAt(t, server.port)
  await stateStore.ready()
  const app = Fastify()
  await app.register(fastifyRedis, { client: redis, closeClient: true })
  await app.register(consentry, options(stateStore))
  t.equal(app.redis, redis)
  const ended = once(redis, 'end')
  await app.close()
  await ended
})
