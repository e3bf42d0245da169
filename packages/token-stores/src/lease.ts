import { ConsentryError, randomId, systemRandomBytes, type Locked, type VersionedGrant } from '@consentry/core'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

/** A right that one holder has at a time, and that ends by itself. */
export interface Lease {
  /** Takes it, or extends what this holder has already, by `ms` milliseconds; `false` while someone else has it. */
  hold: (holder: string, ms: number) => Promise<boolean>
  /** Gives it back, if this holder still has it. */
  release: (holder: string) => Promise<void>
}

/** What is stored, when that is not what was seen. */
type Changed = Exclude<Locked<never>, { result: never }>

/** A right to a grant that was seen. */
export interface GrantLease extends Lease {
  /** Takes it, if the grant is what was seen; `false` while someone else has it. */
  take: (holder: string, ms: number) => Promise<boolean | Changed>
}

/** Times in milliseconds. */
export interface LeaseOptions {
  /** Ends this long after its holder was last heard of. */
  lease: number
  /** How long to wait for another holder before giving up. */
  lockTimeout: number
}

/** Milliseconds. The work is a token request, which is seldom over sooner. */
const shortestPause = 100
const longestPause = 200

/** The right to the grant that `load` reads. */
export function grantLease (lease: Lease, seen: string | undefined, load: () => Promise<VersionedGrant | undefined>): GrantLease {
  return {
    ...lease,
    async take (holder, ms) {
      if (!await lease.hold(holder, ms)) return false
      const stored = await load()
      if (stored?.version === seen) return true
      await lease.release(holder)
      return { stored }
    }
  }
}

/**
 * Runs `fn` while it holds the lease, and renews it meanwhile; unless the grant is not what was seen. Rejects with
 * `CONSENTRY_ERR_STORE_UNAVAILABLE` when the lease was not to be had in time.
 *
 * A holder that sleeps through its lease is not stopped. When it asks, it is told; if it does not, the compare-and-set of
 * the store tells it that it was too late.
 */
export async function withLease<T> ({ take, hold, release }: GrantLease, fn: (stillHeld: () => Promise<boolean>) => Promise<T>, { lease, lockTimeout }: LeaseOptions): Promise<Locked<T>> {
  const holder = randomId(16, systemRandomBytes)
  // A failure to give it back costs the others no more than the rest of the lease.
  const giveBack = (): Promise<void> => release(holder).catch(() => {})
  /** Where the lease ends at the earliest, by our clock: it began when its server heard of it. */
  let until = 0
  const ask = async <A extends boolean | Changed>(forIt: (holder: string, ms: number) => Promise<A>): Promise<A> => {
    const now = performance.now()
    const answer = await forIt(holder, lease)
    if (answer === true) until = now + lease
    return answer
  }
  try {
    const taken = await acquire(() => ask(take), lockTimeout)
    if (taken !== true) return taken
  } catch (error) {
    // The answer may be lost and the lease taken all the same.
    void giveBack()
    throw error
  }
  let lapsed = false
  const left = (): number => until - performance.now()
  const renew = async (): Promise<void> => {
    // Another may have had it in between, and be gone again.
    if (left() <= 0) lapsed = true
    // While the store is away it stands for as long as it was given.
    lapsed ||= !await ask(hold).catch(() => true)
  }
  let renewing: Promise<unknown> = Promise.resolve()
  const timer = setInterval(() => { renewing = renew() }, lease / 3)
  async function stillHeld (): Promise<boolean> {
    // What comes next takes a while.
    if (left() < lease / 2) await renew()
    return !lapsed && left() > 0
  }
  try {
    return { result: await fn(stillHeld) }
  } finally {
    clearInterval(timer)
    // A renewal that is under way must not come after the release.
    await renewing
    await giveBack()
  }
}

async function acquire (take: () => Promise<boolean | Changed>, lockTimeout: number): Promise<true | Changed> {
  const giveUp = performance.now() + lockTimeout
  for (let pause = shortestPause; ; pause = Math.min(pause * 2, longestPause)) {
    const taken = await take()
    if (taken !== false) return taken
    if (performance.now() > giveUp) throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE', { cause: new Error(`another holds the lock for more than ${lockTimeout} ms`) })
    // Not all at the same moment.
    await sleep(pause * (0.75 + Math.random() / 2))
  }
}
