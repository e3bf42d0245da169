import type { EventData, ExecutionEvent } from './contract.ts'
import { ClientError } from './errors.ts'
import type { EventReader, RunEvent } from './event-log.ts'
import type { Run } from './run.ts'

/** A run as its caller holds it. Iterate it for its events; each iteration begins at the first, or after 1000 events at the oldest that is kept. */
export interface RunHandle<Result = unknown> extends AsyncIterable<RunEvent> {
  /** `undefined` for an answer that was no run. Rejects when the run could not be started. */
  readonly executionId: Promise<string | undefined>
  /** What the run returned. Rejects with a `ClientError` when it failed, was cancelled, or cannot be followed. */
  readonly result: Promise<Result>
  /** Ends the run on the server. To stop following it alone, abort the `signal` that it was started with. */
  cancel (): Promise<void>
}

/** What became of the request that starts a run: there is one, or an answer without one. */
export interface Started {
  executionId?: string
  value?: unknown
}

export interface HandleOptions {
  follow: (executionId: string) => Run
  /** This handle holds the run no longer. */
  release: (run: Run) => void
  cancel: (executionId: string) => Promise<void>
}

export function createHandle<Result> (started: Promise<Started>, { follow, release, cancel }: HandleOptions, signal?: AbortSignal): RunHandle<Result> {
  const executionId = started.then(({ executionId }) => executionId)
  let run: Run | undefined

  async function followed (): Promise<Run | undefined> {
    const id = await executionId
    signal?.throwIfAborted()
    return id === undefined ? undefined : run ??= follow(id)
  }

  async function end (): Promise<unknown> {
    const run = await followed()
    if (run === undefined) return (await started).value
    const { log } = run
    signal?.addEventListener('abort', log.wake)
    try {
      const read = log.read(signal)
      let last: RunEvent | undefined
      for (let event = await read(); event !== undefined; event = await read()) last = event
      return resultOf(last as ExecutionEvent)
    } finally {
      signal?.removeEventListener('abort', log.wake)
      release(run)
    }
  }

  const result = end() as Promise<Result>
  // A rejection that nobody waits for is nobody's problem.
  for (const promise of [executionId, result]) promise.catch(() => {})

  return {
    executionId,
    result,
    async cancel () {
      const id = await executionId
      if (id !== undefined) await cancel(id)
    },
    // No generator: who waits for an event could not leave it before that comes.
    [Symbol.asyncIterator] () {
      let read: EventReader | undefined
      return {
        async next () {
          const run = await followed()
          read ??= run?.log.read(signal)
          const value = await read?.()
          return { value, done: value === undefined } as IteratorResult<RunEvent, undefined>
        },
        async return () {
          read = async () => undefined
          return { value: undefined, done: true }
        }
      }
    }
  }
}

/** What the last event of a run says. */
function resultOf ({ type, data }: ExecutionEvent): unknown {
  const { result, code = 'CONSENTRY_ERR_EXECUTION_CANCELLED', message = 'The execution was cancelled.' } = (data ?? {}) as Partial<EventData['completed'] & EventData['failed']>
  if (type === 'completed') return result
  throw new ClientError(code, message)
}
