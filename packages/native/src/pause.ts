import type { Clock } from '@consentry/core'

/** Waits `ms` milliseconds, or until `signal`. */
export async function pause (ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    const stop = (): void => {
      cancel()
      resolve()
    }
    const cancel = clock.timer(ms, () => {
      signal.removeEventListener('abort', stop)
      resolve()
    })
    signal.addEventListener('abort', stop, { once: true })
  })
}
