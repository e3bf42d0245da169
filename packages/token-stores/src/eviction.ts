import { invalid } from './options.ts'
import type { Commands } from './redis-client.ts'

/**
 * Refuses a server that may throw grants away when its memory is full. Managed servers often forbid CONFIG; INFO says it
 * too, and one that keeps that to itself is taken as it is.
 *
 * Rejects with `CONSENTRY_ERR_OPTIONS_INVALID`, and with `CONSENTRY_ERR_STORE_UNAVAILABLE` when there is no answer.
 * @see https://redis.io/docs/latest/develop/reference/eviction/
 */
export async function checkEviction ({ run }: Commands, { expiring }: { expiring: boolean }): Promise<void> {
  // A cluster knows its nodes once it has answered.
  const first = await run((redis) => redis.info('memory').catch(silence))
  const others = await run((redis) => Promise.all((redis.nodes?.('master') ?? []).map((node) => node.info('memory').catch(silence))))
  for (const info of [first, ...others]) {
    const [, policy] = /^maxmemory_policy:([\w-]+)/m.exec(info) ?? []
    // The volatile policies take only keys with a lifetime.
    if (policy === undefined || policy === 'noeviction' || (policy.startsWith('volatile-') && !expiring)) continue
    throw invalid(`the maxmemory-policy of Redis is ${policy}, which may evict grants: set it to noeviction, or pass dangerouslyAllowEviction`)
  }
}

/** A server that may not be asked is no reason not to start. */
function silence (error: unknown): string {
  if (error instanceof Error && /^(NOPERM|ERR unknown)/.test(error.message)) return ''
  throw error
}
