import type { PendingConsent } from './events.ts'
import type { ConnectFlow } from './flow.ts'
import type { Provider } from './provider.ts'

/** A question that the clients of a run know of, and how many of its calls wait for the answer. */
export interface Question {
  readonly id: string
  readonly provider: string
  readonly profile: string
  /** Grows while nobody has opened it. */
  scopes: string[]
  waiters: number
}

/** Several calls of a run may wait for one flow; its clients see one question, and again when it grows. */
export class Questions {
  #asked: readonly Question[] = none

  /** The question as clients have to be told of it; `undefined` when they know it. `joins`: one more call waits. */
  ask ({ id, provider, key: { profile }, scopes }: ConnectFlow, joins: boolean): Question | undefined {
    const known = this.#asked.find((question) => question.id === id)
    const question = known ?? { id, provider, profile, scopes, waiters: 0 }
    if (joins) question.waiters++
    if (known === undefined) this.#asked = this.#asked.concat(question)
    else if (scopes.length <= known.scopes.length) return undefined
    question.scopes = scopes
    return question
  }

  /** One call waits no longer. The question, when it was the last. */
  leave (flowId: string): Question | undefined {
    const question = this.#asked.find(({ id }) => id === flowId)
    if (question === undefined || --question.waiters > 0) return undefined
    this.#asked = this.#asked.filter((each) => each !== question)
    return question
  }

  /** All of them; nobody waits any more. */
  clear (): readonly Question[] {
    const all = this.#asked
    this.#asked = none
    return all
  }
}

/** The question as clients are told of it. `expiresAt` is in milliseconds since the epoch. */
export function consentOf ({ id, provider, profile, scopes }: Question, { kind, label, host }: Provider, connectUrl: string, expiresAt: number): PendingConsent {
  return {
    flowId: id,
    provider,
    profile,
    label,
    // A form is a page of ours, wherever the secret goes from there.
    host: kind === 'form' ? new URL(connectUrl).host : host,
    scopes,
    connectUrl,
    expiresAt: new Date(expiresAt).toISOString()
  }
}

const none: readonly Question[] = []
