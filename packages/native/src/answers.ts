import { ConsentryError, type Ending, type ErrorCode, type RedirectProvider } from '@consentry/core'
import type { Attempt } from './attempt.ts'
import type { Local } from './local.ts'

/** Why it is no answer to this question, or how the question ends. */
export type Answer = { readonly refused: ErrorCode } | { readonly ended: Promise<Ending> }

/** Takes what came back, by whichever way. What fails a check changes nothing. */
export type Answers = (parameters: URLSearchParams) => Promise<Answer>

export function createAnswers ({ flows, grants, owner, onError }: Local, provider: RedirectProvider, attempt: Attempt): Answers {
  const { flow } = attempt
  return async (parameters) => {
    try {
      // The state comes before all else (T14); the browser is not told apart, as this machine has one person.
      const matched = await flows.match({ state: parameters.get('state') ?? '', provider: flow.provider, binding: () => flow.binding, owner })
      const response = await provider.authorizationResponse(parameters, { state: flow.state })
      attempt.complete(matched, (claimed) => grants.complete(claimed, response)).catch((error: unknown) => onError(error, 'taking an answer'))
      return { ended: attempt.ended }
    } catch (error) {
      return { refused: ConsentryError.is(error) ? error.code : 'CONSENTRY_ERR_INTERNAL' }
    }
  }
}
