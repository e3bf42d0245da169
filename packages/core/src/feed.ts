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
  unsubscribe (executionId: string): void
  /** Sends every execution of the owner: first the questions that wait, then what comes. */
  subscribeAll (): Promise<void>
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
}

/** A hint may be lost: without one, the feed reads again after this long, in milliseconds. */
const reread = 30_000
/** How many events are read at once. */
const batch = 100

/** How many executions that need no more sending are remembered, so that a late hint does not start them anew. */
const mostDone = 1_000

export function createFeed (options: FeedOptions): EventFeed {
  const { owner, wakeups, load, live, read, send, deadlines, onError } = options
  const cursors = new Map<string, Cursor>()
  const done = new Set<string>()
  let all = false
  let closed = false
  let deadline: Deadline | undefined
  const stopListening = wakeups.on(eventsTopic(owner), hint)

  function hint (executionId: string): void {
    if (all && !cursors.has(executionId) && !done.has(executionId)) cursors.set(executionId, newCursor(0))
    void pump(executionId)
  }

  function finish (executionId: string): void {
    if (!cursors.delete(executionId)) return
    done.add(executionId)
    const [oldest] = done
    if (done.size > mostDone) done.delete(oldest as string)
  }

  function arm (): void {
    deadline?.cancel()
    if (!closed) deadline = deadlines.add(reread, again, undefined)
  }

  function again (): void {
    for (const executionId of cursors.keys()) void pump(executionId)
    if (all) live().then((records) => records.forEach(({ id }) => hint(id))).catch((error: unknown) => onError(error, 'reading executions'))
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
      const { status, seq } = await load(executionId)
      if (isOver(status) && after >= seq) return
      done.delete(executionId)
      cursors.set(executionId, newCursor(after))
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
        cursors.set(record.id, newCursor(record.seq))
        for (const { seq, time, ...data } of record.pending) await send({ type: 'oauth_required', executionId: record.id, seq, time, data })
        await pump(record.id)
      }
    },

    close () {
      closed = true
      deadline?.cancel()
      stopListening()
      cursors.clear()
    }
  }
}

/** Where hints about an owner's executions go. */
export function eventsTopic (owner: Owner): string {
  return `events:${ownerId(owner)}`
}

function newCursor (seq: number): Cursor {
  return { seq, reading: false, again: false }
}
