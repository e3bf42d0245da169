import { Deadline, type Deadlines } from './deadlines.ts'
import { isLast, type ExecutionEvent } from './events.ts'
import { isOver, type ExecutionRecord } from './execution.ts'
import type { Owner } from './grant.ts'
import { ownerId } from './keys.ts'
import type { WakeupListener, Wakeups } from './wakeups.ts'

/** The events of one owner on their way to one connection: in order within an execution, each at least once. */
export interface EventFeed {
  /** Sends what came after `after`, and what comes. Rejects with `CONSENTRY_ERR_EXECUTION_NOT_FOUND` for another's execution. */
  subscribe (executionId: string, after?: number): Promise<void>
  /** Sends no more of this execution. */
  unsubscribe (executionId: string): void
  /** Sends every execution of the owner: first the questions that wait, then what comes. */
  subscribeAll (): Promise<void>
  /** Sends nothing more. */
  close (): void
}

/** What all feeds of a node share. */
export interface FeedPorts {
  wakeups: Wakeups
  /** The owner's execution, or a rejection with `CONSENTRY_ERR_EXECUTION_NOT_FOUND`. */
  load: (owner: Owner, executionId: string) => Promise<ExecutionRecord>
  /** The owner's executions that are not over. */
  live: (owner: Owner) => Promise<ExecutionRecord[]>
  read: (executionId: string, after: number, limit: number) => Promise<ExecutionEvent[]>
  /** Calls the listener when the node is gone. */
  watch: (node: string, listener: () => void) => () => void
  deadlines: Deadlines
  onError: (error: unknown, doing: string) => void
}

interface Cursor {
  /** The newest event that was sent. */
  seq: number
  reading: boolean
  again: boolean
  stopWatching: () => void
}

/** A hint may be lost: without one, the feed reads again after this long, in milliseconds. */
const reread = 30_000
/** How many events are read at once. */
const batch = 100

/** How many executions that need no more sending are remembered, so that a late hint does not start them anew. */
const mostDone = 1_000

/**
 * One for each connection, of which there are many: it is its own deadline, hears its hints itself, and makes room for
 * executions when there are some.
 */
export class Feed extends Deadline implements EventFeed, WakeupListener {
  readonly #owner: Owner
  readonly #ports: FeedPorts
  /** The next event of the same execution waits for it. */
  readonly #send: (event: ExecutionEvent) => void | Promise<void>
  #cursors: Map<string, Cursor> | undefined
  #done: Set<string> | undefined
  #all = false
  #closed = false

  constructor (owner: Owner, send: (event: ExecutionEvent) => void | Promise<void>, ports: FeedPorts) {
    super()
    this.#owner = owner
    this.#ports = ports
    this.#send = send
    ports.wakeups.add(eventsTopic(owner), this)
  }

  hear (detail: string, event?: ExecutionEvent): void {
    if (event !== undefined && this.#pass(event)) return
    const [id = '', node = ''] = detail.split(' ')
    this.#hint({ id, node }, event)
  }

  miss (): void {
    for (const executionId of this.#cursors?.keys() ?? []) void this.#look(executionId)
    if (this.#all) this.#ports.live(this.#owner).then((records) => { for (const record of records) this.#hint(record) }).catch((error: unknown) => this.#ports.onError(error, 'reading executions'))
    if (this.#all || (this.#cursors?.size ?? 0) > 0) this.#arm()
  }

  /** Nothing was heard for a while. */
  override reach (): void {
    this.miss()
  }

  async subscribe (executionId: string, after = 0): Promise<void> {
    await this.#ports.wakeups.ready()
    const record = await this.#ports.load(this.#owner, executionId)
    const over = isOver(record.status)
    if (over && after === record.seq) return
    this.#done?.delete(executionId)
    this.#open(executionId, record.node, after)
    this.#arm()
    await this.#pump(executionId)
    if (over) await this.#tellEnd(record)
  }

  unsubscribe (executionId: string): void {
    this.#finish(executionId)
  }

  async subscribeAll (): Promise<void> {
    await this.#ports.wakeups.ready()
    this.#all = true
    this.#arm()
    for (const record of await this.#ports.live(this.#owner)) {
      if (this.#closed || this.#isKnown(record.id)) continue
      this.#open(record.id, record.node, record.seq)
      for (const { seq, time, ...data } of record.pending) await this.#send({ type: 'oauth_required', executionId: record.id, seq, time, data })
      await this.#pump(record.id)
    }
  }

  close (): void {
    this.#closed = true
    this.cancel()
    this.#ports.wakeups.remove(eventsTopic(this.#owner), this)
    for (const { stopWatching } of this.#cursors?.values() ?? []) stopWatching()
    this.#cursors = undefined
  }

  #isKnown (executionId: string): boolean {
    return this.#cursors?.has(executionId) === true || this.#done?.has(executionId) === true
  }

  #hint ({ id, node }: Pick<ExecutionRecord, 'id' | 'node'>, event?: ExecutionEvent): void {
    if (this.#all && !this.#isKnown(id)) this.#open(id, node, 0)
    if (event === undefined || !this.#pass(event)) void this.#pump(id)
  }

  /** What was written on this node is not read, if it is the next one and the one before is gone. */
  #pass (event: ExecutionEvent): boolean {
    const cursor = this.#cursors?.get(event.executionId)
    if (cursor === undefined || cursor.reading || event.seq !== cursor.seq + 1) return false
    cursor.seq = event.seq
    try {
      const sending = this.#send(event)
      if (isLast(event.type)) this.#finish(event.executionId)
      else if (sending !== undefined) void this.#pump(event.executionId, sending)
    } catch (error) {
      this.#ports.onError(error, 'sending events')
    }
    return true
  }

  #open (executionId: string, node: string, seq: number): void {
    if (this.#closed) return
    const cursors = this.#cursors ??= new Map()
    cursors.get(executionId)?.stopWatching()
    const stopWatching = this.#ports.watch(node, () => { void this.#look(executionId) })
    cursors.set(executionId, { seq, reading: false, again: false, stopWatching })
  }

  /** Whoever loads an execution whose node is gone ends it, and then there is something to read. */
  async #look (executionId: string): Promise<void> {
    const record = await this.#ports.load(this.#owner, executionId).catch((error: unknown) => this.#ports.onError(error, 'reading executions'))
    await this.#pump(executionId)
    if (record !== undefined && isOver(record.status)) await this.#tellEnd(record)
  }

  /** Where the store forgot events that were sent, the end has a number that was sent before: it gets the next one. */
  async #tellEnd ({ id, seq }: ExecutionRecord): Promise<void> {
    const cursor = this.#cursors?.get(id)
    if (cursor === undefined || cursor.reading || cursor.seq < seq) return
    try {
      const [end] = await this.#ports.read(id, seq - 1, 1)
      if (end === undefined || !isLast(end.type) || this.#cursors?.get(id) !== cursor) return
      this.#finish(id)
      await this.#send({ ...end, seq: cursor.seq + 1 })
    } catch (error) {
      this.#ports.onError(error, 'reading events')
    }
  }

  #finish (executionId: string): void {
    const cursor = this.#cursors?.get(executionId)
    if (cursor === undefined) return
    cursor.stopWatching()
    this.#cursors?.delete(executionId)
    const done = this.#done ??= new Set()
    done.add(executionId)
    const [oldest] = done
    if (done.size > mostDone) done.delete(oldest as string)
  }

  #arm (): void {
    if (!this.#closed) this.#ports.deadlines.set(reread, this)
  }

  /** Reads on from the cursor, after what is being sent; a hint that comes meanwhile makes it read once more. */
  async #pump (executionId: string, sending?: Promise<void>): Promise<void> {
    const cursor = this.#cursors?.get(executionId)
    if (cursor === undefined) return
    cursor.again = true
    if (cursor.reading) return
    cursor.reading = true
    try {
      if (sending !== undefined) await sending
      while (cursor.again) {
        cursor.again = false
        const events = await this.#ports.read(executionId, cursor.seq, batch)
        // There may be more than was read at once.
        if (events.length === batch) cursor.again = true
        for (const event of events) {
          if (this.#closed || this.#cursors?.get(executionId) !== cursor) return
          cursor.seq = event.seq
          await this.#send(event)
          if (isLast(event.type)) this.#finish(executionId)
        }
      }
    } catch (error) {
      this.#ports.onError(error, 'reading events')
    } finally {
      cursor.reading = false
    }
  }
}

/** Where hints about an owner's executions go. */
export function eventsTopic (owner: Owner): string {
  return `events:${ownerId(owner)}`
}

/** What such a hint says. */
export function eventsHint ({ id, node }: ExecutionRecord): string {
  return `${id} ${node}`
}
