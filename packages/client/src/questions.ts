import { openConsent, type ConsentWindow } from './consent-window.ts'
import { isLast, type ExecutionEvent, type FlowOutcome, type PendingConsent } from './contract.ts'
import { deferred, type Deferred } from './deferred.ts'
import { createListeners } from './listeners.ts'
import type { Settings } from './options.ts'

/** A question to the person, until it is answered here, in another tab, or by time. */
export interface Question {
  readonly executionId: string
  /** The same question keeps its id when it comes again with more scopes. */
  readonly flowId: string
  readonly provider: string
  readonly profile: string
  readonly scopes: readonly string[]
  /** ISO 8601. */
  readonly expiresAt: string
  /** For people: what the provider is called. */
  readonly label: string
  /** For people: where they will be asked, such as `accounts.example.com`. Show it before anything is opened (B21). */
  readonly host: string
  /** For a link of your own. `undefined` when what came is not on `connectOrigin`: then there is nothing to open. */
  readonly connectUrl: string | undefined
  /** Resolves when it is over; to `undefined` when how was not seen. */
  readonly outcome: Promise<FlowOutcome | undefined>
  /**
   * Opens it in a window of its own. Only from the person's own click or key press: otherwise, when the browser blocks
   * it, and outside of browsers, nothing is opened and the answer is `null`. Offer `connectUrl` as a link then.
   */
  open (): ConsentWindow | null
}

/** Hears of a question. */
export type QuestionListener = (question: Question) => void

/** The questions that are open, of all runs that are known. */
export interface Questions {
  /** Takes in what an event says of questions. */
  take (event: ExecutionEvent): void
  ask (executionId: string, question: PendingConsent): void
  end (flowId: string, outcome?: FlowOutcome): void
  /** Ends those for which `which` holds. */
  drop (which: (question: Question) => boolean): void
  all (): Question[]
  /** Hears of those that are open and of what comes. */
  listen (listener: QuestionListener): () => void
  readonly heard: boolean
  /** The ids of those that were told since this was cleared. */
  readonly told: Set<string>
}

export function createQuestions ({ connectOrigin }: Settings): Questions {
  const open = new Map<string, { question: Question, over: Deferred<FlowOutcome | undefined> }>()
  const listeners = createListeners<[Question]>()

  const questions: Questions = {
    take ({ type, executionId, data }) {
      if (type === 'oauth_required') questions.ask(executionId, data)
      else if (type === 'oauth_resolved') questions.end(data.flowId, data.outcome)
      else if (isLast(type)) questions.drop((question) => question.executionId === executionId)
    },

    ask (executionId, asked) {
      const { flowId, scopes, connectUrl } = asked
      questions.told.add(flowId)
      const known = open.get(flowId)
      if (known?.question.scopes.join() === scopes.join()) return
      const over = known?.over ?? deferred()
      const ours = connectUrl.startsWith(`${connectOrigin}/`)
      const question: Question = {
        ...asked,
        executionId,
        connectUrl: ours ? connectUrl : undefined,
        outcome: over.promise,
        open: () => ours && open.has(flowId) ? openConsent(connectUrl, flowId, over.promise) : null
      }
      open.set(flowId, { question, over })
      listeners.tell(question)
    },

    end (flowId, outcome) {
      open.get(flowId)?.over.resolve(outcome)
      open.delete(flowId)
      questions.told.delete(flowId)
    },

    drop (which) {
      for (const question of questions.all()) if (which(question)) questions.end(question.flowId)
    },

    all: () => [...open.values()].map(({ question }) => question),
    listen: (listener) => listeners.add(listener, questions.all().map((question) => [question])),

    get heard () { return listeners.size > 0 },
    told: new Set()
  }
  return questions
}
