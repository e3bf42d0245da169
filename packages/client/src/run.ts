import { isLast, type ExecutionEvent, type PendingConsent, type StatusDocument } from './contract.ts'
import { createEventLog, type EventLog, type RunEvent } from './event-log.ts'
import type { Questions } from './questions.ts'

/** One execution that is followed, whichever way its events come. */
export interface Run {
  readonly id: string
  readonly log: EventLog
  /** How many handles hold it. */
  holders: number
  /** What ends its reading over HTTP, while that goes on. */
  reader?: AbortController | undefined
  /** Events up to here are the past. What was asked then is asked here only if nobody has answered, which is known later. */
  past: number
  /** The past is complete. */
  caughtUp (): void
  /** Takes in how it stands. Returns what ends the questions that are not open any more, when their end was not seen. */
  sync (document: StatusDocument): () => void
  /** Ends it as the document says, with an event made of that: the log cannot be had. */
  finish (document: StatusDocument): void
  fail (error: unknown): void
}

/** `onOver` is called once, however it ends. */
export function createRun (id: string, questions: Questions, onOver: () => void): Run {
  /** The questions of the log that it does not answer. */
  const open = new Map<string, PendingConsent>()
  const log = createEventLog(id, onEvent)

  function onEvent (event: RunEvent): void {
    if (event.type === 'missed') return
    const isQuestion = event.type === 'oauth_required'
    if (isQuestion) open.set(event.data.flowId, event.data)
    if (event.type === 'oauth_resolved') open.delete(event.data.flowId)
    if (!isQuestion || event.seq > run.past) questions.take(event)
    if (isLast(event.type)) onOver()
  }

  const run: Run = {
    id,
    log,
    holders: 0,
    past: Infinity,

    caughtUp () {
      run.past = 0
      for (const question of open.values()) questions.ask(id, question)
    },

    sync ({ seq, pending = [] }) {
      run.past = seq
      const gone = questions.all().filter(({ executionId, flowId }) => executionId === id && !pending.some((question) => question.flowId === flowId))
      for (const question of pending) questions.ask(id, question)
      return () => { for (const { flowId } of gone) questions.end(flowId) }
    },

    finish ({ status, result, error, seq }) {
      log.skipTo(seq - 1)
      // A server that lost events may know fewer than came here.
      log.take({ type: status, executionId: id, seq: log.seq + 1, time: new Date().toISOString(), data: error ?? { result, reason: '' } } as ExecutionEvent)
    },

    fail (error) {
      log.end(error)
      questions.drop(({ executionId }) => executionId === id)
      onOver()
    }
  }
  return run
}
