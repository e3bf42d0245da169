import { Deadline, type Deadlines } from './deadlines.ts'
import { claimGrace, mayBeAbandoned, type ConnectFlow, type Flow, type FlowEnd, type FlowOutcome } from './flow.ts'
import type { FlowRecords } from './flow-records.ts'
import type { Clock } from './ports.ts'
import type { AbortLike, AbortListener } from './stop.ts'
import type { WakeupListener, Wakeups } from './wakeups.ts'

/** What all waiters share. */
export interface WaiterPorts {
  clock: Clock
  deadlines: Deadlines
  wakeups: Wakeups
  records: Pick<FlowRecords, 'abandon' | 'find' | 'leave'>
}

/** Who waits. */
export interface WaiterCaller {
  signal?: AbortLike
  /** Hears of a flow that was widened. */
  onRequired?: (flow: ConnectFlow) => void
}

export interface WaiterOptions {
  /** The name in the flow's record; absent for one who only looks on. */
  id?: string
  /** At most this long, in milliseconds. */
  timeout: number
  caller?: WaiterCaller
}

/** A hint may be lost: without one, a waiter reads again after this long, in milliseconds. */
const reread = 30_000
/** A claim that may be abandoned is looked at this often, in milliseconds. */
const recheck = 1_000

/**
 * Waits for the end of a flow and resolves exactly once, to how it ended for this waiter. It listens, then reads, then
 * waits, and reads again on every hint and from time to time. There may be very many: each is its own deadline and its own
 * listener.
 */
export class Waiter extends Deadline implements WakeupListener, AbortListener {
  readonly ended: Promise<FlowEnd>
  readonly #ports: WaiterPorts
  readonly #flowId: string
  readonly #id: string | undefined
  readonly #caller: WaiterCaller
  /** By the monotonic clock, in whole milliseconds. */
  #until: number
  #scopes: readonly string[]
  #resolve: ((end: FlowEnd) => void) | undefined
  #reading = false
  #again = false

  constructor (flow: Flow, { id, timeout, caller = noCaller }: WaiterOptions, ports: WaiterPorts) {
    super()
    this.#flowId = flow.id
    this.#scopes = flow.scopes
    this.#id = id
    this.#caller = caller
    this.#ports = ports
    this.#until = Math.ceil(ports.clock.monotonic() + timeout)
    this.ended = new Promise((resolve) => { this.#resolve = resolve })
    ports.wakeups.add(this.#topic, this)
    caller.signal?.addEventListener('abort', this)
    if (caller.signal?.aborted === true) this.handleEvent()
    else void this.read()
  }

  get #topic (): string {
    return `flow:${this.#flowId}`
  }

  hear (): void { void this.read() }

  miss (): void { void this.read() }

  override reach (): void { void this.read() }

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
    const doubtful = mayBeAbandoned(flow, clock.now())
    const more = doubtful ? recheck : flow.claimedAt === undefined ? undefined : flow.claimedAt + claimGrace + 1 - clock.now()
    if (more !== undefined) this.#until = Math.max(this.#until, Math.ceil(clock.monotonic() + more))
    if (doubtful) void this.#doubt()
    if (widened && flow.purpose === 'connect') this.#caller.onRequired?.(flow)
  }

  async #doubt (): Promise<void> {
    try {
      const flow = await this.#ports.records.abandon(this.#flowId)
      if (flow?.status === 'settled') this.#end(flow.outcome ?? 'expired', flow)
    } catch {
      // The store is away; the next look comes with the deadline.
    }
  }

  #arm (): void {
    this.cancel()
    if (this.#resolve === undefined) return
    const left = this.#until - this.#ports.clock.monotonic()
    if (left > 0) this.#ports.deadlines.set(Math.min(left, reread), this)
    else void this.#giveUp('expired')
  }

  /** Whoever waits stops waiting. */
  handleEvent (): void {
    if (this.#caller.signal?.leavesQuestions === true) this.#end('cancelled')
    else void this.#giveUp('cancelled')
  }

  async #giveUp (outcome: 'cancelled' | 'expired'): Promise<void> {
    try {
      const flow = this.#id === undefined ? undefined : await this.#ports.records.leave(this.#flowId, this.#id, outcome)
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
    this.#ports.wakeups.remove(this.#topic, this)
    this.cancel()
    this.#caller.signal?.removeEventListener('abort', this)
    const error = flow?.error
    const pinned = flow?.purpose === 'connect' && flow.account !== undefined
    resolve({ id: this.#flowId, status: 'settled', outcome, scopes: this.#scopes, pinned, ...(error !== undefined && { error }) })
  }
}

const noCaller: WaiterCaller = {}
