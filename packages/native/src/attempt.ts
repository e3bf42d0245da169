import type { ClaimedFlow, ConnectFlow, Ending, Flows, MatchedFlow } from '@consentry/core'

/** One question to the person. It has one end, wherever that comes from. */
export interface Attempt {
  readonly flow: ConnectFlow
  readonly ended: Promise<Ending>
  /** Aborted when it has ended: there is nothing to wait for any more. */
  readonly over: AbortSignal
  /** The first answer is completed with `work`, and ends it. Resolves to `false` for all others, whose `work` is not called. */
  complete (matched: MatchedFlow, work: (flow: ClaimedFlow<ConnectFlow>) => Promise<Ending>): Promise<boolean>
  /** Ends it, unless an answer is being completed: then it ends with that. */
  withdraw (ending: Ending): Promise<void>
}

export interface AttemptOptions {
  flows: Flows
  flow: ConnectFlow
  /** There is an answer; what it is worth is found out now. */
  onAnswer: () => void
}

export function createAttempt ({ flows, flow, onAnswer }: AttemptOptions): Attempt {
  const over = new AbortController()
  let resolve: (ending: Ending) => void
  const ended = new Promise<Ending>((settle) => { resolve = settle })

  function end (ending: Ending): void {
    resolve(ending)
    over.abort()
  }

  return {
    flow,
    ended,
    over: over.signal,

    async complete (matched, work) {
      const claimed = await flows.claim(matched as MatchedFlow<ConnectFlow>)
      if (claimed === undefined) return false
      onAnswer()
      end(await work(claimed))
      return true
    },

    async withdraw (ending) {
      if (await flows.withdraw(flow.id, ending.outcome === 'expired' ? 'expired' : 'cancelled')) end(ending)
    }
  }
}
