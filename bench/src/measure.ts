import { startRedis } from '@consentry/testing'
import type { Row, Sample, Surroundings, Variant } from './row.ts'
import { startWorker, type Worker } from './start-worker.ts'
import { load } from './wrk.ts'

/** How long and how often. */
export interface Settings {
  rounds: number
  /** How long a round is, in milliseconds, where that is not given by the work. */
  duration: number
}

/** Of each variant, what its rounds measured. */
export type Samples = Readonly<Record<string, readonly Sample[]>>

/** Measures a row: every variant once in each round, one after the other, after a round that does not count. */
export async function measure (row: Row, settings: Settings): Promise<Samples> {
  const services = await startServices(row)
  try {
    const surroundings: Surroundings = { scale: 'many', duration: settings.duration, ...services.found }
    return await (row.fresh === true ? inFreshProcesses : inStandingProcesses)(row, surroundings, settings)
  } finally {
    await services.close()
  }
}

async function inStandingProcesses (row: Row, surroundings: Surroundings, { rounds, duration }: Settings): Promise<Samples> {
  const workers: Array<[Variant, Worker]> = []
  const samples: Record<string, Sample[]> = {}
  try {
    for (const variant of row.variants) {
      workers.push([variant, await startWorker({ row: row.id, variant: variant.name, surroundings })])
      samples[variant.name] = []
    }
    for (let count = -1; count < rounds; count++) {
      for (const [variant, worker] of workers) {
        const sample = await round(worker, duration)
        if (count >= 0) samples[variant.name]?.push(sample)
      }
    }
    return samples
  } finally {
    await Promise.all(workers.map(([, worker]) => worker.close()))
  }
}

async function inFreshProcesses (row: Row, surroundings: Surroundings, { rounds, duration }: Settings): Promise<Samples> {
  const samples: Record<string, Sample[]> = {}
  for (let count = 0; count < rounds; count++) {
    for (const variant of row.variants) {
      const worker = await startWorker({ row: row.id, variant: variant.name, surroundings })
      try {
        (samples[variant.name] ??= []).push(await round(worker, duration))
      } finally {
        await worker.close()
      }
    }
  }
  return samples
}

async function round (worker: Worker, duration: number): Promise<Sample> {
  return worker.ready.kind === 'server' ? load(worker, worker.ready, duration) : await worker.ask({ ask: 'round' }) as Sample
}

async function startServices ({ services = [] }: Row): Promise<{ found: Pick<Surroundings, 'redis' | 'issuer'>, close: () => Promise<void> }> {
  const redis = services.includes('redis') ? await startRedis() : undefined
  return {
    found: { redis: redis?.url ?? '', issuer: '' },
    close: async () => { await redis?.close() }
  }
}
