import { ConsentryError } from './errors.ts'
import type { ConnectFlow, FlowEnd, FlowWaiter } from './flow.ts'
import type { GrantKey } from './grant.ts'
import type { Requirement } from './grant-state.ts'
import type { AuthenticateOptions } from './grants.ts'
import type { AuthorizeOptions } from './requirement.ts'
import { either, type AbortLike, type Stop } from './stop.ts'

/** The run that a call belongs to. */
export interface Caller {
  readonly stop: Stop
  readonly byHandle: boolean
  /** Throws what was said before, when the person has been asked for the same. */
  assertMayAsk (key: GrantKey, requirement: Requirement): void
  /** The question as clients have to be told of it. `joins`: one more call waits for it. */
  require (flow: ConnectFlow, joins: boolean): void
  /** A call waits for it no longer. */
  resolve (end: FlowEnd): void
  /** What became of a question that was not answered with a grant. */
  refuse (key: GrantKey, requirement: Requirement, error: unknown): void
}

/** One call of `authorize()` by a run: what it waits for, and what was asked on its behalf. */
export class AuthorizeCall implements AuthenticateOptions {
  readonly waiter: FlowWaiter
  readonly signal: AbortLike
  readonly timeout?: number
  readonly #caller: Caller
  #waitsFor: string | undefined
  #key: GrantKey | undefined
  #requirement: Requirement | undefined

  constructor (caller: Caller, waiter: FlowWaiter, { signal, timeout }: Pick<AuthorizeOptions, 'signal' | 'timeout'>) {
    this.waiter = waiter
    this.signal = signal === undefined ? caller.stop : either(caller.stop, signal)
    if (timeout !== undefined) this.timeout = timeout
    this.#caller = caller
  }

  get byHandle (): boolean {
    return this.#caller.byHandle
  }

  mayAsk (key: GrantKey, requirement: Requirement): void {
    this.#caller.assertMayAsk(key, requirement)
    this.#key = key
    this.#requirement = requirement
  }

  onRequired (flow: ConnectFlow): void {
    this.#caller.require(flow, this.#waitsFor !== flow.id)
    this.#waitsFor = flow.id
  }

  onResolved (end: FlowEnd): void {
    this.#waitsFor = undefined
    this.#caller.resolve(end)
  }

  /** What the application's code is told of a failure. */
  failed (error: unknown): unknown {
    if (this.#key !== undefined && this.#requirement !== undefined) this.#caller.refuse(this.#key, this.#requirement, error)
    return this.#caller.stop.aborted ? new ConsentryError('CONSENTRY_ERR_EXECUTION_CANCELLED', { cause: error }) : error
  }
}
