import { runInExecution } from './context.ts'
import { ConsentryError } from './errors.ts'
import { isLast, type EventData, type NewEvent } from './events.ts'
import type { Execution, ExecutionRecord, ExecutionStatus } from './execution.ts'
import type { ConnectFlow, FlowOutcome } from './flow.ts'
import type { Owner } from './grant.ts'
import type { AuthorizeOptions, Grant, Grants } from './grants.ts'
import type { Clock } from './ports.ts'

/** The largest progress and result, in characters of JSON. */
const largestProgress = 64 * 1024
const largestResult = 1024 * 1024

export interface RunOptions {
  clock: Clock
  grants: Grants
  connectUrl: (flowId: string) => string
  /** Appends the event and stores the record that it leads to. */
  write: (event: NewEvent, record: ExecutionRecord) => Promise<void>
  onError: (error: unknown, doing: string) => void
}

/** One execution on the node that runs it: the only writer of its record and its log. */
export class Run implements Execution {
  readonly id: string
  readonly owner: Owner
  /** Resolves when someone is asked for the first time, or at the end. */
  readonly firstOutcome: Promise<'oauth_required' | 'ended'>
  /** Resolves when the end is written. */
  readonly ended: Promise<ExecutionRecord>
  readonly #options: RunOptions
  readonly #abort = new AbortController()
  readonly #asked = new Map<string, { flow: ConnectFlow, waiters: number }>()
  #record: ExecutionRecord
  #writing: Promise<void> = Promise.resolve()
  #waiters = 0
  #over = false
  #tellFirst!: (outcome: 'oauth_required' | 'ended') => void
  #tellEnded!: (record: ExecutionRecord) => void

  constructor (record: ExecutionRecord, options: RunOptions) {
    this.id = record.id
    this.owner = record.owner
    this.#record = record
    this.#options = options
    this.firstOutcome = new Promise((resolve) => { this.#tellFirst = resolve })
    this.ended = new Promise((resolve) => { this.#tellEnded = resolve })
  }

  get signal (): AbortSignal {
    return this.#abort.signal
  }

  /** Runs the application's code to its end. Never rejects. */
  async run (fn: (execution: Execution) => unknown): Promise<void> {
    this.#emit('running', {})
    try {
      const result: unknown = await runInExecution(this, async () => fn(this))
      this.#end('completed', { result: asJson(result, largestResult) })
    } catch (error) {
      if (!ConsentryError.is(error)) this.#options.onError(error, 'running an execution')
      this.fail(error)
    }
  }

  async authorize (provider: string, options: AuthorizeOptions = {}): Promise<Grant> {
    const { grants } = this.#options
    const { key, requirement } = grants.requirement(this.owner, provider, options)
    if (this.#over) throw new ConsentryError('CONSENTRY_ERR_EXECUTION_CANCELLED')
    let waitsFor: string | undefined
    try {
      return await grants.authenticate(key, requirement, {
        waiter: { id: `${this.id}.${++this.#waiters}`, executionId: this.id },
        signal: options.signal === undefined ? this.signal : AbortSignal.any([options.signal, this.signal]),
        ...(options.timeout !== undefined && { timeout: options.timeout }),
        onRequired: (flow) => {
          this.#require(flow, waitsFor !== flow.id)
          waitsFor = flow.id
        },
        onResolved: (flow) => {
          waitsFor = undefined
          this.#resolve(flow)
        }
      })
    } catch (error) {
      if (this.#over) throw new ConsentryError('CONSENTRY_ERR_EXECUTION_CANCELLED', { cause: error })
      throw error
    }
  }

  progress (data: unknown): void {
    this.#emit('progress', asJson(data, largestProgress))
  }

  cancel (reason: string): void {
    this.#end('cancelled', { reason })
  }

  fail (error: unknown): void {
    const { code, message } = ConsentryError.is(error) ? error : new ConsentryError('CONSENTRY_ERR_EXECUTION_FAILED')
    this.#end('failed', { code, message })
  }

  /** Several waiters of this execution may share a flow; its clients see one question. */
  #require (flow: ConnectFlow, joins: boolean): void {
    const asked = this.#asked.get(flow.id)
    this.#asked.set(flow.id, { flow, waiters: (asked?.waiters ?? 0) + (joins ? 1 : 0) })
    if (asked?.flow.scopes.length === flow.scopes.length) return
    this.#emit('oauth_required', {
      flowId: flow.id,
      provider: flow.provider,
      profile: flow.key.profile,
      scopes: flow.scopes,
      connectUrl: this.#options.connectUrl(flow.id),
      expiresAt: new Date(flow.expiresAt).toISOString()
    })
  }

  #resolve (flow: ConnectFlow): void {
    const asked = this.#asked.get(flow.id)
    if (asked === undefined || --asked.waiters > 0) return
    this.#asked.delete(flow.id)
    this.#tellResolved(flow, flow.outcome ?? 'expired')
  }

  #tellResolved ({ id, provider, key: { profile } }: ConnectFlow, outcome: FlowOutcome): void {
    this.#emit('oauth_resolved', { flowId: id, provider, profile, outcome })
  }

  #end (type: 'completed' | 'failed' | 'cancelled', data: EventData[typeof type]): void {
    if (this.#over) return
    for (const { flow } of this.#asked.values()) this.#tellResolved(flow, 'cancelled')
    this.#asked.clear()
    this.#emit(type, data)
    this.#over = true
    this.#abort.abort(new ConsentryError('CONSENTRY_ERR_EXECUTION_CANCELLED'))
  }

  /** Events are written one after the other, in the order in which they happened. */
  #emit<Type extends NewEvent['type']> (type: Type, data: EventData[Type]): void {
    if (this.#over) return
    const event = { type, data, time: new Date(this.#options.clock.now()).toISOString() } as NewEvent
    this.#writing = this.#writing.then(() => this.#write(event))
  }

  async #write (event: NewEvent): Promise<void> {
    this.#record = after(this.#record, event, this.#options.clock.now())
    try {
      await this.#options.write(event, this.#record)
      if (event.type === 'oauth_required') this.#tellFirst('oauth_required')
    } catch (error) {
      this.#options.onError(error, 'writing an event')
      if (!isLast(event.type)) this.fail(new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE', { cause: error }))
    }
    if (isLast(event.type)) {
      this.#tellFirst('ended')
      this.#tellEnded(this.#record)
    }
  }
}

/** The record that an event leads to. */
function after (record: ExecutionRecord, event: NewEvent, now: number): ExecutionRecord {
  const seq = record.seq + 1
  const without = (flowId: string): ExecutionRecord['pending'] => record.pending.filter((question) => question.flowId !== flowId)
  const asking = (pending: ExecutionRecord['pending']): ExecutionRecord => ({ ...record, seq, pending, status: statusOf(pending) })
  switch (event.type) {
    case 'oauth_required': return asking([...without(event.data.flowId), { ...event.data, seq, time: event.time }])
    case 'oauth_resolved': return asking(without(event.data.flowId))
    case 'completed': return { ...record, seq, pending: [], status: 'completed', result: event.data.result, endedAt: now }
    case 'failed': return { ...record, seq, pending: [], status: 'failed', error: event.data, endedAt: now }
    case 'cancelled': return { ...record, seq, pending: [], status: 'cancelled', endedAt: now }
    default: return { ...record, seq }
  }
}

function statusOf (pending: ExecutionRecord['pending']): ExecutionStatus {
  return pending.length > 0 ? 'oauth_required' : 'running'
}

/** The value as its readers will see it, so that a later change of it changes nothing. */
function asJson (value: unknown, largest: number): unknown {
  let json: string | undefined
  try {
    json = JSON.stringify(value)
  } catch (error) {
    throw new ConsentryError('CONSENTRY_ERR_RESULT_INVALID', { cause: error })
  }
  if (json === undefined) return null
  if (json.length > largest) throw new ConsentryError('CONSENTRY_ERR_RESULT_INVALID', { cause: new RangeError('too large') })
  return JSON.parse(json) as unknown
}
