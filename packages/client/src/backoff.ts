import { createPatience } from './patience.ts'

/** How long to wait between attempts, in milliseconds. */
export interface BackoffOptions {
  /** Before the second attempt; 500 unless given. */
  first?: number
  /** At most; 30 s unless given. */
  longest?: number
}

/** Twice as long each time, and not for all clients the same. */
export function pause (attempt: number, { first = 500, longest = 30_000 }: BackoffOptions = {}): number {
  return Math.min(longest, first * 2 ** attempt) * (0.5 + Math.random() / 2)
}

/** Resolves after `ms`, or as soon as `signal` is aborted. */
export async function sleep (ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const patience = createPatience(signal, ms)
  await new Promise((resolve) => { patience.signal.addEventListener('abort', resolve) })
  patience.end()
}
