import { createDeadlines } from './deadlines.ts'
import { disconnectedTopic } from './disconnect.ts'
import { ConsentryError } from './errors.ts'
import { isLast, type ExecutionEvent, type NewEvent } from './events.ts'
import { after, executionDocument, isOver, type Execution, type ExecutionDocument, type ExecutionRecord } from './execution.ts'
import { createFeed, eventsTopic, type EventFeed } from './feed.ts'
import { defaultTenant, type Owner } from './grant.ts'
import type { Grants } from './grants.ts'
import { sameOwner } from './keys.ts'
import { createOwnerIndex } from './owner-index.ts'
import type { Clock, RandomBytes, StateStore } from './ports.ts'
import { randomId } from './random.ts'
import type { StartOptions } from './requirement.ts'
import { Run, type RunPorts } from './run.ts'
import type { Wakeups } from './wakeups.ts'

export interface ExecutionsOptions {
  state: StateStore
  wakeups: Wakeups
  clock: Clock
  randomBytes: RandomBytes
  grants: Grants
  connectUrl: (flowId: string) => string
  /** How long an execution may run, in milliseconds. */
  maxAge: number
  /** How long status and events can be read after the end, in milliseconds. */
  retention: number
  /** How many executions of one user may run at once. */
  maxPerUser: number
  /** How many of its newest events are kept for each execution. */
  maxEvents: number
  /** Hears about failures that nobody else is told of. */
  onError: (error: unknown, doing: string) => void
}

/** An execution that was started here. */
export interface StartedExecution {
  readonly id: string
  /** Resolves when the owner is asked for the first time, or at the end. */
  readonly firstOutcome: Promise<'oauth_required' | 'ended'>
  /** Resolves at the end, however it ends. */
  readonly ended: Promise<ExecutionDocument>
}

export interface Executions {
  /**
   * Runs `fn` for its owner. Rejects with `CONSENTRY_ERR_TOO_MANY_EXECUTIONS`, `CONSENTRY_ERR_SHUTDOWN`,
   * `CONSENTRY_ERR_STORE_UNAVAILABLE`, or when `requires` cannot be met by anybody, `CONSENTRY_ERR_PROVIDER_UNKNOWN` and
   * `CONSENTRY_ERR_OPTIONS_INVALID`; what `fn` throws ends up in the status, not here.
   */
  start (owner: { userId: string, tenant?: string }, fn: (execution: Execution) => unknown, options?: StartOptions): Promise<StartedExecution>
  /** How it stands. Rejects with `CONSENTRY_ERR_EXECUTION_NOT_FOUND`, for another's execution too. */
  get (owner: Owner, id: string): Promise<ExecutionDocument>
  /** The owner's executions that are not over. */
  list (owner: Owner): Promise<ExecutionDocument[]>
  /** Ends it, unless it is over; when it runs on another node, a moment later than this resolves. Rejects with `CONSENTRY_ERR_EXECUTION_NOT_FOUND`, for another's execution too. */
  cancel (owner: Owner, id: string, reason?: string): Promise<ExecutionDocument>
  /**
   * The owner's events for one connection, which the caller closes. The next event of an execution waits for what
   * `send` returns, so that a client that reads slowly costs no memory.
   */
  feed (owner: Owner, send: (event: ExecutionEvent) => void | Promise<void>): EventFeed
  /** Ends what runs here with `CONSENTRY_ERR_SHUTDOWN` and waits until that is written. */
  close (): Promise<void>
}

const recordKey = (id: string): string => `execution:${id}`
const logKey = (id: string): string => `events:${id}`

/** Where the node that runs an execution hears that its owner wants it to end. */
const cancelTopic = 'cancel'

export function createExecutions (options: ExecutionsOptions): Executions {
  const { state, wakeups, clock, randomBytes, grants, connectUrl, maxAge, retention, maxPerUser, maxEvents, onError } = options
  const deadlines = createDeadlines(clock)
  const runs = new Map<string, Run>()
  // One whose node died is forgotten when its time is over.
  const index = createOwnerIndex({ state, clock, kind: 'executions', lifetime: maxAge })
  let closing = false

  const ports: RunPorts = { clock, deadlines, grants, connectUrl, maxAge, write, onError, onEnd: (run) => runs.delete(run.id) }

  const stopListening = wakeups.on(cancelTopic, (detail) => {
    const [id, reason] = JSON.parse(detail) as [string, string]
    runs.get(id)?.cancel(reason)
  })
  const stopListeningForGrants = wakeups.on(disconnectedTopic, (grantKeyId) => {
    for (const run of runs.values()) run.lose(grantKeyId)
  })

  async function load (owner: Owner, id: string): Promise<ExecutionRecord> {
    const json = await state.get(recordKey(id))
    const record = json === undefined ? undefined : JSON.parse(json) as ExecutionRecord
    // Whether another's execution exists is nobody's business.
    if (record === undefined || !sameOwner(record.owner, owner)) throw new ConsentryError('CONSENTRY_ERR_EXECUTION_NOT_FOUND')
    return record
  }

  async function read (id: string, after: number, limit: number): Promise<ExecutionEvent[]> {
    const entries = await state.read(logKey(id), after, limit)
    return entries.map(({ seq, value }) => {
      const { type, time, data } = JSON.parse(value) as NewEvent
      return { type, executionId: id, seq, time, data } as ExecutionEvent
    })
  }

  /** The log first: it is what clients resume from, and it counts. */
  async function write (record: ExecutionRecord, event: NewEvent): Promise<ExecutionRecord> {
    const last = isLast(event.type)
    const ttl = last ? retention : maxAge + retention
    const seq = await state.append(logKey(record.id), JSON.stringify(event), { ttl, limit: maxEvents })
    const next = after(record, event, seq, clock.now())
    if (event.type !== 'progress') await state.set(recordKey(record.id), JSON.stringify(next), ttl)
    wakeups.wake(eventsTopic(record.owner), record.id)
    if (last) await index.remove(record.owner, record.id)
    return next
  }

  async function live (owner: Owner): Promise<ExecutionRecord[]> {
    const ids = await index.list(owner)
    const records = await Promise.all(ids.map((id) => load(owner, id).catch(() => undefined)))
    return records.filter((record) => record !== undefined && !isOver(record.status)) as ExecutionRecord[]
  }

  async function document (record: ExecutionRecord): Promise<ExecutionDocument> {
    if (isOver(record.status)) {
      const [last] = record.status === 'completed' ? await read(record.id, record.seq - 1, 1) : []
      return executionDocument(record, record.seq, last?.type === 'completed' ? last.data.result : undefined)
    }
    const newer = await state.read(logKey(record.id), record.seq)
    return executionDocument(record, newer.at(-1)?.seq ?? record.seq)
  }

  return {
    async start ({ userId, tenant = defaultTenant }, fn, options = {}) {
      if (closing) throw new ConsentryError('CONSENTRY_ERR_SHUTDOWN')
      await wakeups.ready()
      const id = randomId(16, randomBytes)
      const owner = { tenant, userId }
      for (const required of options.requires ?? []) {
        if (typeof required === 'string') grants.requirement(owner, required)
        else grants.requirement(owner, required.provider, required)
      }
      const createdAt = clock.now()
      await index.add(owner, id, (count) => {
        if (count >= maxPerUser) throw new ConsentryError('CONSENTRY_ERR_TOO_MANY_EXECUTIONS')
      })
      const record: ExecutionRecord = { v: 1, id, owner, status: 'running', seq: 0, pending: [], createdAt }
      const first: NewEvent = { type: 'running', time: new Date(createdAt).toISOString(), data: {} }
      const run = new Run(await write(record, first).catch(async (error: unknown) => {
        // What never ran does not count against its owner.
        await index.remove(owner, id).catch(() => {})
        throw error
      }), ports, options)
      runs.set(id, run)
      if (closing) run.fail('CONSENTRY_ERR_SHUTDOWN')
      else void run.run(fn, options)
      return run
    },

    async get (owner, id) {
      return document(await load(owner, id))
    },

    async list (owner) {
      return Promise.all((await live(owner)).map(document))
    },

    async cancel (owner, id, reason = 'cancelled by its owner') {
      const record = await load(owner, id)
      const run = runs.get(id)
      if (run !== undefined) {
        run.cancel(reason)
        return run.ended
      }
      if (!isOver(record.status)) wakeups.wake(cancelTopic, JSON.stringify([id, reason]))
      return document(record)
    },

    feed (owner, send) {
      return createFeed({
        owner,
        wakeups,
        load: (id) => load(owner, id),
        live: () => live(owner),
        read,
        send,
        deadlines,
        onError
      })
    },

    async close () {
      closing = true
      const running = [...runs.values()]
      for (const run of running) run.fail('CONSENTRY_ERR_SHUTDOWN')
      await Promise.all(running.map((run) => run.ended))
      stopListening()
      stopListeningForGrants()
      deadlines.close()
    }
  }
}
