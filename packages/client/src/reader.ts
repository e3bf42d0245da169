import { pause, sleep } from './backoff.ts'
import { isLast, type ExecutionEvent } from './contract.ts'
import { ClientError } from './errors.ts'
import { readEventStream } from './event-stream.ts'
import type { Http } from './http.ts'
import type { Settings } from './options.ts'
import type { Run } from './run.ts'

/** A stream that is quiet for so long is opened anew, in milliseconds: nobody tells when a connection died. */
const longestSilence = 25_000
/** A stream that is quiet for so long while there is something to tell is held back, in milliseconds. */
const heldAfter = 4_000
/** Of so many looks while polling, one tries the stream again. */
const tryStreamEvery = 8
/** How often the events of a run that is over are asked for before its status has to do. */
const mostTries = 5

/**
 * Follows a run over HTTP: looks how it stands, then reads its events as a stream. Where something on the way holds
 * streams back, it polls: questions come from the status, and the events at the latest with the end of the run, when
 * the server ends the stream itself.
 */
export async function readRun (run: Run, http: Http, { backoff, pollInterval }: Settings, signal: AbortSignal): Promise<void> {
  const { log } = run
  let streams = true
  let attempt = 0
  for (let round = 0, tries = 0; !run.over && !signal.aborted; round++) {
    let wait = pollInterval
    try {
      const document = await http.status(run.id, signal)
      if (signal.aborted) return
      const endGone = run.sync(document)
      const before = log.seq
      const behind = document.seq > before
      const isOver = isLast(document.status)
      if (isOver && tries++ === mostTries) return run.finish(document)
      let quiet = false
      try {
        if (streams || isOver || (behind && round % tryStreamEvery === 0)) quiet = await readStream(run, http, behind ? heldAfter : longestSilence, signal)
      } finally {
        endGone()
        if (log.seq > before) attempt = tries = 0
        if (behind) streams = log.seq > before
      }
      if (streams) wait = quiet || log.seq > before ? 0 : pause(attempt++, backoff)
    } catch (error) {
      if (signal.aborted) return
      const { retryable, retryAfter } = error as Partial<ClientError>
      if (retryable !== true) return run.fail(error)
      wait = Math.max(pause(attempt++, backoff), retryAfter ?? 0)
    }
    if (!run.over) await sleep(wait, signal)
  }
}

/** Reads until the run is over, the stream ends, or nothing came for `patience` milliseconds; longer once something did. Tells whether it was that. */
async function readStream (run: Run, http: Http, patience: number, signal: AbortSignal): Promise<boolean> {
  const stop = new AbortController()
  const abort = (): void => { stop.abort() }
  let timer = setTimeout(abort, patience)
  let quiet = false
  try {
    const { body } = await http.events(run.id, run.log.seq, AbortSignal.any([signal, stop.signal]))
    // Without a body (204) nothing more will come.
    for await (const data of body === null ? [] : readEventStream(body)) {
      clearTimeout(timer)
      timer = setTimeout(abort, longestSilence)
      if (data !== '') run.take(JSON.parse(data) as ExecutionEvent, true)
      if (run.over) break
    }
  } catch (error) {
    if (error instanceof ClientError) throw error
    // Cut off, or quiet for too long: what came is kept.
  } finally {
    clearTimeout(timer)
    quiet = stop.signal.aborted
    abort()
  }
  return quiet
}
