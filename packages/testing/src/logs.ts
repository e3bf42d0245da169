/** A destination for pino, to be given to Fastify as `logger: { stream }`. */
export interface LogSink {
  write (chunk: string): void
  /** Everything that was logged, as it was written. */
  text (): string
  /** One object per line. */
  lines (): Array<Record<string, unknown>>
  clear (): void
}

/** Collects log lines, so that a test can look for what must not be in them. */
export function createLogSink (): LogSink {
  let written = ''
  return {
    write (chunk) { written += chunk },
    text: () => written,
    lines: () => written.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>),
    clear () { written = '' }
  }
}
