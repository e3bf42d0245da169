import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

/** Reads one line; `undefined` when there are no more, or the person gave up. Rejects with the reason of `signal`. */
export type ReadLine = (signal: AbortSignal) => Promise<string | undefined>

/** Where lines come from, and where they can be seen. */
export interface LineReaderOptions {
  /** The standard input unless given. */
  input?: Readable & { isTTY?: boolean }
  /** Where what is typed can be seen; the standard error output unless given. */
  output?: Writable
  /** Ctrl-C, which comes as a key while a line is read. Unless given, the process gets its SIGINT. */
  onInterrupt?: () => void
}

/**
 * Reads from the terminal; `undefined` without one. What was there is restored after each line, also by `signal`.
 * The terminal is read by the key: one that hands over lines takes no more than 4096 characters, which URLs can exceed.
 */
export function lineReader ({ input = process.stdin, output = process.stderr, onInterrupt = () => process.kill(process.pid, 'SIGINT') }: LineReaderOptions = {}): ReadLine | undefined {
  if (input.isTTY !== true) return undefined
  return (signal) => new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error)
    const reader = createInterface({ input, output, terminal: true, historySize: 0, prompt: '> ' })
    let done = (): void => resolve(undefined)
    const abort = (): void => {
      done = () => reject(signal.reason as Error)
      reader.close()
    }
    signal.addEventListener('abort', abort, { once: true })
    reader.prompt()
    reader.once('line', (line) => {
      done = () => resolve(line)
      reader.close()
    })
    reader.once('SIGINT', () => {
      onInterrupt()
      reader.close()
    })
    reader.once('close', () => {
      signal.removeEventListener('abort', abort)
      done()
    })
  })
}
