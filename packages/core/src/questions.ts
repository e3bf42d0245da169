import type { ConnectFlow } from './flow.ts'

/** A question that the clients of a run know of, and how many of its calls wait for the answer. */
export interface Question {
  flow: Pick<ConnectFlow, 'id' | 'provider' | 'scopes'>
  profile: string
  waiters: number
}

/** Several calls of a run may wait for one flow; its clients see one question, and again when it grows. */
export class Questions {
  readonly #asked: Question[] = []

  /** The question as clients have to be told of it; `undefined` when they know it. `joins`: one more call waits. */
  ask (flow: ConnectFlow, joins: boolean): Question | undefined {
    const known = this.#asked.find((question) => question.flow.id === flow.id)
    const question = known ?? { flow, profile: flow.key.profile, waiters: 0 }
    if (joins) question.waiters++
    if (known === undefined) this.#asked.push(question)
    else if (flow.scopes.length <= known.flow.scopes.length) return undefined
    const { id, provider, scopes } = flow
    question.flow = { id, provider, scopes }
    return question
  }

  /** One call waits no longer. The question, when it was the last. */
  leave (flowId: string): Question | undefined {
    const index = this.#asked.findIndex((question) => question.flow.id === flowId)
    const question = this.#asked[index]
    if (question === undefined || --question.waiters > 0) return undefined
    this.#asked.splice(index, 1)
    return question
  }

  /** All of them; nobody waits any more. */
  clear (): Question[] {
    return this.#asked.splice(0)
  }
}
