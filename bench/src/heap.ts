import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What is alive in this process, in bytes: on the heap, and in buffers beside it. */
export async function heapSize (): Promise<number> {
  for (let turn = 0; turn < 3; turn++) {
    collect()
    // What a collection sets free may free more once its callbacks have run.
    await setImmediate()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
