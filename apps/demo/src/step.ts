import { currentExecution } from '@consentry/fastify-plugin'
import { setTimeout as delay } from 'node:timers/promises'

/** Tells what the run is doing, and how much of it is done, then takes its time. */
export async function step (text: string, milliseconds: number, part?: { done: number, of: number }): Promise<void> {
  const execution = currentExecution()
  execution?.progress({ step: text, ...part })
  // So that a person can follow. Real work takes its time by itself.
  await delay(milliseconds, undefined, { signal: execution?.signal }).catch((error: unknown) => {
    // The end of the run is no fault of its code: its own reason says so.
    execution?.signal.throwIfAborted()
    throw error
  })
}
