import type { Clock } from './ports.ts'

/** Times in milliseconds. */
export interface CachedOptions {
  /** A value this young is used without a question. */
  freshFor: number
  /** One this young is used while a newer one is loaded, or cannot be. */
  staleFor: number
  /** After a failure, so long until the next try. */
  failureCooldown: number
  /** After a `renew`, so long until the next one. */
  renewCooldown: number
  clock: Pick<Clock, 'monotonic'>
}

/** A value that is kept, and loaded anew when it is too old. */
export interface Cached<T> {
  /** The value, loaded when there is none that will do. */
  get (): Promise<T>
  /** A newer value than `known`, which turned out not to do; `known` itself during the cooldown. */
  renew (known: T): Promise<T>
}

/** Keeps what `load` resolves to: one load at a time, stale values within a bound, no storm after failures (R15). */
export function cached<T> (load: () => Promise<T>, { freshFor, staleFor, failureCooldown, renewCooldown, clock }: CachedOptions): Cached<T> {
  let current: { value: T, at: number } | undefined
  let failure: { error: unknown, at: number } | undefined
  let renewedAt = -Infinity
  let pending: Promise<T> | undefined

  const loadOnce = (): Promise<T> => {
    pending ??= load().then((value) => {
      current = { value, at: clock.monotonic() }
      failure = undefined
      return value
    }, (error: unknown) => {
      failure = { error, at: clock.monotonic() }
      throw error
    }).finally(() => { pending = undefined })
    return pending
  }
  const coolingDown = () => failure !== undefined && clock.monotonic() - failure.at < failureCooldown

  return {
    async get () {
      const age = current === undefined ? Infinity : clock.monotonic() - current.at
      if (current !== undefined && age < staleFor) {
        if (age >= freshFor && !coolingDown()) loadOnce().catch(() => {})
        return current.value
      }
      if (failure !== undefined && coolingDown()) throw failure.error
      return loadOnce()
    },

    async renew (known) {
      if (current !== undefined && current.value !== known) return current.value
      if (pending === undefined) {
        if (failure !== undefined && coolingDown()) throw failure.error
        if (clock.monotonic() - renewedAt < renewCooldown) return known
        renewedAt = clock.monotonic()
      }
      return loadOnce()
    }
  }
}
