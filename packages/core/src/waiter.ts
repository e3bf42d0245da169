import type { Deadline, Deadlines } from './deadlines.ts'
import { claimGrace, isAbandoned, type Flow, type FlowEnd, type FlowOutcome } from './flow.ts'
import type { FlowRecords } from './flow-records.ts'
import type { Clock } from './ports.ts'
import type { AbortLike } from './stop.ts'
import type { Wakeups } from './wakeups.ts'

/** What all waiters share. */
export interface WaiterPorts {
  clock: Clock
  deadlines: Deadlines
  wakeups: Wakeups
  records: Pick<FlowRecords, 'find' | 'leave'>
}

export interface WaiterOptions {
  /** The name in the flow's record; absent for one who only looks on. */
  id?: string
  /** At most this long, in milliseconds. */
  timeout: number
  signal?: AbortLike | undefined
  onChange?: ((flow: Flow) => void) | undefined
}

/** A hint may be lost: without one, a waiter reads again after this long, in milliseconds. */
const reread = 30_000

/**
 * Waits for the end of a flow and resolves exactly once, to how it ended for this waiter. It listens, then reads, then
 * waits, and reads again on every hint and from time to time.
 */
export class Waiter {
  readonly ended: Promise<FlowEnd>
  readonly #ports: WaiterPorts
  readonly #options: WaiterOptions
  readonly #flowId: string
  readonly #stopListening: () => void
  readonly #stopMissing: () => void
  #scopes: readonly string[]
  #until: number
  #deadline: Deadline | undefined
  #resolve: ((end: FlowEnd) => void) | undefined
  #reading = false
  #again = false

  constructor (flow: Flow, options: WaiterOptions, ports: WaiterPorts) {
    this.#flowId = flow.id
    this.#scopes = flow.scopes
    this.#options = options
    this.#ports = ports
    this.#until = ports.clock.monotonic() + options.timeout
    this.ended = new Promise((resolve) => { this.#resolve = resolve })
    const hear = (): void => { void this.read() }
    this.#stopListening = ports.wakeups.on(`flow:${flow.id}`, hear)
    this.#stopMissing = ports.wakeups.onMissed(hear)
    options.signal?.addEventListener('abort', this.#abort)
    if (options.signal?.aborted === true) this.#abort()
    else void this.read()
  }

  /** Reads until nothing changed meanwhile, then waits for the next hint or deadline. */
  async read (): Promise<void> {
    this.#again = true
    if (this.#reading) return
    this.#reading = true
    while (this.#again && this.#resolve !== undefined) {
      this.#again = false
      try {
        this.#see(await this.#ports.records.find(this.#flowId))
      } catch {
        // The store is away; the next reading comes with the deadline.
      }
    }
    this.#reading = false
    this.#arm()
  }

  #see (flow: Flow | undefined): void {
    if (flow === undefined) return this.#end('expired')
    const widened = flow.scopes.length > this.#scopes.length
    this.#scopes = flow.scopes
    if (flow.status === 'settled') return this.#end(flow.outcome ?? 'expired', flow)
    const { clock } = this.#ports
    // Whoever answered in time is not turned away while the provider is asked.
    if (isAbandoned(flow, clock.now())) void this.#giveUp('expired')
    else if (flow.claimedAt !== undefined) this.#until = Math.max(this.#until, clock.monotonic() + flow.claimedAt + claimGrace + 1 - clock.now())
    if (widened) this.#options.onChange?.(flow)
  }

  #arm (): void {
    this.#deadline?.cancel()
    if (this.#resolve === undefined) return
    const left = this.#until - this.#ports.clock.monotonic()
    if (left > 0) this.#deadline = this.#ports.deadlines.add(Math.min(left, reread), readAgain, this)
    else void this.#giveUp('expired')
  }

  readonly #abort = (): void => {
    if (this.#options.signal?.leavesQuestions === true) this.#end('cancelled')
    else void this.#giveUp('cancelled')
  }

  async #giveUp (outcome: 'cancelled' | 'expired'): Promise<void> {
    const { id } = this.#options
    try {
      const flow = id === undefined ? undefined : await this.#ports.records.leave(this.#flowId, id, outcome)
      if (flow?.status === 'settled') return this.#end(flow.outcome ?? outcome, flow)
      if (flow?.status === 'claimed' && outcome === 'expired') return this.read()
    } catch {
      // The record ends with its own lifetime.
    }
    this.#end(outcome)
  }

  #end (outcome: FlowOutcome, flow?: Flow): void {
    const resolve = this.#resolve
    if (resolve === undefined) return
    this.#resolve = undefined
    this.#stopListening()
    this.#stopMissing()
    this.#deadline?.cancel()
    this.#options.signal?.removeEventListener('abort', this.#abort)
    const error = flow?.error
    const pinned = flow?.purpose === 'connect' && flow.account !== undefined
    resolve({ id: this.#flowId, status: 'settled', outcome, scopes: this.#scopes, pinned, ...(error !== undefined && { error }) })
  }
}

function readAgain (waiter: Waiter): void {
  void waiter.read()
}
