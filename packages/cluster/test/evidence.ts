import { isOver, type ConnectFlow, type ExecutionEvent, type ExecutionStatus, type Flow, type GrantRecord, type Owner } from '@consentry/core'
import type { Presented } from '@consentry/testing'
import { redisTokens } from '@consentry/token-stores'
import { Redis } from 'ioredis'
import { redisState } from '../src/index.ts'
import { keysOf, type Forgotten } from './forgotten.ts'

/** What was done to the servers, so that what follows from it is no fault of ours. Times as in the ledger, in milliseconds. */
export interface Disturbance {
  /** `state lost`: Redis forgot what it had acknowledged. */
  what: 'node' | 'provider' | 'state' | 'state lost' | 'tokens'
  from: number
  /** `Infinity` while it lasts. */
  to: number
}

/** A run that is over, and its log. */
export interface EndedRun {
  id: string
  events: ExecutionEvent[]
}

/** A grant as it is stored. */
export interface StoredGrant {
  userId: string
  record: GrantRecord
}

/** What the provider saw, what the stores hold, and what clients were told. */
export interface Evidence {
  presented: readonly Presented[]
  revoked: readonly string[]
  runs: readonly EndedRun[]
  flows: readonly ConnectFlow[]
  grants: readonly StoredGrant[]
  /** The subject at the provider of each user. */
  people: ReadonlyMap<string, string>
  disturbances: readonly Disturbance[]
  /** What Redis forgot; nothing unless given. */
  forgotten?: Forgotten
}

/** Reads in Redis what nodes wrote there. */
export interface Records {
  /** Looks for runs and flows that were not there before, or have changed. */
  look (): Promise<void>
  readonly runs: EndedRun[]
  readonly flows: ConnectFlow[]
  grants (owners: Iterable<string>): Promise<StoredGrant[]>
}

export interface RecordsOptions {
  /** Where the state is now. */
  state: () => number
  /** Where the grants are. */
  tokens: () => number
}

const [flowKeys, executionKeys] = ['consentry:value:flow:*', 'consentry:value:execution:*']
const nameOf = (key: string): string => key.slice('consentry:value:'.length)

export function createRecords ({ state, tokens }: RecordsOptions): Records {
  const runs = new Map<string, EndedRun>()
  const flows = new Map<string, ConnectFlow>()

  async function using<T> (port: number, work: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis(port, '127.0.0.1', { commandTimeout: 5_000, retryStrategy: () => 100 }).on('error', () => {})
    try {
      return await work(redis)
    } finally {
      redis.disconnect()
    }
  }

  return {
    get runs () { return [...runs.values()] },
    get flows () { return [...flows.values()] },

    look: () => using(state(), async (redis) => {
      const store = redisState(redis)
      const get = async (name: string): Promise<unknown> => JSON.parse(await store.get(name) ?? 'null')
      for (const key of await keysOf(redis, flowKeys)) {
        const flow = await get(nameOf(key)) as Flow | null
        if (flow?.purpose === 'connect') flows.set(flow.id, flow)
      }
      for (const key of await keysOf(redis, executionKeys)) {
        const record = await get(nameOf(key)) as { id: string, status: ExecutionStatus } | null
        if (record === null || !isOver(record.status)) continue
        const entries = await store.read(`events:${record.id}`, 0)
        // It may have gone in between.
        if (entries.length > 0) runs.set(record.id, { id: record.id, events: entries.map(({ seq, value }) => ({ ...JSON.parse(value) as ExecutionEvent, seq })) })
      }
    }),

    grants: (owners) => using(tokens(), async (redis) => {
      const store = redisTokens(redis)
      const found: StoredGrant[] = []
      for (const userId of owners) {
        const owner: Owner = { tenant: 'default', userId }
        for (const key of await store.listKeys(owner)) {
          const grant = await store.load(key)
          if (grant !== undefined) found.push({ userId, record: grant.record })
        }
      }
      return found
    })
  }
}
