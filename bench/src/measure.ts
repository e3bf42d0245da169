import { startChild, type Child } from './child.ts'
import type { Row, Sample, Surroundings, Variant } from './row.ts'
import { startServices } from './services.ts'
import type { Question, Ready } from './worker.ts'
import { load } from './wrk.ts'

/** How long and how often. */
export interface Settings {
  rounds: number
  /** How long a round is, in milliseconds, where that is not given by the work. */
  duration: number
}

/** Of each variant, what its rounds measured. */
export type Samples = Readonly<Record<string, readonly Sample[]>>

type Worker = Child<Question>

/** So many rounds do not count: the engine goes on compiling what has just started, and no server is new for long. */
const warmUps = 4
/** And so many where each request is sent once: of these a round has fewer. */
const warmUpsOnce = 8

/** Measures a row: every variant once in each round, one after the other, after rounds that do not count. */
export async function measure (row: Row, settings: Settings, also: Partial<Surroundings> = {}): Promise<Samples> {
  const services = await startServices(row.services)
  try {
    const surroundings: Surroundings = { scale: 'many', duration: settings.duration, ...services.found, ...also }
    const rounds = Math.min(settings.rounds, row.mostRounds ?? Infinity)
    return await (row.fresh === true ? inFreshProcesses : inStandingProcesses)(row, surroundings, { ...settings, rounds })
  } finally {
    await services.close()
  }
}

async function inStandingProcesses (row: Row, surroundings: Surroundings, { rounds, duration }: Settings): Promise<Samples> {
  const workers: Array<[Variant, Worker]> = []
  const samples: Record<string, Sample[]> = {}
  const before = new Map<Variant, Sample>()
  try {
    for (const variant of row.variants) {
      workers.push([variant, await startWorker(row, variant, surroundings)])
      samples[variant.name] = []
    }
    const sendsOnce = workers.map(([, { ready }]) => ready as Ready).some((ready) => ready.kind === 'server' && ready.once)
    for (let count = -(sendsOnce ? warmUpsOnce : warmUps); count < rounds; count++) {
      for (const [variant, worker] of workers) {
        const sample = await round(worker, duration, before.get(variant))
        before.set(variant, sample)
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
      const worker = await startWorker(row, variant, surroundings)
      try {
        (samples[variant.name] ??= []).push(await round(worker, duration))
      } finally {
        await worker.close()
      }
    }
  }
  return samples
}

async function startWorker ({ id }: Row, { name }: Variant, surroundings: Surroundings): Promise<Worker> {
  try {
    return await startChild('measured', new URL('worker.js', import.meta.url), { row: id, variant: name, surroundings })
  } catch (error) {
    throw new Error(`${id}, ${name} does not start`, { cause: error })
  }
}

async function round (worker: Worker, duration: number, before?: Sample): Promise<Sample> {
  const ready = worker.ready as Ready
  return ready.kind === 'server' ? load(worker, ready, duration, before?.['rate']) : await worker.ask({ ask: 'round' }) as Sample
}
