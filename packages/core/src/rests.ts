import { ConsentryError } from './errors.ts'
import type { Clock } from './ports.ts'

/** Backoff after failures, for each of many things. */
export interface Rests {
  /** The failure, while the rest after it lasts. */
  failure (id: string): { readonly error: unknown } | undefined
  rest (id: string, error: unknown): void
  over (id: string): void
}

/** The first rest, and the longest that nobody asked for, in milliseconds. */
const shortest = 1_000
const longest = 60_000
/** The longest that a provider may ask for, in milliseconds. */
const longestAsked = 3_600_000
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
    failure (id) {
      const rest = rests.get(id)
      return rest !== undefined && clock.monotonic() < rest.until ? rest : undefined
    },

    rest (id, error) {
      const before = rests.get(id)
      const length = Math.min(before === undefined ? shortest : before.length * 2, longest)
      const asked = ConsentryError.is(error) ? error.retryAfter ?? 0 : 0
      rests.delete(id)
      rests.set(id, { until: clock.monotonic() + Math.max(length * (0.75 + Math.random() / 4), Math.min(asked, longestAsked)), length, error })
      const [oldest] = rests.keys()
      if (rests.size > most) rests.delete(oldest as string)
    },

    over (id) {
      rests.delete(id)
    }
  }
}
