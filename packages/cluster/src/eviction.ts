import { invalid } from './options.ts'
import { nodesOf, type Commands, type RedisClient } from './redis-client.ts'

/**
 * Refuses a server that may throw flows and sessions away when its memory is full; all of them have a lifetime, so the
 * volatile policies take them too. Managed servers often forbid CONFIG; INFO says it as well, and a server that keeps it
 * to itself is taken as it is.
 *
 * Rejects with `CONSENTRY_ERR_OPTIONS_INVALID`, and with `CONSENTRY_ERR_STORE_UNAVAILABLE` when there is no answer.
 * @see https://redis.io/docs/latest/develop/reference/eviction/
 */
export async function checkEviction (redis: RedisClient, { within }: Commands): Promise<void> {
  // A cluster knows its nodes once it has answered.
  const first = await within(redis.info('memory').catch(silence))
  const others = await within(Promise.all(nodesOf(redis).map((node) => node.info('memory').catch(silence))))
  for (const info of [first, ...others]) {
    const [, policy = 'noeviction'] = /^maxmemory_policy:([\w-]+)/m.exec(info) ?? []
    if (policy !== 'noeviction') throw invalid(`the maxmemory-policy of Redis is ${policy}, which may evict flows and sessions: set it to noeviction, or pass dangerouslyAllowEviction`)
  }
}

/** A server that may not be asked is no reason not to start. */
function silence (error: unknown): string {
  if (error instanceof Error && /^(NOPERM|ERR unknown)/.test(error.message)) return ''
  throw error
}
