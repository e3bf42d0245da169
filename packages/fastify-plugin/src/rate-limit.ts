import type { StateStore } from '@consentry/core'
import rateLimitPlugin, { type FastifyRateLimitStore, type FastifyRateLimitStoreCtor } from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import { callbackify } from 'node:util'
import type { Context } from './context.ts'
import { httpError } from './errors.ts'

/** The routes that make the server work for strangers carry this: public, and counted by address. */
export const limited = { auth: false, rateLimit: {} } as const

/** Limits the routes that say so, unless something else does, in the state store and so over all nodes that share it. */
export async function rateLimit (app: FastifyInstance, { settings }: Context): Promise<void> {
  const { stateStore, clock, rateLimit } = settings
  if (rateLimit === false) return
  await app.register(rateLimitPlugin, {
    global: false,
    max: rateLimit.max,
    timeWindow: rateLimit.timeWindow,
    store: storeOver(stateStore, () => clock.now()),
    errorResponseBuilder: (_request, { ttl }) => httpError('CONSENTRY_ERR_TOO_MANY_REQUESTS', { retryAfter: ttl })
  })
}

/** Counts in fixed windows: the sequence number of a log is its number of entries. */
function storeOver (state: StateStore, now: () => number): FastifyRateLimitStoreCtor {
  const count = callbackify(async (key: string, timeWindow: number) => {
    const time = now()
    const ttl = timeWindow - time % timeWindow
    const current = await state.append(`rate:${Math.floor(time / timeWindow)}:${key}`, '', { ttl, limit: 1 })
    return { current, ttl }
  })

  return class StateRateLimitStore implements FastifyRateLimitStore {
    incr (key: string, callback: Parameters<FastifyRateLimitStore['incr']>[1], timeWindow: number): void {
      count(key, timeWindow, callback)
    }

    /** One count for all routes: who hits one also waits at the others. */
    child (): FastifyRateLimitStore {
      return this
    }
  }
}
