import { ConsentryError, randomId, systemRandomBytes } from '@consentry/core'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

/** A right that one holder has at a time, and that ends by itself. */
export interface Lease {
  /** Takes it, or extends what this holder has already, by `ms` milliseconds; `false` while someone else has it. */
  hold: (holder: string, ms: number) => Promise<boolean>
  /** Gives it back, if this holder still has it. */
  release: (holder: string) => Promise<void>
}

/** Times in milliseconds. */
export interface LeaseOptions {
  /** Ends this long after its holder was last heard of. */
  lease: number
  /** How long to wait for another holder before giving up. */
  lockTimeout: number
}

const shortestPause = 10
const longestPause = 200

/**
 * Runs `fn` while it holds the lease, and renews it meanwhile. Rejects with `CONSENTRY_ERR_STORE_UNAVAILABLE` when the
 * lease was not to be had in time.
 *
 * A holder that sleeps through its lease is not stopped: the compare-and-set of the store tells it that it was too late.
 */
export async function withLease<T> ({ hold, release }: Lease, fn: () => Promise<T>, { lease, lockTimeout }: LeaseOptions): Promise<T> {
  const holder = randomId(16, systemRandomBytes)
  // A failure to give it back costs the others no more than the rest of the lease.
  const giveBack = (): Promise<void> => release(holder).catch(() => {})
  try {
    await acquire(() => hold(holder, lease), lockTimeout)
  } catch (error) {
    // The answer may be lost and the lease taken all the same.
    void giveBack()
    throw error
  }
  let renewing: Promise<unknown> = Promise.resolve()
  const timer = setInterval(() => { renewing = hold(holder, lease).catch(() => false) }, lease / 3)
  try {
    return await fn()
  } finally {
    clearInterval(timer)
    // A renewal that is under way must not come after the release.
    await renewing
    await giveBack()
  }
}

async function acquire (hold: () => Promise<boolean>, lockTimeout: number): Promise<void> {
  const giveUp = performance.now() + lockTimeout
  for (let pause = shortestPause; !await hold(); pause = Math.min(pause * 2, longestPause)) {
    if (performance.now() > giveUp) throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE', { cause: new Error(`another holds the lock for more than ${lockTimeout} ms`) })
    // Not all at the same moment.
    await sleep(pause * (0.5 + Math.random() / 2))
  }
}
