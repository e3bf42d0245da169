import { startRedis } from '@consentry/testing'
import { startChild } from './child.ts'
import type { Service, Surroundings } from './row.ts'

/** What must run beside a row. */
export interface Services {
  found: Pick<Surroundings, 'redis' | 'issuer'>
  close: () => Promise<void>
}

/** Starts them, on the core of the load. */
export async function startServices (needed: readonly Service[] = []): Promise<Services> {
  const redis = needed.includes('redis') ? await startRedis() : undefined
  const issuer = needed.includes('issuer') ? await startChild('load', new URL('issuer-process.js', import.meta.url), {}) : undefined
  return {
    found: { redis: redis?.url ?? '', issuer: issuer === undefined ? '' : issuer.ready as string },
    async close () {
      await redis?.close()
      await issuer?.close()
    }
  }
}
