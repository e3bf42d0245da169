import { isLast, type EventData, type ExecutionEvent, type PendingConsent, type StatusDocument } from './contract.ts'
import { deferred } from './deferred.ts'
import { ClientError } from './errors.ts'
import { createEventLog, type EventLog, type RunEvent } from './event-log.ts'
import type { Questions } from './questions.ts'

/** One execution that is followed, whichever way its events come. */
export interface Run {
  readonly id: string
  readonly log: EventLog
  /** What it came to. */
  readonly result: Promise<unknown>
  /** Whether nothing more is to be learned. */
  over: boolean
  /** How many handles hold it. */
  holders: number
  /** What ends its reading over HTTP, while that goes on. */
  reader?: AbortController | undefined
  /** Whether what comes is new. What is taken before may be the past: questions in it that are still open are asked when it is complete. */
  live: boolean
  take (event: ExecutionEvent, inOrder?: boolean): void
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
  const open = new Map<string, PendingConsent>()
  const result = deferred<unknown>()
  const log = createEventLog(id, onEvent)
  /** Up to here a status said which questions are open. */
  let known = 0

  function onEvent (event: RunEvent): void {
    if (event.type === 'oauth_required') {
      if (!run.live) open.set(event.data.flowId, event.data)
      else if (event.seq > known) questions.ask(id, event.data)
    } else if (event.type === 'oauth_resolved') {
      open.delete(event.data.flowId)
      questions.end(event.data.flowId, event.data.outcome)
    } else if (isLast(event.type)) {
      const { result: value, code = 'CONSENTRY_ERR_EXECUTION_CANCELLED', message = 'The execution was cancelled.' } = (event as ExecutionEvent).data as Partial<EventData['completed'] & EventData['failed']>
      if (event.type === 'completed') result.resolve(value)
      else result.reject(new ClientError(code, message))
      end()
    }
  }

  function end (): void {
    if (run.over) return
    run.over = true
    open.clear()
    questions.drop(({ executionId }) => executionId === id)
    onOver()
  }

  const run: Run = {
    id,
    log,
    result: result.promise,
    over: false,
    holders: 0,
    live: false,
    take: log.take,

    caughtUp () {
      run.live = true
      for (const question of open.values()) questions.ask(id, question)
      open.clear()
    },

    sync ({ seq, pending = [] }) {
      run.live = true
      known = Math.max(known, seq)
      const before = questions.of(id)
      for (const question of pending) questions.ask(id, question)
      return () => { questions.drop(({ flowId }) => before.includes(flowId) && !pending.some((question) => question.flowId === flowId)) }
    },

    finish ({ status, result, error, seq }) {
      log.skipTo(seq - 1)
      log.take({ type: status, executionId: id, seq, time: new Date().toISOString(), data: error ?? { result, reason: '' } } as ExecutionEvent)
    },

    fail (error) {
      log.end(error)
      result.reject(error)
      end()
    }
  }
  return run
}
