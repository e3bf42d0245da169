import type { Sample, Surroundings } from './row.ts'

/** Does the work again and again in each of several lanes, until the time is over: how often in a second. */
export async function rateOf ({ scale, duration }: Pick<Surroundings, 'scale' | 'duration'>, lanes: number, work: (lane: number, turn: number) => Promise<void>): Promise<Sample> {
  const began = performance.now()
  const until = began + (scale === 'few' ? 10 : duration)
  let done = 0
  await Promise.all(Array.from({ length: lanes }, async (_, lane) => {
    for (let turn = 0, ended = false; !ended; turn++) {
      await work(lane, turn)
      done++
      // Reading the clock costs as much as the fastest work; now and then is enough.
      if (turn % 16 === 0) {
        // Work that is done at once would leave no room for anything else.
        if (turn % 1_024 === 0) await new Promise(setImmediate)
        ended = performance.now() > until
      }
    }
  }))
  return { rate: done * 1_000 / (performance.now() - began) }
}
