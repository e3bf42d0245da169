import { createDeadlines } from './deadlines.ts'
import { disconnectedTopic } from './disconnect.ts'
import { ConsentryError } from './errors.ts'
import { createRemoteEnd, endedTopic } from './remote-end.ts'
import type { ExecutionEvent, NewEvent } from './events.ts'
import { isOver, type Execution, type ExecutionDocument, type ExecutionRecord } from './execution.ts'
import { createExecutionRecords } from './execution-records.ts'
import { Feed, type EventFeed, type FeedPorts } from './feed.ts'
import { defaultTenant, type Owner } from './grant.ts'
import type { Grants } from './grants.ts'
import { sameOwner } from './keys.ts'
import { createLease } from './lease.ts'
import { createOwnerIndex } from './owner-index.ts'
import type { Clock, RandomBytes, StateStore } from './ports.ts'
import { randomId } from './random.ts'
import { createRecentEnds } from './recent-ends.ts'
import type { StartOptions } from './requirement.ts'
import { Run, type RunPorts } from './run.ts'
import type { Wakeups } from './wakeups.ts'

/** What executions stand on, and their limits. */
export interface ExecutionsOptions {
  state: StateStore
  wakeups: Wakeups
  clock: Clock
  randomBytes: RandomBytes
  grants: Grants
  /** Where the owner answers the flow with this id. */
  connectUrl: (flowId: string) => string
  /** How long an execution may run, in milliseconds. */
  maxAge: number
  /** How long status and events can be read after the end, in milliseconds. */
  retention: number
  /** How many executions of one user may run at once. */
  maxPerUser: number
  /** How many of its newest events are kept for each execution. */
  maxEvents: number
  /** A node that is not heard of for this long has died, and its executions with it, in milliseconds; 15000 unless given. */
  lease?: number
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

/** Starts executions, and finds them by their owner. */
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
  /** Ends it, unless it is over; code that runs on another node hears of it a moment later. Rejects with `CONSENTRY_ERR_EXECUTION_NOT_FOUND`, for another's execution too. */
  cancel (owner: Owner, id: string, reason?: string): Promise<ExecutionDocument>
  /**
   * The owner's events for one connection, which the caller closes. The next event of an execution waits for what
   * `send` returns, so that a client that reads slowly costs no memory.
   */
  feed (owner: Owner, send: (event: ExecutionEvent) => void | Promise<void>): EventFeed
  /** Ends what runs here with `CONSENTRY_ERR_SHUTDOWN` and waits until that is written. */
  close (): Promise<void>
}

/** Runs executions on this node, and tells how those of all nodes stand. */
export function createExecutions (options: ExecutionsOptions): Executions {
  const { state, wakeups, clock, randomBytes, grants, connectUrl, maxAge, maxPerUser, onError, lease: length = 15_000 } = options
  const deadlines = createDeadlines(clock)
  // Nothing yet stands for one that is about to begin.
  const runs = new Map<string, Run | undefined>()
  const index = createOwnerIndex({ state, clock, kind: 'executions', lifetime: maxAge })
  const records = createExecutionRecords({ ...options, index })
  const lease = createLease({ state, clock, deadlines, node: randomId(16, randomBytes), length, isNeeded: () => runs.size > 0, onLapse: lookAtAll, onError })
  const remote = createRemoteEnd({ ...options, records, lease, isHere: (id) => runs.has(id), onEnd: (id) => recentEnds.add(id, true) })
  const recentEnds = createRecentEnds({ clock, deadlines, ensure: (id) => remote.ensureEnd(id), onError })
  const ports: RunPorts = {
    clock,
    deadlines,
    grants,
    connectUrl,
    maxAge,
    records,
    onError,
    onEnd ({ id }, written) {
      runs.delete(id)
      recentEnds.add(id, written)
    }
  }
  const feedPorts: FeedPorts = {
    wakeups,
    load,
    live: async (owner) => Promise.all((await live(owner)).map((record) => records.current(record))),
    read: (id, after, limit) => records.read(id, after, limit),
    watch: (node, listener) => node === lease.node ? () => {} : lease.watch(node, listener),
    deadlines,
    onError
  }
  let closing = false

  const stopListening = [
    wakeups.on(endedTopic, (id) => { void runs.get(id)?.look() }),
    wakeups.on(disconnectedTopic, (grantKeyId) => { for (const run of runs.values()) run?.lose(grantKeyId) }),
    wakeups.onMissed(() => {
      lease.doubt()
      recentEnds.doubt()
      lookAtAll()
    })
  ]

  /** After this node was away: some may have been ended meanwhile. One after the other, since they may be many. */
  function lookAtAll (): void {
    void (async () => { for (const run of runs.values()) await run?.look() })()
  }

  async function load (owner: Owner, id: string): Promise<ExecutionRecord> {
    const record = await records.find(id)
    // Whether another's execution exists is nobody's business.
    if (record === undefined || !sameOwner(record.owner, owner)) throw new ConsentryError('CONSENTRY_ERR_EXECUTION_NOT_FOUND')
    return remote.alive(record)
  }

  async function live (owner: Owner): Promise<ExecutionRecord[]> {
    const ids = await index.list(owner)
    const found = await Promise.all(ids.map((id) => load(owner, id).catch(() => undefined)))
    return found.filter((record) => record !== undefined && !isOver(record.status)) as ExecutionRecord[]
  }

  /** What counts against its owner without running is found when that matters. */
  async function count (owner: Owner, id: string): Promise<void> {
    const add = (): Promise<unknown> => index.add(owner, id, (count) => {
      if (count >= maxPerUser) throw new ConsentryError('CONSENTRY_ERR_TOO_MANY_EXECUTIONS')
    })
    try {
      await add()
    } catch (error) {
      if (!ConsentryError.is(error, 'CONSENTRY_ERR_TOO_MANY_EXECUTIONS') || (await live(owner)).length >= maxPerUser) throw error
      await add()
    }
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
      const record: ExecutionRecord = { v: 1, id, owner, node: lease.node, status: 'running', seq: 0, pending: [], createdAt }
      const first: NewEvent = { type: 'running', time: new Date(createdAt).toISOString(), data: {} }
      await count(owner, id)
      runs.set(id, undefined)
      let run: Run
      try {
        await lease.hold()
        run = new Run((await records.write(record, first)).record, ports, options)
      } catch (error) {
        // What never ran does not count against its owner.
        runs.delete(id)
        await index.remove(owner, id).catch(() => {})
        throw error
      }
      runs.set(id, run)
      if (closing) run.fail('CONSENTRY_ERR_SHUTDOWN')
      else void run.run(fn, options)
      return run
    },

    async get (owner, id) {
      return records.document(await load(owner, id))
    },

    async list (owner) {
      return Promise.all((await live(owner)).map((record) => records.document(record)))
    },

    async cancel (owner, id, reason = 'cancelled by its owner') {
      const record = await load(owner, id)
      const run = runs.get(id)
      if (run === undefined) return records.document(isOver(record.status) ? record : await remote.end(record, 'cancelled', { reason }))
      run.cancel(reason)
      return run.ended
    },

    feed (owner, send) {
      return new Feed(owner, send, feedPorts)
    },

    async close () {
      closing = true
      const running = [...runs.values()].filter((run) => run !== undefined)
      for (const run of running) run.fail('CONSENTRY_ERR_SHUTDOWN')
      await Promise.all(running.map((run) => run.ended))
      await lease.close()
      for (const stop of stopListening) stop()
      recentEnds.close()
      deadlines.close()
    }
  }
}
