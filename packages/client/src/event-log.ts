import { isLast, type ExecutionEvent } from './contract.ts'
import { deferred } from './deferred.ts'

/** Stands where events were that the server no longer has: it keeps the newest `maxEvents` of a run. */
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
  /** Everything so far and all that comes, until the end. Each call begins at the first event. */
  read (stop: Promise<never>): AsyncGenerator<RunEvent, void, undefined>
  /** Ends the log; readers are told after what is there. */
  end (error?: unknown): void
}

/** `onEvent` hears of each in its place. */
export function createEventLog (executionId: string, onEvent: (event: RunEvent) => void): EventLog {
  const events: RunEvent[] = []
  const early = new Map<number, ExecutionEvent>()
  let changed = deferred<void>()
  let seq = 0
  let ended = false
  let failure: unknown

  function wake (): void {
    changed.resolve()
    changed = deferred()
  }

  function add (event: RunEvent): void {
    events.push(event)
    if (isLast(event.type)) ended = true
    onEvent(event)
    wake()
  }

  const log: EventLog = {
    get seq () { return seq },
    get hasGap () { return early.size > 0 },

    take (event, inOrder) {
      if (event.seq <= seq || ended) return
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
      const from = seq + 1
      seq = to
      add({ type: 'missed', executionId, from, to })
    },

    async * read (stop) {
      for (let index = 0; ; index++) {
        while (index === events.length) {
          if (failure !== undefined) throw failure
          if (ended) return
          await Promise.race([changed.promise, stop])
        }
        yield events[index] as RunEvent
      }
    },

    end (error) {
      if (ended) return
      ended = true
      failure = error
      wake()
    }
  }
  return log
}
