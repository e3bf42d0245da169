/** A clock that moves only when it is told to. Has the shape of the `Clock` that the packages take. */
export interface ManualClock {
  /** Milliseconds since the epoch. */
  now (): number
  /** Milliseconds since the clock was made; never steps. */
  monotonic (): number
  /** Calls `fn` once after `ms` milliseconds; the returned function cancels that. */
  timer (ms: number, fn: () => void): () => void
  /** Lets time pass: fires what falls due in order, with room in between for what that sets off. */
  advance (ms: number): Promise<void>
  /** Moves the wall clock alone, as when an administrator sets it. May be negative. */
  step (ms: number): void
  /** How many timers are waiting. */
  readonly timers: number
}

interface Timer {
  due: number
  fn: () => void
}

/** Lets promises settle and callbacks of I/O run. */
async function settle (): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => { setImmediate(resolve) })
}

/** A manual clock that stands at `start`, milliseconds since the epoch; at the present time unless given. */
export function createClock (start: number = Date.now()): ManualClock {
  let wall = start
  let monotonic = 0
  const timers = new Set<Timer>()

  // A Set keeps the order of insertion, which decides between timers that fall due together.
  const nextBefore = (limit: number): Timer | undefined => {
    let next: Timer | undefined
    for (const timer of timers) {
      if (timer.due <= limit && (next === undefined || timer.due < next.due)) next = timer
    }
    return next
  }

  const moveTo = (time: number): void => {
    wall += time - monotonic
    monotonic = time
  }

  return {
    now: () => wall,
    monotonic: () => monotonic,
    timer (ms, fn) {
      const timer = { due: monotonic + Math.max(0, ms), fn }
      timers.add(timer)
      return () => { timers.delete(timer) }
    },
    async advance (ms) {
      const end = monotonic + ms
      await settle()
      for (let next = nextBefore(end); next !== undefined; next = nextBefore(end)) {
        timers.delete(next)
        moveTo(Math.max(monotonic, next.due))
        next.fn()
        await settle()
      }
      moveTo(Math.max(monotonic, end))
      await settle()
    },
    step (ms) { wall += ms },
    get timers () { return timers.size }
  }
}
