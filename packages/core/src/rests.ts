import { ConsentryError } from './errors.ts'
import type { Clock } from './ports.ts'

/** Backoff after failures, for each of many things. */
export interface Rests {
  /** Throws the failure again while the rest lasts. */
  assertRested (id: string): void
  /** After a failure. `false` when it is the one that was thrown again. */
  rest (id: string, error: unknown): boolean
  over (id: string): void
}

/** After a failure a provider is left alone for a second at first, for a minute at most; milliseconds. */
const shortest = 1_000
const longest = 60_000
/** How many are remembered; beyond that the oldest is tried again. */
const most = 10_000

interface Rest {
  until: number
  length: number
  error: unknown
}

/** Twice as long after every failure, a little less by chance, and as long as the provider said. */
export function createRests (clock: Pick<Clock, 'monotonic'>): Rests {
  const rests = new Map<string, Rest>()

  return {
    assertRested (id) {
      const rest = rests.get(id)
      if (rest !== undefined && clock.monotonic() < rest.until) throw rest.error
    },

    rest (id, error) {
      const before = rests.get(id)
      if (before?.error === error) return false
      const length = Math.min(before === undefined ? shortest : before.length * 2, longest)
      const asked = ConsentryError.is(error) ? error.retryAfter ?? 0 : 0
      rests.delete(id)
      rests.set(id, { until: clock.monotonic() + Math.max(length * (0.75 + Math.random() / 4), Math.min(asked, longest)), length, error })
      const [oldest] = rests.keys()
      if (rests.size > most) rests.delete(oldest as string)
      return true
    },

    over (id) {
      rests.delete(id)
    }
  }
}
