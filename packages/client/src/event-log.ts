import { isLast, type ExecutionEvent } from './contract.ts'
import { deferred } from './deferred.ts'

/** Stands where events were that the server or this client no longer has: both keep the newest of a run. */
export interface MissedEvents {
  type: 'missed'
  executionId: string
  /** The first `seq` that is missing. */
  from: number
  /** The last one. */
  to: number
}

/** What a caller gets, in order: each event once, and each gap in its place. */
export type RunEvent = ExecutionEvent | MissedEvents

/** The events of one execution, put in order whatever way they come. */
export interface EventLog {
  /** The newest event before the first gap. */
  readonly seq: number
  /** Whether events wait for those before them. */
  readonly hasGap: boolean
  /** Takes an event, at any time and any number of times. When it came `inOrder`, what is missing before it will not come. */
  take: (event: ExecutionEvent, inOrder?: boolean) => void
  /** The events up to and with `seq` cannot be had. */
  skipTo (seq: number): void
  /**
   * From the oldest event that is kept to the end. Whoever reads holds what they have not read yet. Throws the reason of
   * `signal`, at the latest when woken.
   */
  read (signal?: AbortSignal): EventReader
  /** Readers look whether there is something new. */
  wake: () => void
  /** Ends the log; readers are told after what is there. */
  end (error?: unknown): void
}

/** The next event; `undefined` after the last. */
export type EventReader = () => Promise<RunEvent | undefined>

/** How many events are kept for whoever reads later; as many as a server keeps unless told otherwise. */
const mostKept = 1_000

/** An event, and what came after it. */
interface Link {
  event?: RunEvent
  next?: Link
}

/** `onEvent` hears of each in its place. */
export function createEventLog (executionId: string, onEvent: (event: RunEvent) => void): EventLog {
  const early = new Map<number, ExecutionEvent>()
  /** The one before the oldest that is kept. */
  let before: Link = {}
  let newest = before
  let kept = 0
  let changed = deferred<void>()
  let seq = 0
  let over = false
  let failure: unknown

  const missed = (from: number, to: number): MissedEvents => ({ type: 'missed', executionId, from, to })

  function add (event: RunEvent): void {
    newest = newest.next = { event }
    if (++kept > mostKept) before = before.next as Link
    if (isLast(event.type)) over = true
    log.wake()
    onEvent(event)
  }

  const log: EventLog = {
    get seq () { return seq },
    get hasGap () { return early.size > 0 },

    take (event, inOrder) {
      if (over || !(event.seq > seq)) return
      early.set(event.seq, event)
      for (;;) {
        const next = early.get(seq + 1)
        if (next !== undefined) {
          early.delete(++seq)
          add(next)
        } else if (inOrder === true && seq < event.seq) log.skipTo(Math.min(...early.keys()) - 1)
        else return
      }
    },

    skipTo (to) {
      if (to <= seq) return
      const event = missed(seq + 1, to)
      seq = to
      add(event)
    },

    read (signal) {
      const { event: gone } = before
      let at: Link = gone === undefined ? before : { next: { ...before, event: missed(1, gone.type === 'missed' ? gone.to : gone.seq) } }
      return async () => {
        for (;;) {
          signal?.throwIfAborted()
          if (at.next !== undefined) return (at = at.next).event
          if (failure !== undefined) throw failure
          if (over) return undefined
          await changed.promise
        }
      }
    },

    wake () {
      changed.resolve()
      changed = deferred()
    },

    end (error) {
      over = true
      failure = error
      log.wake()
    }
  }
  return log
}
