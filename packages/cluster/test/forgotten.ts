import { Redis } from 'ioredis'

/** What a master had acknowledged when it fell, and its replica did not have. */
export interface Forgotten {
  /** The numbers of the events, by execution. */
  events: Map<string, Set<number>>
  /** Flows that were there as something else, or not at all. */
  flows: Set<string>
}

export const nothing = (): Forgotten => ({ events: new Map(), flows: new Set() })

const logs = 'consentry:log:events:'
const flows = 'consentry:value:flow:'

export async function keysOf (redis: Redis, match: string): Promise<string[]> {
  const found: string[] = []
  for await (const keys of redis.scanStream({ match, count: 500 }) as AsyncIterable<string[]>) found.push(...keys)
  return found
}

/**
 * Adds what is lost when the one replaces the other now. From here on the master takes no writes, so that it is all there
 * is to lose.
 */
export async function compare ({ master, replica }: Record<'master' | 'replica', { port: number }>, forgotten: Forgotten): Promise<void> {
  const [one, other] = [master, replica].map(({ port }) => new Redis(port, '127.0.0.1').on('error', () => {})) as [Redis, Redis]
  try {
    await one.client('PAUSE', 60_000, 'WRITE')
    for (const key of await keysOf(one, `${logs}*`)) {
      const [had, has] = await Promise.all([one, other].map(async (redis) => (await redis.xrange(key, '-', '+')).map(([id]) => Number.parseInt(id, 10)))) as [number[], number[]]
      const id = key.slice(logs.length)
      const lost = had.filter((seq) => !has.includes(seq))
      if (lost.length > 0) forgotten.events.set(id, new Set([...forgotten.events.get(id) ?? [], ...lost]))
    }
    for (const key of await keysOf(one, `${flows}*`)) {
      const [had, has] = await Promise.all([one.get(key), other.get(key)])
      if (had !== has) forgotten.flows.add(key.slice(flows.length))
    }
  } finally {
    one.disconnect()
    other.disconnect()
  }
}
