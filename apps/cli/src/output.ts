import type { Readable, Writable } from 'node:stream'
import { printable } from './printable.ts'

/** What the program is started with. */
export interface Surroundings {
  env: Readonly<Record<string, string | undefined>>
  stdin: Readable & { isTTY?: boolean }
  stdout: Writable & { isTTY?: boolean }
  stderr: Writable & { isTTY?: boolean }
  signal: AbortSignal
  /** Ctrl-C while a line is typed. */
  onInterrupt: () => void
}

/** Text, or what stands out in it. */
export type Part = string | { readonly strong: string }

/** Results go to the standard output; what is only for the person who looks on goes to the error output. */
export interface Output {
  readonly json: boolean
  /** The text, or with `--json` the document on a line. Nothing in it moves a terminal; what is no terminal gets it as it is. */
  result (text: string, document: object): void
  /** With `--json` alone: something happened. */
  event (document: object): void
  /** A line for the person, whatever is in it; nothing with `--json`. */
  note (...parts: readonly Part[]): void
  /** What is waited for: on a terminal a line that moves, else a line by itself. */
  wait (text: string): void
  /** Nothing is waited for any more; the terminal is as it was. */
  rest (): void
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const escape = { clear: '\r\u001b[K', hide: '\u001b[?25l', show: '\u001b[?25h', strong: '\u001b[1m', plain: '\u001b[0m' } as const

export function createOutput ({ env, stdout, stderr }: Pick<Surroundings, 'env' | 'stdout' | 'stderr'>, json: boolean): Output {
  const terminal = stderr.isTTY === true && env['TERM'] !== 'dumb' && !json
  // https://no-color.org
  const color = terminal && (env['NO_COLOR'] ?? '') === ''
  let timer: NodeJS.Timeout | undefined

  function rest (): void {
    if (timer === undefined) return
    clearInterval(timer)
    timer = undefined
    process.off('exit', rest)
    stderr.write(escape.clear + escape.show)
  }

  function line (text: string): void {
    rest()
    stderr.write(`${text}\n`)
  }

  function shown (part: Part): string {
    if (typeof part === 'string') return printable(part)
    return color ? `${escape.strong}${printable(part.strong)}${escape.plain}` : printable(part.strong)
  }

  const writeDocument = (document: object): void => { stdout.write(`${printable(JSON.stringify(document))}\n`) }

  return {
    json,
    rest,
    result (text, document) {
      rest()
      if (json) writeDocument(document)
      else stdout.write(`${stdout.isTTY === true ? text.split('\n').map(printable).join('\n') : text}\n`)
    },
    event (document) {
      if (json) writeDocument(document)
    },
    note (...parts) {
      if (!json) line(parts.map(shown).join(''))
    },
    wait (text) {
      if (json) return
      if (!terminal) return line(text)
      rest()
      const since = performance.now()
      const draw = (): void => {
        const seconds = Math.floor((performance.now() - since) / 1000)
        stderr.write(`${escape.clear}${frames[Math.floor((performance.now() - since) / 100) % frames.length]} ${text} (${seconds} s)`)
      }
      stderr.write(escape.hide)
      timer = setInterval(draw, 100)
      // A second Ctrl-C ends the program wherever it is.
      process.once('exit', rest)
      draw()
    }
  }
}
