import { ConsentryError, outcomeError, systemRandomBytes, type Grant } from '@consentry/core'
import { createAnswers, type Answers } from './answers.ts'
import { askByPaste } from './ask-by-paste.ts'
import { askInBrowser } from './ask-in-browser.ts'
import { askOnDevice } from './ask-on-device.ts'
import { createAttempt } from './attempt.ts'
import type { LoginEvent } from './events.ts'
import type { Local } from './local.ts'
import { startLoopback, type Loopback, type OnAnswer } from './loopback.ts'
import type { LoginOptions, LoginSettings } from './options.ts'
import { ended, nothingHere, unusable } from './pages.ts'
import type { Asking, Ways } from './ways.ts'

const ways: Ways = { browser: askInBrowser, paste: askByPaste, device: askOnDevice }

/** How long a person has, in milliseconds. */
const usualTimeout = 120_000

/** A login that nobody has answered yet. */
export interface Question {
  options: LoginOptions
  settings: LoginSettings
  tell: (event: LoginEvent) => void
  /** Told before the question, which holds it. */
  onLoopback: (redirectUri: string) => void
}

/** Asks the person in the first way that works, and resolves to the grant that they gave. */
export async function ask (local: Local, { options, settings, tell, onLoopback }: Question): Promise<Grant> {
  const { flows, grants, key, requirement, clock, onError } = local
  const { provider, signal, randomBytes = systemRandomBytes } = options
  let answers: Answers | undefined
  const loopback = await listen(settings, { redirect: settings.redirect, clock, randomBytes, onAnswer: async (parameters) => pageFor(answers, parameters) }, onError)
  onLoopback(loopback?.redirectUri ?? '')
  const flow = await flows.open(await grants.prepare(key, requirement, { waiter: { id: 'login' } }))
  const attempt = createAttempt({ flows, flow, onAnswer: () => tell({ state: 'in_progress' }) })
  answers = createAnswers(local, provider, attempt)

  let cancelTimer: (() => void) | undefined
  const within = (ms: number): void => {
    cancelTimer?.()
    cancelTimer = clock.timer(ms, () => { void attempt.withdraw({ outcome: 'expired' }) })
  }
  const cancel = (): void => { void attempt.withdraw({ outcome: 'cancelled' }) }
  within(settings.timeout ?? usualTimeout)
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    let url: Promise<string> | undefined
    const asking: Asking = {
      local, provider, settings, attempt, answers, tell, within,
      url: async () => loopback && (url ??= provider.authorizationUrl(flow).then(({ href }) => href))
    }
    const asked = askFirst(asking).then(() => attempt.ended)
    asked.catch(() => {})
    const { outcome, error } = await Promise.race([asked, attempt.ended])
    if (outcome !== 'granted') throw outcomeError(outcome, error)
  } finally {
    signal?.removeEventListener('abort', cancel)
    cancelTimer?.()
    await attempt.withdraw({ outcome: 'cancelled' })
    await loopback?.close()
  }
  const grant = await grants.available(key, requirement)
  if (grant === undefined) throw new ConsentryError('CONSENTRY_ERR_REAUTH_REQUIRED')
  return grant
}

/** The first way that works. Rejects when none does; the cause says why. */
async function askFirst (asking: Asking): Promise<void> {
  const reasons = new Set<string>()
  for (const method of asking.settings.methods) {
    const reason = await ways[method](asking)
    if (reason === undefined) return
    reasons.add(reason)
  }
  throw new ConsentryError('CONSENTRY_ERR_NO_LOGIN_METHOD', { cause: new Error([...reasons].join(' ')) })
}

/** Without the loopback, another device may do. */
async function listen ({ methods }: LoginSettings, options: Parameters<typeof startLoopback>[0], onError: Local['onError']): Promise<Loopback | undefined> {
  if (methods.every((method) => method === 'device')) return undefined
  try {
    return await startLoopback(options)
  } catch (error) {
    onError(error, 'listening on the loopback')
    return undefined
  }
}

/** The page of a visit; what is no answer to this very question is told nothing. */
async function pageFor (answers: Answers | undefined, parameters: URLSearchParams): ReturnType<OnAnswer> {
  const answer = await answers?.(parameters)
  if (answer === undefined) return undefined
  if ('ended' in answer) return async () => ended(await answer.ended)
  return async () => answer.refused === 'CONSENTRY_ERR_STATE_MISMATCH' ? nothingHere : unusable(answer.refused)
}
