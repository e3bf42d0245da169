/** Hears of an abort, as an `EventListenerObject` does. */
export interface AbortListener {
  /** It has come. */
  handleEvent (): void
}

/** The part of an `AbortSignal` that is needed to wait. */
export interface AbortLike {
  readonly aborted: boolean
  /** Who waited is gone, but what was asked may still be answered. */
  readonly leavesQuestions?: boolean
  /** Hears of the end. */
  addEventListener (type: 'abort', listener: AbortListener): void
  /** Hears of it no longer. */
  removeEventListener (type: 'abort', listener: AbortListener): void
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

const none: readonly AbortListener[] = []

/** An end that many may listen for, in a tenth of the memory of an `AbortController`. */
export class Stop implements AbortLike {
  aborted = false
  leavesQuestions = false
  #listeners: readonly AbortListener[] = none

  // By `concat`, which makes a list of just this length; `push` and a spread leave room for more.
  addEventListener (_type: 'abort', listener: AbortListener): void {
    this.#listeners = this.#listeners.concat(listener)
  }

  removeEventListener (_type: 'abort', listener: AbortListener): void {
    this.#listeners = this.#listeners.filter((each) => each !== listener)
  }

  /** Tells everyone who listens, once. */
  stop (leavesQuestions = false): void {
    this.aborted = true
    this.leavesQuestions = leavesQuestions
    const listeners = this.#listeners
    this.#listeners = none
    for (const listener of listeners) listener.handleEvent()
  }
}
