import type { Clock } from './ports.ts'

/** A place in a ring. One that stands alone is linked with itself. */
class Link {
  before: Link = this
  after: Link = this
}

/**
 * Something that happens later, unless it is cancelled first. It is its own place in the queue: who waits in large
 * numbers extends it, and needs no further object for the time.
 */
export abstract class Deadline extends Link {
  /** By the monotonic clock, in whole milliseconds, which take no memory of their own. */
  due = 0

  /** Its time has come. */
  abstract reach (): void

  /** It does not happen any more. */
  cancel (): void {
    this.before.after = this.after
    this.after.before = this.before
    this.before = this.after = this
  }
}

/** Many deadlines on one timer. */
export interface Deadlines {
  /** Calls `fn(argument)` after `ms` milliseconds, or up to a sixteenth of that later. */
  add<T> (ms: number, fn: (argument: T) => void, argument: T): Deadline
  /** The same for a deadline that is there; when it was set before, only the new time counts. */
  set (ms: number, deadline: Deadline): void
  readonly size: number
  /** Cancels everything. */
  close (): void
}

class Call<T> extends Deadline {
  readonly fn: (argument: T) => void
  readonly argument: T

  constructor (fn: (argument: T) => void, argument: T) {
    super()
    this.fn = fn
    this.argument = argument
  }

  override reach (): void {
    this.fn(this.argument)
  }
}

/**
 * Deadlines of one length end in the order in which they were set, so each length has a queue and one timer looks at
 * the heads. Lengths are rounded up to sixteenths of a power of two, which bounds the number of queues.
 */
export function createDeadlines (clock: Clock): Deadlines {
  const queues = new Map<number, Link>()
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
      let deadline = head(queue)
      for (; deadline !== undefined && deadline.due <= now; deadline = head(queue)) {
        deadline.cancel()
        deadline.reach()
      }
      if (deadline === undefined) queues.delete(length)
      else next = Math.min(next, deadline.due)
    }
    if (next !== Infinity) arm(next)
  }

  function set (ms: number, deadline: Deadline): void {
    const length = roundUp(ms)
    let queue = queues.get(length)
    if (queue === undefined) queues.set(length, queue = new Link())
    deadline.cancel()
    deadline.due = Math.ceil(clock.monotonic()) + length
    deadline.after = queue
    deadline.before = queue.before
    queue.before = queue.before.after = deadline
    arm(deadline.due)
  }

  return {
    set,
    add (ms, fn, argument) {
      const call = new Call(fn, argument)
      set(ms, call)
      return call
    },
    get size () {
      let size = 0
      for (const queue of queues.values()) for (let link = queue.after; link !== queue; link = link.after) size++
      return size
    },
    close () {
      cancelTimer?.()
      cancelTimer = undefined
      armedFor = Infinity
      for (const queue of queues.values()) for (let first = head(queue); first !== undefined; first = head(queue)) first.cancel()
      queues.clear()
    }
  }
}

/** The one that is due first. */
function head (queue: Link): Deadline | undefined {
  return queue.after === queue ? undefined : queue.after as Deadline
}

function roundUp (ms: number): number {
  // What is no number is due at once; what is endless, in some thousands of years.
  const least = Math.ceil(Math.min(Math.max(ms, 1), 2 ** 48)) || 1
  const step = Math.max(1, 2 ** (Math.floor(Math.log2(least)) - 4))
  return Math.ceil(least / step) * step
}
