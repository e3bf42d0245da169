import { Deadline, type Deadlines } from './deadlines.ts'
import { inOnePiece } from './one-piece.ts'
import type { Clock } from './ports.ts'

/** A value, and when it goes. */
class Slot<Value> extends Deadline {
  readonly home: ExpiringMap<Value>
  readonly key: string
  value: Value
  /** By the monotonic clock, in whole milliseconds; the deadline may come a little later, or too early for a value that was given more time. */
  expiresAt: number

  constructor (home: ExpiringMap<Value>, key: string, value: Value, expiresAt: number) {
    super()
    this.home = home
    this.key = key
    this.value = value
    this.expiresAt = expiresAt
  }

  override reach (): void {
    this.home.expire(this)
  }
}

/** What a map of values with a time to live stands on. */
export interface ExpiringMapOptions {
  clock: Clock
  deadlines: Deadlines
}

/** Values by key, each for as long as it was given. Nothing that has expired is seen, and it is not kept. */
export class ExpiringMap<Value> {
  readonly #slots = new Map<string, Slot<Value>>()
  readonly #options: ExpiringMapOptions

  constructor (options: ExpiringMapOptions) {
    this.#options = options
  }

  get size (): number {
    return this.#slots.size
  }

  has (key: string): boolean {
    return this.#slots.has(key)
  }

  get (key: string): Value | undefined {
    const slot = this.#slots.get(key)
    return slot !== undefined && slot.expiresAt > this.#options.clock.monotonic() ? slot.value : undefined
  }

  /** `ttl` is in milliseconds. */
  set (key: string, value: Value, ttl: number): void {
    const { clock, deadlines } = this.#options
    const expiresAt = ttl > 0 ? Math.ceil(clock.monotonic() + ttl) : 0
    const slot = this.#slots.get(key)
    if (slot === undefined) {
      const added = new Slot(this, inOnePiece(key), value, expiresAt)
      this.#slots.set(key, added)
      return deadlines.set(ttl, added)
    }
    // A deadline that comes too early finds out for itself.
    if (expiresAt < slot.expiresAt) deadlines.set(ttl, slot)
    slot.value = value
    slot.expiresAt = expiresAt
  }

  delete (key: string): void {
    this.#slots.get(key)?.cancel()
    this.#slots.delete(key)
  }

  expire (slot: Slot<Value>): void {
    const { clock, deadlines } = this.#options
    const left = slot.expiresAt - clock.monotonic()
    if (left > 0) deadlines.set(left, slot)
    else this.#slots.delete(slot.key)
  }

  clear (): void {
    this.#slots.clear()
  }
}
