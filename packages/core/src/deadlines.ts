import type { Clock } from './ports.ts'

/** Something that happens later, unless it is cancelled first. */
export interface Deadline {
  /** It does not happen any more. */
  cancel (): void
}

/** Many deadlines on one timer. */
export interface Deadlines {
  /** Calls `fn(argument)` after `ms` milliseconds, or up to a sixteenth of that later. */
  add<T> (ms: number, fn: (argument: T) => void, argument: T): Deadline
  readonly size: number
  /** Cancels everything. */
  close (): void
}

class Entry implements Deadline {
  readonly due: number
  readonly queue: Set<Entry>
  readonly fn: (argument: never) => void
  readonly argument: unknown

  constructor (due: number, queue: Set<Entry>, fn: (argument: never) => void, argument: unknown) {
    this.due = due
    this.queue = queue
    this.fn = fn
    this.argument = argument
  }

  /** It does not happen any more. */
  cancel (): void {
    this.queue.delete(this)
  }
}

/**
 * Deadlines of one length end in the order in which they were set, so each length has a queue and one timer looks at
 * the heads. Lengths are rounded up to sixteenths of a power of two, which bounds the number of queues.
 */
export function createDeadlines (clock: Clock): Deadlines {
  const queues = new Map<number, Set<Entry>>()
  let cancelTimer: (() => void) | undefined
  let armedFor = Infinity

  function arm (due: number): void {
    if (due >= armedFor) return
    cancelTimer?.()
    armedFor = due
    cancelTimer = clock.timer(Math.ceil(due - clock.monotonic()), sweep)
  }

  function sweep (): void {
    armedFor = Infinity
    cancelTimer = undefined
    const now = clock.monotonic()
    let next = Infinity
    for (const [length, queue] of queues) {
      for (const entry of queue) {
        if (entry.due > now) {
          next = Math.min(next, entry.due)
          break
        }
        queue.delete(entry)
        entry.fn(entry.argument as never)
      }
      if (queue.size === 0) queues.delete(length)
    }
    if (next !== Infinity) arm(next)
  }

  return {
    add (ms, fn, argument) {
      const length = roundUp(ms)
      let queue = queues.get(length)
      if (queue === undefined) queues.set(length, queue = new Set())
      const entry = new Entry(clock.monotonic() + length, queue, fn, argument)
      queue.add(entry)
      arm(entry.due)
      return entry
    },
    get size () {
      let size = 0
      for (const queue of queues.values()) size += queue.size
      return size
    },
    close () {
      cancelTimer?.()
      cancelTimer = undefined
      armedFor = Infinity
      queues.clear()
    }
  }
}

function roundUp (ms: number): number {
  // What is no number is due at once; what is endless, in some thousands of years.
  const least = Math.ceil(Math.min(Math.max(ms, 1), 2 ** 48)) || 1
  const step = Math.max(1, 2 ** (Math.floor(Math.log2(least)) - 4))
  return Math.ceil(least / step) * step
}
