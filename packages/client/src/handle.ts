import { deferred } from './deferred.ts'
import type { RunEvent } from './event-log.ts'
import type { Run } from './run.ts'

/** A run as its caller holds it. Iterate it for its events; each iteration begins at the first. */
export interface RunHandle<Result = unknown> extends AsyncIterable<RunEvent> {
  /** `undefined` for an answer that was no run. Rejects when the run could not be started. */
  readonly executionId: Promise<string | undefined>
  /** What the run returned. Rejects with a `ClientError` when it failed, was cancelled, or cannot be followed. */
  readonly result: Promise<Result>
  /** Ends the run on the server. To stop following it alone, abort the `signal` that it was started with. */
  cancel (): Promise<void>
}

/** What became of the request that starts a run. */
export interface Started {
  executionId: string | undefined
  /** What it came to, when that is known already. */
  ended?: { value: unknown }
}

export interface HandleOptions {
  follow: (executionId: string) => Run
  /** This handle holds the run no longer. */
  release: (run: Run) => void
  cancel: (executionId: string) => Promise<void>
}

export function createHandle<Result> (started: Promise<Started>, { follow, release, cancel }: HandleOptions, signal?: AbortSignal): RunHandle<Result> {
  const result = deferred<Result>()
  const aborted = deferred<never>()
  const executionId = started.then(({ executionId }) => executionId)
  // Whoever looks at the result is told.
  executionId.catch(() => {})
  let run: Run | undefined

  /** One that is over is followed only if somebody asks for its events. */
  async function followed (): Promise<Run | undefined> {
    const id = await executionId
    signal?.throwIfAborted()
    return id === undefined ? undefined : run ??= follow(id)
  }

  async function end (): Promise<Result> {
    const { ended } = await started
    return (ended === undefined ? await (await followed())?.result : ended.value) as Result
  }

  function onAbort (): void {
    aborted.reject(signal?.reason)
    result.reject(signal?.reason)
    if (run !== undefined) release(run)
  }

  signal?.addEventListener('abort', onAbort)
  end().then(result.resolve, result.reject).finally(() => { signal?.removeEventListener('abort', onAbort) })

  return {
    executionId,
    result: result.promise,
    async cancel () {
      const id = await executionId
      if (id !== undefined) await cancel(id)
    },
    async * [Symbol.asyncIterator] () {
      const run = await followed()
      if (run !== undefined) yield * run.log.read(aborted.promise)
    }
  }
}
