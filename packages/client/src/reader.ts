import { pause, sleep } from './backoff.ts'
import { isLast, type ExecutionEvent } from './contract.ts'
import { ClientError } from './errors.ts'
import { readEventStream } from './event-stream.ts'
import type { Http } from './http.ts'
import type { Settings } from './options.ts'
import { createPatience, type Patience } from './patience.ts'
import type { Run } from './run.ts'

/** A connection that is quiet for so long is opened anew, in milliseconds: nobody tells when one died. */
const longestSilence = 25_000
/** A stream that is quiet for so long while there is something to tell is held back, in milliseconds. */
const heldAfter = 4_000
/** Of so many looks while polling, one tries the stream again. */
const tryStreamEvery = 8
/** How often the events of a run that is over are asked for before its status has to do. */
const mostTries = 5
/** The longest rest that a server may ask for, in milliseconds. */
const longestRest = 300_000

/**
 * Follows a run over HTTP: looks how it stands, then reads its events as a stream. Where something on the way holds
 * streams back, it polls: questions come from the status, and the events at the latest with the end of the run, when
 * the server ends the stream itself. `signal` is aborted when the run is over, too.
 */
export async function readRun (run: Run, http: Http, { backoff, pollInterval }: Settings, signal: AbortSignal): Promise<void> {
  const { log } = run
  let streams = true
  let attempt = 0
  for (let round = 0, tries = 0; !signal.aborted; round++) {
    const patience = createPatience(signal, longestSilence)
    let wait = pollInterval
    try {
      const document = await http.status(run.id, patience.signal)
      const endGone = run.sync(document)
      const before = log.seq
      const behind = document.seq > before
      const isOver = isLast(document.status)
      if (isOver && tries++ === mostTries) return run.finish(document)
      patience.renew(behind ? heldAfter : longestSilence)
      try {
        if (streams || isOver || (behind && round % tryStreamEvery === 0)) await readStream(run, http, patience)
      } finally {
        endGone()
        if (log.seq > before) attempt = tries = 0
        if (behind) streams = log.seq > before
      }
      if (streams) wait = patience.signal.aborted || log.seq > before ? 0 : pause(attempt++, backoff)
    } catch (error) {
      if (signal.aborted) return
      const { retryable = patience.signal.aborted, retryAfter = 0 } = error as Partial<ClientError>
      if (!retryable) return run.fail(error)
      wait = Math.max(pause(attempt++, backoff), Math.min(retryAfter, longestRest))
    } finally {
      patience.end()
    }
    await sleep(wait, signal)
  }
}

/** Reads until the run is over, the stream ends, or patience does; there is more of it once something came. */
async function readStream (run: Run, http: Http, patience: Patience): Promise<void> {
  try {
    const { body } = await http.events(run.id, run.log.seq, patience.signal)
    // Without a body (204) nothing more will come.
    for await (const data of body === null ? [] : readEventStream(body)) {
      patience.renew(longestSilence)
      if (data !== '') run.log.take(JSON.parse(data) as ExecutionEvent, true)
    }
  } catch (error) {
    if (error instanceof ClientError) throw error
    // Cut off, or quiet for too long: what came is kept.
  }
}
