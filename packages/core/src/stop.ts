/** The part of an `AbortSignal` that is needed to wait. */
export interface AbortLike {
  readonly aborted: boolean
  addEventListener (type: 'abort', listener: () => void): void
  removeEventListener (type: 'abort', listener: () => void): void
}

/** An end that many may listen for, in a tenth of the memory of an `AbortController`. */
export class Stop implements AbortLike {
  aborted = false
  readonly #listeners: Array<() => void> = []

  addEventListener (_type: 'abort', listener: () => void): void {
    this.#listeners.push(listener)
  }

  removeEventListener (_type: 'abort', listener: () => void): void {
    const index = this.#listeners.indexOf(listener)
    if (index !== -1) this.#listeners.splice(index, 1)
  }

  /** Tells everyone who listens, once. */
  stop (): void {
    this.aborted = true
    for (const listener of this.#listeners.splice(0)) listener()
  }
}
