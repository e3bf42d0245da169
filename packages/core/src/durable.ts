import type { Clock } from './ports.ts'

/** How long to wait before each further attempt, in milliseconds. */
const pauses = [100, 400, 1600]

/** Tries `fn` again while the other side is away, for what cannot be had a second time. */
export async function durably<T> (clock: Clock, fn: () => Promise<T>, mayPass: (error: unknown) => boolean = () => true): Promise<T> {
  for (const pause of pauses) {
    try {
      return await fn()
    } catch (error) {
      if (!mayPass(error)) throw error
      await new Promise<void>((resolve) => { clock.timer(pause, resolve) })
    }
  }
  return fn()
}
