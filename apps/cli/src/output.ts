import type { Readable, Writable } from 'node:stream'

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

/** Results go to the standard output; what is only for the person who looks on goes to the error output. */
export interface Output {
  readonly json: boolean
  /** The text, or with `--json` the document on a line. */
  result (text: string, document: object): void
  /** With `--json` alone: something happened. */
  event (document: object): void
  /** A line for the person; nothing with `--json`. */
  note (text: string): void
  /** What is waited for: on a terminal a line that moves, else a line by itself. */
  wait (text: string): void
  /** Nothing is waited for any more; the terminal is as it was. */
  rest (): void
  strong (text: string): string
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

  return {
    json,
    rest,
    result (text, document) {
      rest()
      stdout.write(`${json ? JSON.stringify(document) : text}\n`)
    },
    event (document) {
      if (json) stdout.write(`${JSON.stringify(document)}\n`)
    },
    note (text) {
      if (!json) line(text)
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
    },
    strong: (text) => color ? `${escape.strong}${text}${escape.plain}` : text
  }
}
