import type { FlowOutcome } from './contract.ts'
import type { Question } from './questions.ts'

/** What `<consentry-prompt>` says. */
export interface PromptTexts {
  title: string
  provider: string
  asksFor: string
  run: string
  timeLeft: string
  timeOver: string
  /** On the link to the provider. */
  continueTo: (question: Question) => string
  /** Below that link. */
  hint: (question: Question) => string
  /** After the window was opened. */
  waiting: (question: Question) => string
  /** Said by screen readers when the question comes. */
  announced: (question: Question) => string
  noLink: string
  /** What is said when the question has ended, by its outcome; `over` when that is not known. */
  outcomes: Record<FlowOutcome | 'over', (question: Question) => string>
}

/** What `<consentry-prompt>` says unless told otherwise, in English. */
export const promptTexts: PromptTexts = {
  title: 'Your consent is needed',
  provider: 'Provider',
  asksFor: 'Asks for',
  run: 'For run',
  timeLeft: 'Time left',
  timeOver: 'over',
  /** On the link to the provider. */
  continueTo: ({ host }) => `Continue to ${host}`,
  /** Below that link. */
  hint: ({ host }) => `Opens ${host} in a new window, which closes when you are done.`,
  waiting: ({ host }) => `Waiting for your answer at ${host}…`,
  announced: ({ label, scopes }) => `Your consent is needed. ${label} is asked for ${scopes.join(', ')}.`,
  noLink: 'The address of this question is not one of this application, so there is no link to it.',
  /** What is said when the question has ended, by its outcome; `over` when that is not known. */
  outcomes: {
    granted: ({ label }) => `${label} is connected.`,
    denied: ({ label }) => `${label} was not connected.`,
    expired: () => 'The question ran out of time.',
    cancelled: () => 'The question was withdrawn.',
    superseded: () => 'A newer question took its place.',
    account_mismatch: () => 'Another account answered than the one that is connected.',
    provider_error: ({ label }) => `${label} could not answer.`,
    over: () => 'The question is over.'
  }
}
