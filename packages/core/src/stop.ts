/** The part of an `AbortSignal` that is needed to wait. */
export interface AbortLike {
  readonly aborted: boolean
  /** Who waited is gone, but what was asked may still be answered. */
  readonly leavesQuestions?: boolean
  /** Hears of the end. */
  addEventListener (type: 'abort', listener: () => void): void
  /** Hears of it no longer. */
  removeEventListener (type: 'abort', listener: () => void): void
}

/** Stops when one of the two does. */
export function either (stop: AbortLike, other: AbortLike): AbortLike {
  return {
    get aborted () { return stop.aborted || other.aborted },
    get leavesQuestions () { return stop.leavesQuestions === true },
    addEventListener (type, listener) {
      stop.addEventListener(type, listener)
      other.addEventListener(type, listener)
    },
    removeEventListener (type, listener) {
      stop.removeEventListener(type, listener)
      other.removeEventListener(type, listener)
    }
  }
}

/** An end that many may listen for, in a tenth of the memory of an `AbortController`. */
export class Stop implements AbortLike {
  aborted = false
  leavesQuestions = false
  readonly #listeners: Array<() => void> = []

  addEventListener (_type: 'abort', listener: () => void): void {
    this.#listeners.push(listener)
  }

  removeEventListener (_type: 'abort', listener: () => void): void {
    const index = this.#listeners.indexOf(listener)
    if (index !== -1) this.#listeners.splice(index, 1)
  }

  /** Tells everyone who listens, once. */
  stop (leavesQuestions = false): void {
    this.aborted = true
    this.leavesQuestions = leavesQuestions
    for (const listener of this.#listeners.splice(0)) listener()
  }
}
