import { ConsentryError, outcomeError, systemRandomBytes, type ConnectFlow, type Grant } from '@consentry/core'
import { createAnswers, type Answers } from './answers.ts'
import { askByPaste } from './ask-by-paste.ts'
import { askInBrowser } from './ask-in-browser.ts'
import { askOnDevice } from './ask-on-device.ts'
import { createAttempt } from './attempt.ts'
import { endOf, type LoginEvent } from './events.ts'
import { createLocal, type Local } from './local.ts'
import { startLoopback, type Loopback, type OnAnswer } from './loopback.ts'
import { readOptions, type LoginOptions, type LoginSettings } from './options.ts'
import { ended, nothingHere, unusable } from './pages.ts'
import type { Asking, Ways } from './ways.ts'

const ways: Ways = { browser: askInBrowser, paste: askByPaste, device: askOnDevice }

/** How long a person has, in milliseconds. */
const usualTimeout = 120_000

/**
 * Signs the person at this machine in, unless they are: asks them in the first way of `methods` that works here, and
 * stores the grant. What they left out is in its `missingScopes`.
 *
 * Rejects with
 * - `CONSENTRY_ERR_CONSENT_DENIED` and `CONSENTRY_ERR_FLOW_CANCELLED`: they declined; `signal`, or they gave up
 * - `CONSENTRY_ERR_FLOW_EXPIRED`: the time is over
 * - `CONSENTRY_ERR_ACCOUNT_MISMATCH`: they used another account than the stored grant's; `logout()` first
 * - `CONSENTRY_ERR_NO_LOGIN_METHOD`: none of `methods` works here
 * - `CONSENTRY_ERR_OPTIONS_INVALID`, `CONSENTRY_ERR_STORE_UNAVAILABLE` and the errors of providers
 */
export async function login (options: LoginOptions): Promise<Grant> {
  const settings = readOptions(options)
  let redirectUri = ''
  const local = createLocal(options, () => redirectUri)
  const tell = (event: LoginEvent): void => {
    try {
      settings.onEvent(event)
    } catch (error) {
      local.onError(error, 'telling of a login')
    }
  }
  // The timers of the clock keep no process alive, and between two questions to a provider there is nothing else.
  const awake = setInterval(() => {}, 2 ** 30)
  try {
    if (options.signal?.aborted === true) throw outcomeError('cancelled')
    const stored = options.fresh === true ? undefined : await local.grants.available(local.key, local.requirement)
    const grant = stored ?? await ask(local, { options, settings, tell, onLoopback: (uri) => { redirectUri = uri } })
    tell({ state: 'completed' })
    return grant
  } catch (error) {
    tell(endOf(error))
    throw error
  } finally {
    clearInterval(awake)
    await local.close()
  }
}

interface Question {
  options: LoginOptions
  settings: LoginSettings
  tell: (event: LoginEvent) => void
  onLoopback: (redirectUri: string) => void
}

async function ask (local: Local, { options, settings, tell, onLoopback }: Question): Promise<Grant> {
  const { flows, grants, key, requirement, clock, onError } = local
  const { provider, signal, randomBytes = systemRandomBytes } = options
  let answers: Answers | undefined
  const loopback = await listen(settings, { redirect: settings.redirect, clock, randomBytes, onAnswer: async (parameters) => pageFor(answers, parameters) }, onError)
  onLoopback(loopback?.redirectUri ?? '')
  const flow = await flows.open(await grants.prepare(key, requirement, { waiter: { id: 'login' } }))
  const attempt = createAttempt({ flows, flow, onAnswer: () => tell({ state: 'in_progress' }) })
  answers = createAnswers(local, provider, attempt)

  let cancelTimer = (): void => {}
  const within = (ms: number): void => {
    cancelTimer()
    cancelTimer = clock.timer(ms, () => { void attempt.withdraw({ outcome: 'expired' }) })
  }
  const cancel = (): void => { void attempt.withdraw({ outcome: 'cancelled' }) }
  within(settings.timeout ?? usualTimeout)
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    let url: Promise<string> | undefined
    const asking: Asking = {
      local, provider, settings, attempt, answers, tell, within,
      url: async () => loopback && (url ??= provider.authorizationUrl(requestOf(flow)).then(({ href }) => href))
    }
    const asked = askFirst(asking).then(() => attempt.ended)
    asked.catch(() => {})
    const { outcome, error } = await Promise.race([asked, attempt.ended])
    if (outcome !== 'granted') throw outcomeError(outcome, error)
  } finally {
    signal?.removeEventListener('abort', cancel)
    cancelTimer()
    await attempt.withdraw({ outcome: 'cancelled' })
    await loopback?.close()
  }
  const grant = await grants.available(key, requirement)
  if (grant === undefined) throw new ConsentryError('CONSENTRY_ERR_REAUTH_REQUIRED')
  return grant
}

/** The first way that works; rejects when none does. */
async function askFirst (asking: Asking): Promise<void> {
  for (const method of asking.settings.methods) if (await ways[method](asking)) return
  throw new ConsentryError('CONSENTRY_ERR_NO_LOGIN_METHOD')
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

function requestOf ({ redirectUri, state, nonce, codeVerifier, scopes, refreshToken, loginHint, prompt }: ConnectFlow): Parameters<LoginOptions['provider']['authorizationUrl']>[0] {
  return { redirectUri, state, nonce, codeVerifier, scopes, refreshToken, ...loginHint !== undefined && { loginHint }, ...prompt !== undefined && { prompt } }
}
