import type { ExecutionEvent } from './events.ts'
import { isLast } from './events.ts'
import type { ExecutionRecord } from './execution.ts'
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
  read: (executionId: string, after: number) => Promise<ExecutionEvent[]>
  send: (event: ExecutionEvent) => void
  onError: (error: unknown, doing: string) => void
}

interface Cursor {
  /** The newest event that was sent. */
  seq: number
  reading: boolean
  again: boolean
}

export function createFeed (options: FeedOptions): EventFeed {
  const { owner, wakeups, load, live, read, send, onError } = options
  const cursors = new Map<string, Cursor>()
  const muted = new Set<string>()
  let all = false
  let closed = false
  const stopListening = wakeups.on(eventsTopic(owner), hint)

  function hint (executionId: string): void {
    if (all && !cursors.has(executionId) && !muted.has(executionId)) cursors.set(executionId, newCursor(0))
    void pump(executionId)
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
        const events = await read(executionId, cursor.seq)
        for (const event of events) {
          if (closed || cursors.get(executionId) !== cursor) return
          if (event.seq <= cursor.seq) continue
          cursor.seq = event.seq
          send(event)
          if (isLast(event.type)) cursors.delete(executionId)
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
      await load(executionId)
      muted.delete(executionId)
      cursors.set(executionId, newCursor(after))
      await pump(executionId)
    },

    unsubscribe (executionId) {
      cursors.delete(executionId)
      if (all) muted.add(executionId)
    },

    async subscribeAll () {
      await wakeups.ready()
      all = true
      for (const record of await live()) {
        if (closed || cursors.has(record.id)) continue
        cursors.set(record.id, newCursor(record.seq))
        for (const { seq, time, ...data } of record.pending) send({ type: 'oauth_required', executionId: record.id, seq, time, data })
        await pump(record.id)
      }
    },

    close () {
      closed = true
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
