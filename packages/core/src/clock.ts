import { performance } from 'node:perf_hooks'
import type { Clock } from './ports.ts'

/** The longest delay a Node timer takes, in milliseconds; a longer one fires at once. */
const longestTimer = 2 ** 31 - 1

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer (ms, fn) {
    const timer = setTimeout(fn, Math.min(Math.max(ms, 0), longestTimer))
    timer.unref()
    return () => clearTimeout(timer)
  }
}
