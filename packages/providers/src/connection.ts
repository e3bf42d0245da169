import type { Clock } from '@consentry/core'
import { onlyAnswers } from './answers.ts'
import type { Reach } from './endpoint.ts'
import { optionsInvalid } from './errors.ts'
import { createFetch } from './fetch.ts'
import type { Fetch } from './fetch.ts'
import { numberOption, reachOf } from './options.ts'
import type { ConnectionOptions } from './options.ts'

/** How a provider is spoken to. */
export interface Connection {
  /** Resolves to answers alone: failures of the server and redirects reject. */
  readonly fetch: Fetch
  readonly reach: Reach
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  /** Closes the connections, if they are ours. */
  close (): Promise<void>
}

const systemClock: Pick<Clock, 'now' | 'monotonic'> = { now: () => Date.now(), monotonic: () => performance.now() }

/**
 * `translate` stands between what is sent and what is answered.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`
 */
export function createConnection (options: ConnectionOptions, translate?: (fetch: Fetch) => Fetch): Connection {
  const { clock = systemClock } = options
  const timeout = numberOption('timeout', options.timeout ?? 10_000)
  if (timeout === 0) throw optionsInvalid('timeout is 0')
  const reach = reachOf(options)
  const own = options.fetch === undefined ? createFetch({ timeout, ...reach }) : undefined
  const sent = options.fetch ?? own ?? globalThis.fetch
  return {
    fetch: onlyAnswers(translate?.(sent) ?? sent, () => clock.now()),
    reach,
    clock,
    close: async () => { await own?.close() }
  }
}
