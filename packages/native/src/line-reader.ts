import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

/** Reads one line; `undefined` when there are no more, or the person gave up. Rejects with the reason of `signal`. */
export type ReadLine = (signal: AbortSignal) => Promise<string | undefined>

interface Terminal {
  input: Readable & { isTTY?: boolean }
  output: Writable & { isTTY?: boolean }
}

/**
 * Reads from the terminal; `undefined` without one. What was there is restored after each line, also by `signal`.
 * The terminal is read by the key: one that hands over lines takes no more than 4096 characters, which URLs can exceed.
 */
export function lineReader ({ input, output }: Terminal = { input: process.stdin, output: process.stderr }): ReadLine | undefined {
  if (input.isTTY !== true) return undefined
  return (signal) => new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error)
    const reader = createInterface({ input, output, terminal: true, historySize: 0 })
    let done = (): void => resolve(undefined)
    const abort = (): void => {
      done = () => reject(signal.reason as Error)
      reader.close()
    }
    signal.addEventListener('abort', abort, { once: true })
    reader.once('line', (line) => {
      done = () => resolve(line)
      reader.close()
    })
    // Keys that would be signals come here instead.
    reader.once('SIGINT', () => reader.close())
    reader.once('close', () => {
      signal.removeEventListener('abort', abort)
      done()
    })
  })
}
