import {
  createExecutions, createFlows, createGrants, createWakeups, memoryState, memoryTokens, systemRandomBytes as randomBytes,
  type ConnectFlow, type StartedExecution
} from '@consentry/core'
import { createClock } from '@consentry/testing'
import { inBatches } from '../batches.ts'
import { heapSize } from '../heap.ts'
import type { Row, Sample, Surroundings, Trial } from '../row.ts'
import { files } from './files.ts'

const minute = 60_000

export const row: Row = {
  id: 'P8',
  title: '100,000 executions wait for consent, then all go on',
  method: 'Each has a user of its own. Bytes: the heap after a collection while all wait, less what it was before. Time: to begin, ask, answer and end, without the network. Left: the heap after all have ended and the time to look at them is over.',
  fresh: true,
  mostRounds: 3,
  growth: { of: 'executions', sizes: [1_000, 10_000, 100_000], metric: 'micros' },
  metrics: {
    bytes: { label: 'waiting', unit: 'bytes', better: 'lower' },
    begin: { label: 'to begin', unit: 'µs', better: 'lower' },
    answer: { label: 'to answer', unit: 'µs', better: 'lower' },
    micros: { label: 'in all', unit: 'µs', better: 'lower' },
    left: { label: 'left', unit: 'bytes', better: 'lower' }
  },
  variants: [
    { name: 'limit', label: 'a Map of promises', role: 'limit', start: async (surroundings) => trial(surroundings, promises()) },
    { name: 'timeouts', label: 'the same, AbortSignal.timeout each', role: 'peer', start: async (surroundings) => trial(surroundings, promises(() => AbortSignal.timeout(60 * minute))) },
    { name: 'ours', label: '@consentry/core', role: 'ours', start: async (surroundings) => trial(surroundings, executions()) }
  ],
  goals: [
    { metric: 'bytes', atMost: 2_500 },
    { metric: 'micros', atMost: 30 },
    { metric: 'left', atMost: 50 }
  ]
}

/** Executions that wait. */
interface Waiting {
  /** Resolves when this many wait. */
  begin: (count: number) => Promise<void>
  /** Resolves when all have ended, as they should. */
  answer: () => Promise<void>
  /** Lets the time pass in which one can look at what has ended. */
  forget: () => Promise<void>
}

/** Before it counts, some are begun and ended, so that what is made once is there. */
async function trial ({ scale, size = 100_000 }: Surroundings, waiting: Waiting): Promise<Trial> {
  const [first, count] = scale === 'few' ? [10, 100] : [5_000, size]
  return {
    kind: 'trial',
    async round (): Promise<Sample> {
      await waiting.begin(first)
      await waiting.answer()
      await waiting.forget()
      const base = await heapSize()
      const began = performance.now()
      await waiting.begin(count)
      const begun = performance.now()
      const held = await heapSize()
      const resumed = performance.now()
      await waiting.answer()
      const ended = performance.now()
      await waiting.forget()
      return {
        bytes: (held - base) / count,
        begin: (begun - began) * 1_000 / count,
        answer: (ended - resumed) * 1_000 / count,
        micros: (begun - began + ended - resumed) * 1_000 / count,
        left: (await heapSize() - base) / count
      }
    },
    close: async () => {}
  }
}

/** The least that waits and goes on. */
function promises (timeout?: () => AbortSignal): Waiting {
  const waiting = new Map<string, () => void>()
  let running: Array<Promise<string>> = []

  async function run (id: string): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      waiting.set(id, resolve)
      timeout?.().addEventListener('abort', () => { reject(new Error('nobody answered')) }, { once: true })
    })
    return id
  }

  return {
    async begin (count) {
      await inBatches(count, async (index) => { running.push(run(`user-${index}`)) })
    },
    async answer () {
      for (const [id, resolve] of waiting) {
        waiting.delete(id)
        resolve()
      }
      await Promise.all(running)
      running = []
    },
    forget: async () => {}
  }
}

/** All of it: executions with their log, flows, waiters, grants. The provider says yes at once. */
function executions (): Waiting {
  const clock = createClock()
  const state = memoryState({ clock, maxEntries: 10_000_000 })
  const tokens = memoryTokens()
  const wakeups = createWakeups(state)
  const flows = createFlows({ state, wakeups, clock, randomBytes, lifetime: 10 * minute, redirectUri: (name) => `https://app.example.com/auth/callback/${name}` })
  const grants = createGrants({ providers: { files }, tokens, flows, wakeups, clock, fetch, refreshBuffer: minute, onError })
  const started = createExecutions({
    state,
    wakeups,
    clock,
    randomBytes,
    grants,
    connectUrl: (flowId) => `https://app.example.com/auth/connect/${flowId}`,
    maxAge: 60 * minute,
    retention: 10 * minute,
    maxPerUser: 100,
    maxEvents: 1_000,
    onError
  })
  let runs: StartedExecution[] = []

  return {
    async begin (count) {
      await inBatches(count, async (index) => {
        const run = await started.start({ userId: `user-${index}` }, async (execution) => {
          const grant = await execution.authorize('files', { scopes: ['read'] })
          return grant.scopes
        })
        runs.push(run)
        await run.firstOutcome
      })
    },

    /** What the routes of connect and callback do. */
    async answer () {
      await inBatches(runs.length, async (index) => {
        const run = runs[index] as StartedExecution & { owner: { tenant: string, userId: string } }
        const pending = await flows.pending({ ...run.owner, provider: 'files', profile: 'default' })
        const flow = await flows.open(pending as ConnectFlow)
        const matched = await flows.match({ state: flow.state, provider: 'files', binding: () => flow.binding, owner: run.owner })
        const claimed = await flows.claim(matched)
        await grants.complete(claimed as NonNullable<typeof claimed> & ConnectFlow, { type: 'code', parameters: new URLSearchParams({ code: 'code' }) })
        const { status } = await run.ended
        if (status !== 'completed') throw new Error(`an execution ended as ${status}`)
        await tokens.delete(flow.key)
      })
      runs = []
    },

    async forget () {
      await clock.advance(120 * minute)
    }
  }
}

function onError (error: unknown): never {
  throw error
}
