/** A value that comes once. Its promise is made for who asks. */
export class Later<T> {
  #has = false
  #value: T | undefined
  #promise: Promise<T> | undefined
  #tell: ((value: T) => void) | undefined

  get promise (): Promise<T> {
    this.#promise ??= this.#has ? Promise.resolve(this.#value as T) : new Promise((resolve) => { this.#tell = resolve })
    return this.#promise
  }

  /** Only the first value counts. */
  resolve (value: T): void {
    if (this.#has) return
    this.#has = true
    this.#value = value
    this.#tell?.(value)
    // Whoever asked has it; who asks from now on gets another.
    this.#promise = this.#tell = undefined
  }
}
