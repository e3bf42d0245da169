import { ConsentryError, type DeviceAnswer, type DeviceAuthorization, type MatchedFlow } from '@consentry/core'
import { pause } from './pause.ts'
import type { Asking, Way } from './ways.ts'

/** RFC 8628 section 3.5: added by `slow_down`; seconds. */
const slowdown = 5
/** The longest pause while the provider does not answer, in seconds. */
const longestPause = 60

/** Any device with a browser, and a code that the person types there (RFC 8628), where the provider has that. */
export const askOnDevice: Way = async (asking) => {
  const { provider, attempt, settings, within, tell } = asking
  const begun = await provider.deviceAuthorization?.({ scopes: attempt.flow.scopes })
  if (begun === undefined) return 'The provider asks on no other device.'
  const { verificationUri, verificationUriComplete, userCode, expiresIn } = begun
  within(Math.min(settings.timeout ?? Infinity, expiresIn * 1000))
  tell({ state: 'pending', ask: { method: 'device', verificationUri, userCode, expiresIn, ...verificationUriComplete !== undefined && { verificationUriComplete } } })
  poll(asking, begun).catch((error: unknown) => asking.local.onError(error, 'taking an answer'))
  return undefined
}

async function poll (asking: Asking, begun: DeviceAuthorization): Promise<void> {
  const { attempt, local } = asking
  const matched = await local.flows.matchOwn(attempt.flow.id, local.owner)
  let interval = Math.max(begun.interval, 1)
  for (;;) {
    await pause(interval * 1000, local.clock, attempt.over)
    if (attempt.over.aborted) return
    try {
      const answer = await begun.poll()
      if (answer.status !== 'pending') return await take(asking, matched, answer)
      if (answer.slower) interval += slowdown
    } catch (error) {
      const code = ConsentryError.is(error) ? error.code : 'CONSENTRY_ERR_INTERNAL'
      local.onError(error, 'asking whether the person has answered')
      // An outage is no answer.
      if (code !== 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE') return attempt.withdraw({ outcome: 'provider_error', error: code })
      interval = Math.max(interval, Math.min(interval * 2, longestPause))
    }
  }
}

async function take ({ attempt, local, provider }: Asking, matched: MatchedFlow, answer: Exclude<DeviceAnswer, { status: 'pending' }>): Promise<void> {
  if (answer.status !== 'granted') return attempt.withdraw({ outcome: answer.status })
  const { tokens } = answer
  const first = await attempt.complete(matched, (claimed) => local.grants.completeWith(claimed, tokens)).catch(() => false)
  // The login ended while the answer was under way: nothing of it stays (B15).
  if (!first) await provider.revoke(tokens).catch((error: unknown) => local.onError(error, 'revoking what is not kept'))
}
