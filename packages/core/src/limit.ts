import { ConsentryError } from './errors.ts'

/** So many at once, the others in turn. */
export interface Limit {
  /** Whether whoever comes now has to wait. */
  readonly busy: boolean
  /** Runs `fn` when it is its turn. Rejects with `CONSENTRY_ERR_PROVIDER_UNAVAILABLE` when too many wait already. */
  run<T> (fn: () => Promise<T>): Promise<T>
}

export interface LimitOptions {
  /** How many run at once. */
  atOnce: number
  /** How many more may wait. */
  waiting: number
}

/** Keeps thousands of grants that expire together from reaching their provider together (R12). */
export function createLimit ({ atOnce, waiting }: LimitOptions): Limit {
  const queue: Array<() => void> = []
  let running = 0

  return {
    get busy () {
      return running >= atOnce
    },

    async run (fn) {
      if (running < atOnce) running++
      else if (queue.length < waiting) await new Promise<void>((resolve) => { queue.push(resolve) })
      else throw new ConsentryError('CONSENTRY_ERR_PROVIDER_UNAVAILABLE', { cause: new RangeError('too many requests wait for this provider') })
      try {
        return await fn()
      } finally {
        // The place is handed on, so that nobody slips in between.
        const next = queue.shift()
        if (next === undefined) running--
        else next()
      }
    }
  }
}
