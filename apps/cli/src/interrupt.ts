/** Ctrl-C and its like, or that nobody reads what is printed: the first ends what is waited for, the second the program. */
export interface Interrupt {
  readonly signal: AbortSignal
  /** 128 and the number of the signal, when there was one. */
  readonly exitCode: number | undefined
  /** Ctrl-C that came as a key. */
  readonly byKey: () => void
}

const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const
const SIGPIPE = 13

export function interruptible (target: NodeJS.Process): Interrupt {
  const abort = new AbortController()
  let exitCode: number | undefined

  function interrupted (number: number): void {
    if (exitCode !== undefined) target.exit(exitCode)
    exitCode = 128 + number
    abort.abort()
  }

  for (const [name, number] of Object.entries(numbers)) target.on(name, () => interrupted(number))
  for (const output of [target.stdout, target.stderr]) output.on('error', () => interrupted(SIGPIPE))
  return { signal: abort.signal, get exitCode () { return exitCode }, byKey: () => interrupted(numbers.SIGINT) }
}
