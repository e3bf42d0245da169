import { ConsentryError } from '@consentry/core'
import { networkOf, type Client } from './client.ts'

export interface FairQueueOptions {
  /** How many run at once. */
  atOnce: number
  /** How many may wait. */
  mostWaiting: number
}

/** Work that costs, a little of it at once. */
export interface FairQueue {
  /**
   * Runs `work` in its turn. The addresses take turns; when too many wait, the address that has the most waiting gives
   * way, and who is gone is dropped. Without a client it is the server's own work, which is never turned away.
   *
   * @throws ConsentryError `CONSENTRY_ERR_BUSY`
   */
  run<T> (work: () => Promise<T>, client?: Client): Promise<T>
}

interface Job {
  start: () => void
  refuse: () => void
  client: Client | undefined
}

/** How long who was turned away should wait, in milliseconds. */
const retryAfter = 1000

export function createFairQueue ({ atOnce, mostWaiting }: FairQueueOptions): FairQueue {
  // By address, in the order of their turns; none is empty.
  const lanes = new Map<string, Job[]>()
  let running = 0
  let waiting = 0

  function take (name: string, at: number): Job | undefined {
    const lane = lanes.get(name)
    const [job] = lane?.splice(at, 1) ?? []
    if (lane?.length === 0) lanes.delete(name)
    if (job?.client !== undefined) waiting--
    return job
  }

  function dropGone (): void {
    for (const [name, lane] of lanes) {
      for (const job of lane.filter(isGone)) take(name, lane.indexOf(job))?.refuse()
    }
  }

  /** Makes room for one more of this lane, if another has more than its share. */
  function makeRoom (name: string): void {
    if (waiting < mostWaiting) return
    dropGone()
    if (waiting < mostWaiting) return
    const own = lanes.get(name)?.length ?? 0
    const [longest, length] = [...lanes].filter(([lane]) => lane !== ours).reduce<[string, number]>((most, [lane, jobs]) => jobs.length > most[1] ? [lane, jobs.length] : most, ['', 0])
    if (length <= own + 1) throw busy()
    take(longest, length - 1)?.refuse()
  }

  function turn (client: Client | undefined): Promise<void> {
    const name = client === undefined ? ours : `of ${client.address === undefined ? '' : networkOf(client.address)}`
    if (client !== undefined) makeRoom(name)
    return new Promise((resolve, reject) => {
      const lane = lanes.get(name) ?? []
      lane.push({ start: resolve, refuse: () => { reject(busy()) }, client })
      lanes.set(name, lane)
      if (client !== undefined) waiting++
    })
  }

  /** Hands the turn over to the next who is still there, or back. */
  function next (): void {
    for (const [name, lane] of lanes) {
      const job = take(name, 0)
      // To the end of the round.
      if (lane.length > 0) {
        lanes.delete(name)
        lanes.set(name, lane)
      }
      if (job === undefined) continue
      if (!isGone(job)) return job.start()
      job.refuse()
    }
    running--
  }

  return {
    async run (work, client) {
      if (running >= atOnce) await turn(client)
      else running++
      try {
        return await work()
      } finally {
        next()
      }
    }
  }
}

/** The lane of the server's own work. */
const ours = 'ours'

function isGone ({ client }: Job): boolean {
  return client?.isGone?.() === true
}

function busy (): ConsentryError {
  return new ConsentryError('CONSENTRY_ERR_BUSY', { retryAfter })
}
