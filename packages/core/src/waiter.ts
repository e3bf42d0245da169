import type { Deadline, Deadlines } from './deadlines.ts'
import { settled, type Flow, type FlowOutcome } from './flow.ts'
import type { Clock } from './ports.ts'
import type { Wakeups } from './wakeups.ts'

export interface WaiterOptions<F extends Flow> {
  clock: Clock
  deadlines: Deadlines
  wakeups: Wakeups
  read: () => Promise<F | undefined>
  /** At most this long, in milliseconds. */
  timeout: number
  signal?: AbortSignal | undefined
  /** Tells the store that this waiter is gone. */
  leave?: ((outcome: 'cancelled' | 'expired') => Promise<void>) | undefined
  onChange?: ((flow: F) => void) | undefined
}

/** How long an exchange that has begun may outlast the waiter's own time, in milliseconds. */
const claimGrace = 30_000
/** A hint may be lost: without one, a waiter reads again after this long, in milliseconds. */
const reread = 15_000

/**
 * Waits for the end of a flow and resolves exactly once, to the flow as it ended for this waiter. It listens, then
 * reads, then waits, and reads again on every hint and from time to time.
 */
export class Waiter<F extends Flow> {
  readonly ended: Promise<F>
  readonly #options: WaiterOptions<F>
  readonly #stopListening: () => void
  #flow: F
  #until: number
  #graceGiven = false
  #deadline: Deadline | undefined
  #resolve: ((flow: F) => void) | undefined
  #reading = false
  #again = false

  constructor (flow: F, options: WaiterOptions<F>) {
    this.#flow = flow
    this.#options = options
    this.#until = options.clock.monotonic() + options.timeout
    this.ended = new Promise((resolve) => { this.#resolve = resolve })
    this.#stopListening = options.wakeups.on(`flow:${flow.id}`, () => { void this.#read() })
    options.signal?.addEventListener('abort', this.#abort)
    if (options.signal?.aborted === true) this.#abort()
    else void this.#read()
  }

  async #read (): Promise<void> {
    if (this.#reading) {
      this.#again = true
      return
    }
    this.#reading = true
    do {
      this.#again = false
      try {
        this.#see(await this.#options.read())
      } catch {
        // The store is away; the next reading comes with the deadline.
      }
    } while (this.#again && this.#resolve !== undefined)
    this.#reading = false
    this.#arm()
  }

  #see (flow: F | undefined): void {
    if (flow === undefined) return this.#end('expired')
    const widened = flow.scopes.length !== this.#flow.scopes.length
    this.#flow = flow
    if (flow.status === 'settled') this.#settle(flow)
    else if (widened) this.#options.onChange?.(flow)
  }

  #arm (): void {
    this.#deadline?.cancel()
    if (this.#resolve === undefined) return
    this.#deadline = this.#options.deadlines.add(Math.min(this.#left(), reread), wake, this)
  }

  /** Called by the deadline. */
  async due (): Promise<void> {
    if (this.#left() > 0) return this.#read()
    // Whoever answered in time is not turned away while the provider is asked.
    if (this.#flow.status === 'claimed' && !this.#graceGiven) {
      this.#graceGiven = true
      this.#until += claimGrace
      return this.#read()
    }
    return this.#giveUp('expired')
  }

  #left (): number {
    return this.#until - this.#options.clock.monotonic()
  }

  readonly #abort = (): void => { void this.#giveUp('cancelled') }

  async #giveUp (outcome: 'cancelled' | 'expired'): Promise<void> {
    try {
      await this.#options.leave?.(outcome)
      const flow = await this.#options.read()
      if (flow?.status === 'settled') return this.#settle(flow)
    } catch {
      // The record ends with its own lifetime.
    }
    this.#end(outcome)
  }

  #end (outcome: FlowOutcome): void {
    this.#settle(settled(this.#flow, outcome))
  }

  #settle (flow: F): void {
    const resolve = this.#resolve
    if (resolve === undefined) return
    this.#resolve = undefined
    this.#stopListening()
    this.#deadline?.cancel()
    this.#options.signal?.removeEventListener('abort', this.#abort)
    resolve(flow)
  }
}

function wake<F extends Flow> (waiter: Waiter<F>): void {
  void waiter.due()
}
