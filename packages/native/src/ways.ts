import type { RedirectProvider } from '@consentry/core'
import type { Answers } from './answers.ts'
import type { Attempt } from './attempt.ts'
import type { LoginEvent, LoginMethod } from './events.ts'
import type { Local } from './local.ts'
import type { LoginSettings } from './options.ts'

/** What the ways to ask share. */
export interface Asking {
  local: Local
  provider: RedirectProvider
  settings: LoginSettings
  attempt: Attempt
  answers: Answers
  /** Where the person is sent; `undefined` where no browser could come back, since nothing listens. */
  url: () => Promise<string | undefined>
  tell: (event: LoginEvent) => void
  /** Gives the person so many milliseconds from now on. */
  within: (ms: number) => void
}

/** Asks the person. Resolves to `undefined` when they are asked now, else to why this way does not work here. */
export type Way = (asking: Asking) => Promise<string | undefined>

export type Ways = Readonly<Record<LoginMethod, Way>>

/** Why no browser could come back. What the system said is told to `onError`. */
export const notListening = 'The address that a browser would come back to is taken.'
