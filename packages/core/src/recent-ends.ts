import type { Deadline, Deadlines } from './deadlines.ts'
import type { Clock } from './ports.ts'

/** The executions that ended here a moment ago: their ends may not be written, or be forgotten by a store that fails over. */
export interface RecentEnds {
  /** It ended; `written` when the store has said that it has the end. */
  add (id: string, written: boolean): void
  /** The store was away, and may have forgotten what it said before. */
  doubt (): void
  close (): void
}

export interface RecentEndsOptions {
  clock: Clock
  deadlines: Deadlines
  /** Makes sure that the store has the end of the execution. Rejects while it cannot be reached. */
  ensure: (id: string) => Promise<void>
  onError: (error: unknown, doing: string) => void
}

/** How long a store may forget an end, in milliseconds. */
const forgettable = 60_000
/** How long connections may take to come back after it was away, in milliseconds. */
const unsettled = 10_000
/** How many are remembered. */
const most = 1_000
/** Milliseconds between two looks at what is doubtful; connections come back one after the other. */
const pause = 1_000

/** Without it, an execution whose end was forgotten would seem to go on for as long as its node lives. */
export function createRecentEnds ({ clock, deadlines, ensure, onError }: RecentEndsOptions): RecentEnds {
  /** Until when each may be forgotten, by the monotonic clock; the oldest first. */
  const ends = new Map<string, number>()
  const doubtful = new Set<string>()
  let next: Deadline | undefined
  let trustedFrom = -Infinity
  let closed = false

  function lookLater (): void {
    if (!closed && doubtful.size > 0) next ??= deadlines.add(pause, lookNow, undefined)
  }

  function lookNow (): void { void look() }

  async function look (): Promise<void> {
    try {
      for (const id of doubtful) {
        if ((ends.get(id) ?? 0) > clock.monotonic()) await ensure(id)
        doubtful.delete(id)
      }
    } catch (error) {
      onError(error, 'looking for the end of an execution')
    }
    next = undefined
    lookLater()
  }

  function forget (id: string): void {
    ends.delete(id)
    doubtful.delete(id)
  }

  return {
    add (id, written) {
      const now = clock.monotonic()
      ends.set(id, written ? now + forgettable : Infinity)
      for (const [oldest, until] of ends) {
        if (ends.size <= most && until > now) break
        forget(oldest)
      }
      if (written && now >= trustedFrom) return
      doubtful.add(id)
      lookLater()
    },

    doubt () {
      const now = clock.monotonic()
      trustedFrom = now + unsettled
      for (const [id, until] of ends) if (until > now) doubtful.add(id)
      lookLater()
    },

    close () {
      closed = true
      next?.cancel()
    }
  }
}
