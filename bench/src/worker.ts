import { writeFile } from 'node:fs/promises'
import { serve } from './child.ts'
import type { Surroundings } from './row.ts'
import { rowOf, variantOf } from './rows.ts'
import { tryServer } from './try.ts'

/** What a worker is started with: one way to do the work of a row. */
export interface WorkerOptions {
  row: string
  variant: string
  surroundings: Surroundings
}

/** What a worker is asked. */
export type Question =
  /** Writes the requests for the next round to a file, and says how many they are: of those that may be sent only once, `most`. */
  | { ask: 'requests', file: string, most?: number }
  /** How much time the processor has spent on it, in microseconds. */
  | { ask: 'usage' }
  /** Does a round by itself. */
  | { ask: 'round' }

/** What it says first: how it is measured. */
export type Ready = { kind: 'server', port: number, once: boolean } | { kind: 'trial' }

await serve<Question>(async (options) => {
  const { row, variant, surroundings } = options as WorkerOptions
  const started = await variantOf(await rowOf(row), variant).start(surroundings)
  // What fails fast is not fast.
  if (started.kind === 'server') await tryServer(started, 3)
  const ready: Ready = started.kind === 'trial' ? { kind: 'trial' } : { kind: 'server', port: started.port, once: started.once !== undefined }
  return {
    ready,
    async answer (question) {
      if (question.ask === 'usage') {
        const { user, system } = process.cpuUsage()
        return user + system
      }
      if (started.kind === 'trial') return started.round()
      if (question.ask !== 'requests') throw new Error('a server does nothing by itself')
      const requests = await started.requests(Math.min(started.once ?? 1, question.most ?? Infinity))
      await writeFile(question.file, requests.map(({ path, headers }) => [path, ...Object.entries(headers).flat()].join('\t')).join('\n'))
      return requests.length
    }
  }
})
