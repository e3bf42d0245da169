import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { ReadLine } from '@consentry/native'

/** Lines of what is no terminal, each once, whenever they come. */
export function pipeReader (input: Readable): ReadLine {
  const lines = createInterface({ input })[Symbol.asyncIterator]()
  return async (signal) => {
    const aborted = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    })
    const { value, done } = await Promise.race([lines.next(), aborted])
    return done === true ? undefined : value
  }
}
