import { AuthorizeCall, type Caller } from './authorize-call.ts'
import { runInExecution } from './context.ts'
import type { Deadline, Deadlines } from './deadlines.ts'
import { ConsentryError, type ErrorCode } from './errors.ts'
import { isLast, type EventData, type NewEvent } from './events.ts'
import { after, executionDocument, type Execution, type ExecutionDocument, type ExecutionRecord } from './execution.ts'
import type { ExecutionRecords } from './execution-records.ts'
import { failure, leavesQuestions } from './failure.ts'
import type { ConnectFlow, FlowEnd, FlowOutcome } from './flow.ts'
import type { GrantKey, Owner } from './grant.ts'
import type { Requirement } from './grant-state.ts'
import type { Grant, Grants } from './grants.ts'
import { asJson } from './json.ts'
import { grantKeyId } from './keys.ts'
import { Later } from './later.ts'
import { LogWriter } from './log-writer.ts'
import type { Clock } from './ports.ts'
import { consentOf, Questions, type Question } from './questions.ts'
import type { AuthorizeOptions, StartOptions } from './requirement.ts'
import { assertMayAsk, noRefusals, withRefusal } from './refusals.ts'
import { Stop } from './stop.ts'

/** The largest progress and result, in characters of JSON. */
const largestProgress = 64 * 1024
const largestResult = 1024 * 1024

/** What all runs share. */
export interface RunPorts {
  clock: Clock
  deadlines: Deadlines
  grants: Grants
  connectUrl: (flowId: string) => string
  /** How long a run may take, in milliseconds. */
  maxAge: number
  records: Pick<ExecutionRecords, 'current' | 'write'>
  /** `written` when the store has the end. */
  onEnd: (run: Run, written: boolean) => void
  onError: (error: unknown, doing: string) => void
}

/**
 * One execution on the node that runs it. Very many may wait, so it makes nothing before somebody asks for it.
 */
export class Run extends LogWriter implements Execution, Caller {
  readonly id: string
  readonly owner: Owner
  readonly #ports: RunPorts
  readonly #deadline: Deadline
  readonly #questions = new Questions()
  readonly stop: Stop = new Stop()
  #controller: AbortController | undefined
  /** The keys of the grants that the application's code asked for. */
  #held: readonly string[] = noKeys
  readonly byHandle: boolean
  #refusals = noRefusals
  #waiters = 0
  readonly #first = new Later<'oauth_required' | 'ended'>()
  readonly #end = new Later<ExecutionDocument>()

  constructor (record: ExecutionRecord, ports: RunPorts, { byHandle = false }: Pick<StartOptions, 'byHandle'> = {}) {
    super(record, ports.records)
    this.byHandle = byHandle
    this.id = record.id
    this.owner = record.owner
    this.#ports = ports
    this.#deadline = ports.deadlines.add(ports.maxAge, expire, this)
  }

  /** Resolves when someone is asked for the first time, or at the end. */
  get firstOutcome (): Promise<'oauth_required' | 'ended'> {
    return this.#first.promise
  }

  /** Resolves when the end is written. */
  get ended (): Promise<ExecutionDocument> {
    return this.#end.promise
  }

  get signal (): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.stop.aborted && this.record.status !== 'completed') this.#controller.abort(new ConsentryError('CONSENTRY_ERR_EXECUTION_CANCELLED'))
    return this.#controller.signal
  }

  /** Asks for all that is required, then runs the application's code to its end. Never rejects. */
  async run (fn: (execution: Execution) => unknown, { requires = [] }: Pick<StartOptions, 'requires'> = {}): Promise<void> {
    try {
      if (requires.length > 0) {
        await Promise.all(requires.map((required) => typeof required === 'string' ? this.authorize(required) : this.authorize(required.provider, required)))
      }
      const result: unknown = await runInExecution(this, () => fn(this))
      this.#close('completed', { result: asJson(result, largestResult) })
    } catch (error) {
      if (!ConsentryError.is(error)) this.#ports.onError(error, 'running an execution')
      this.fail(ConsentryError.is(error) ? error.code : 'CONSENTRY_ERR_EXECUTION_FAILED')
    }
  }

  authorize (provider: string, options: AuthorizeOptions = {}): Promise<Grant> {
    const granted = this.#authorize(provider, options)
    // The end of the run rejects what nobody may be waiting for any more; that is no reason to end the process.
    granted.catch(() => {})
    return granted
  }

  /** Not an async function, whose frame would be kept for as long as the person is waited for. */
  #authorize (provider: string, options: AuthorizeOptions): Promise<Grant> {
    const { grants } = this.#ports
    try {
      const { key, requirement } = grants.requirement(this.owner, provider, options)
      if (this.stop.aborted) throw new ConsentryError('CONSENTRY_ERR_EXECUTION_CANCELLED')
      const call = new AuthorizeCall(this, { id: `${this.id}.${++this.#waiters}`, executionId: this.id }, options)
      // Before it is there, so that a disconnect that comes in between is not missed.
      const id = grantKeyId(key)
      const had = this.#held.includes(id)
      if (!had) this.#held = this.#held.concat(id)
      return grants.authenticate(key, requirement, call).catch((error: unknown) => {
        if (!had) this.#held = this.#held.filter((each) => each !== id)
        throw call.failed(error)
      })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  assertMayAsk (key: GrantKey, requirement: Requirement): void {
    assertMayAsk(this.#refusals, key, requirement)
  }

  refuse (key: GrantKey, requirement: Requirement, error: unknown): void {
    this.#refusals = withRefusal(this.#refusals, key, requirement, error)
  }

  progress (data: unknown): void {
    this.#emit('progress', asJson(data, largestProgress))
  }

  /** The grant with this key was disconnected. */
  lose (grantKeyId: string): void {
    if (this.#held.includes(grantKeyId)) this.fail('CONSENTRY_ERR_GRANT_REVOKED')
  }

  cancel (reason: string): void {
    this.#close('cancelled', { reason })
  }

  fail (code: ErrorCode): void {
    this.#close('failed', failure(code))
  }

  require (flow: ConnectFlow, joins: boolean): void {
    const question = this.#questions.ask(flow, joins)
    if (question === undefined) return
    const { grants, connectUrl } = this.#ports
    this.#emit('oauth_required', consentOf(question, grants.provider(question.provider), connectUrl(question.id), flow.expiresAt))
  }

  resolve ({ id, outcome }: FlowEnd): void {
    const question = this.#questions.leave(id)
    if (question !== undefined) this.#tellResolved(question, outcome)
  }

  #tellResolved ({ id, provider, profile }: Question, outcome: FlowOutcome): void {
    this.#emit('oauth_resolved', { flowId: id, provider, profile, outcome })
  }

  #close (type: 'completed' | 'failed' | 'cancelled', data: EventData[typeof type]): void {
    if (this.stop.aborted) return
    const questions = this.#questions.clear()
    const leaves = leavesQuestions(data)
    if (!leaves) for (const question of questions) this.#tellResolved(question, 'cancelled')
    this.#emit(type, data)
    this.#halt(type, leaves)
  }

  #halt (type: 'completed' | 'failed' | 'cancelled', leaves: boolean): void {
    this.#deadline.cancel()
    this.stop.stop(leaves)
    // Whoever ends a run may do so from within another one; what listens belongs to this one.
    if (type !== 'completed') runInExecution(this, () => this.#controller?.abort(new ConsentryError('CONSENTRY_ERR_EXECUTION_CANCELLED')))
  }

  #emit<Type extends NewEvent['type']> (type: Type, data: EventData[Type]): void {
    if (this.stop.aborted) return
    this.write({ type, data, time: new Date(this.#ports.clock.now()).toISOString() } as NewEvent)
  }

  protected override written (event: NewEvent): void {
    if (event.type === 'oauth_required') this.#first.resolve('oauth_required')
    if (isLast(event.type)) this.#tellEnd(true, event.type === 'completed' ? event.data.result : undefined)
  }

  protected override overtaken ({ status, error }: ExecutionRecord): void {
    if (!this.stop.aborted) {
      this.#questions.clear()
      this.#halt(status as 'failed' | 'cancelled', leavesQuestions(error))
    }
    this.#tellEnd(true)
  }

  protected override failed (error: unknown, event?: NewEvent): void {
    this.#ports.onError(error, event === undefined ? 'reading an execution' : 'writing an event')
    if (event === undefined) return
    if (!isLast(event.type)) return this.fail('CONSENTRY_ERR_STORE_UNAVAILABLE')
    this.record = after(this.record, event, this.record.seq + 1)
    this.#tellEnd(false, event.type === 'completed' ? event.data.result : undefined)
  }

  #tellEnd (written: boolean, result?: unknown): void {
    this.#ports.onEnd(this, written)
    this.#end.resolve(executionDocument(this.record, result))
    this.#first.resolve('ended')
  }
}

function expire (run: Run): void {
  run.fail('CONSENTRY_ERR_EXECUTION_EXPIRED')
}

const noKeys: readonly string[] = []
