import type { Deadline, Deadlines } from './deadlines.ts'
import { isLast, type ExecutionEvent } from './events.ts'
import { isOver, type ExecutionRecord } from './execution.ts'
import type { Owner } from './grant.ts'
import { ownerId } from './keys.ts'
import type { Wakeups } from './wakeups.ts'

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

export interface FeedOptions {
  owner: Owner
  wakeups: Wakeups
  /** The owner's execution, or a rejection with `CONSENTRY_ERR_EXECUTION_NOT_FOUND`. */
  load: (executionId: string) => Promise<ExecutionRecord>
  /** The owner's executions that are not over. */
  live: () => Promise<ExecutionRecord[]>
  read: (executionId: string, after: number, limit: number) => Promise<ExecutionEvent[]>
  /** Calls the listener when the node is gone. */
  watch: (node: string, listener: () => void) => () => void
  /** The next event of the same execution waits for it. */
  send: (event: ExecutionEvent) => void | Promise<void>
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

export function createFeed (options: FeedOptions): EventFeed {
  const { owner, wakeups, load, live, read, watch, send, deadlines, onError } = options
  const cursors = new Map<string, Cursor>()
  const done = new Set<string>()
  let all = false
  let closed = false
  let deadline: Deadline | undefined
  const stopListening = wakeups.on(eventsTopic(owner), (detail) => {
    const [id = '', node = ''] = detail.split(' ')
    hint({ id, node })
  })
  const stopMissing = wakeups.onMissed(again)

  function hint ({ id, node }: Pick<ExecutionRecord, 'id' | 'node'>): void {
    if (all && !cursors.has(id) && !done.has(id)) open(id, node, 0)
    void pump(id)
  }

  function open (executionId: string, node: string, seq: number): void {
    cursors.get(executionId)?.stopWatching()
    const stopWatching = watch(node, () => { void look(executionId) })
    cursors.set(executionId, { seq, reading: false, again: false, stopWatching })
  }

  /** Whoever loads an execution whose node is gone ends it, and then there is something to read. */
  async function look (executionId: string): Promise<void> {
    await load(executionId).catch((error: unknown) => onError(error, 'reading executions'))
    await pump(executionId)
  }

  function finish (executionId: string): void {
    const cursor = cursors.get(executionId)
    if (cursor === undefined) return
    cursor.stopWatching()
    cursors.delete(executionId)
    done.add(executionId)
    const [oldest] = done
    if (done.size > mostDone) done.delete(oldest as string)
  }

  function arm (): void {
    deadline?.cancel()
    if (!closed) deadline = deadlines.add(reread, again, undefined)
  }

  function again (): void {
    for (const executionId of cursors.keys()) void look(executionId)
    if (all) live().then((records) => records.forEach(hint)).catch((error: unknown) => onError(error, 'reading executions'))
    if (all || cursors.size > 0) arm()
  }

  /** Reads on from the cursor; a hint that comes meanwhile makes it read once more. */
  async function pump (executionId: string): Promise<void> {
    const cursor = cursors.get(executionId)
    if (cursor === undefined) return
    cursor.again = true
    if (cursor.reading) return
    cursor.reading = true
    try {
      while (cursor.again) {
        cursor.again = false
        const events = await read(executionId, cursor.seq, batch)
        // There may be more than was read at once.
        if (events.length === batch) cursor.again = true
        for (const event of events) {
          if (closed || cursors.get(executionId) !== cursor) return
          cursor.seq = event.seq
          await send(event)
          if (isLast(event.type)) finish(executionId)
        }
      }
    } catch (error) {
      onError(error, 'reading events')
    } finally {
      cursor.reading = false
    }
  }

  return {
    async subscribe (executionId, after = 0) {
      await wakeups.ready()
      const { status, seq, node } = await load(executionId)
      if (isOver(status) && after >= seq) return
      done.delete(executionId)
      open(executionId, node, after)
      arm()
      await pump(executionId)
    },

    unsubscribe (executionId) {
      finish(executionId)
    },

    async subscribeAll () {
      await wakeups.ready()
      all = true
      arm()
      for (const record of await live()) {
        if (closed || cursors.has(record.id) || done.has(record.id)) continue
        open(record.id, record.node, record.seq)
        for (const { seq, time, ...data } of record.pending) await send({ type: 'oauth_required', executionId: record.id, seq, time, data })
        await pump(record.id)
      }
    },

    close () {
      closed = true
      deadline?.cancel()
      stopListening()
      stopMissing()
      for (const { stopWatching } of cursors.values()) stopWatching()
      cursors.clear()
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
