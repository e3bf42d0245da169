import { writeFile } from 'node:fs/promises'
import type { Surroundings } from './row.ts'
import { rowOf, variantOf } from './rows.ts'

/** What a worker is started with. */
export interface WorkerOptions {
  row: string
  variant: string
  surroundings: Surroundings
}

/** What a worker is asked. It answers one question after the other. */
export type Question =
  /** Writes the requests for the next round to a file. */
  | { ask: 'requests', file: string }
  /** How much time the processor has spent on it, in microseconds. */
  | { ask: 'usage' }
  /** Does a round by itself. */
  | { ask: 'round' }

/** What it says first: how it is measured. */
export type Ready = { kind: 'server', port: number, once: boolean } | { kind: 'trial' }

export type Reply = { value: unknown } | { error: string }

const { row, variant, surroundings } = JSON.parse(process.argv[2] ?? '') as WorkerOptions

function tell (reply: Reply): void {
  process.send?.(reply)
}

function tellFailure (error: unknown): void {
  tell({ error: error instanceof Error ? error.stack ?? error.message : String(error) })
}

// A process that fails while it is measured has measured nothing.
process.on('unhandledRejection', tellFailure)

try {
  const started = await variantOf(rowOf(row), variant).start(surroundings)
  const answer = async (question: Question): Promise<unknown> => {
    if (question.ask === 'usage') {
      const { user, system } = process.cpuUsage()
      return user + system
    }
    if (started.kind === 'trial') return started.round()
    if (question.ask !== 'requests') throw new Error('a server does nothing by itself')
    const requests = await started.requests(started.once ?? 1)
    await writeFile(question.file, requests.map(({ path, headers }) => [path, ...Object.entries(headers).flat()].join('\t')).join('\n'))
    return requests.length
  }
  process.on('message', (question: Question) => { answer(question).then((value) => { tell({ value }) }, tellFailure) })
  process.once('disconnect', () => { process.exit() })
  const ready: Ready = started.kind === 'trial' ? { kind: 'trial' } : { kind: 'server', port: started.port, once: started.once !== undefined }
  tell({ value: ready })
} catch (error) {
  tellFailure(error)
}
