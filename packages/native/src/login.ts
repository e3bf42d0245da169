import { outcomeError, type Grant } from '@consentry/core'
import { ask } from './ask.ts'
import { endOf, type LoginEvent } from './events.ts'
import { createLocal } from './local.ts'
import { readOptions, type LoginOptions } from './options.ts'

/**
 * Signs the person at this machine in, unless they are: asks them in the first way of `methods` that works here, and
 * stores the grant. What they left out is in its `missingScopes`.
 *
 * Rejects with
 * - `CONSENTRY_ERR_CONSENT_DENIED` and `CONSENTRY_ERR_FLOW_CANCELLED`: they declined; `signal`, or they gave up
 * - `CONSENTRY_ERR_FLOW_EXPIRED`: the time is over
 * - `CONSENTRY_ERR_ACCOUNT_MISMATCH`: they used another account than the stored grant's; `logout()` first
 * - `CONSENTRY_ERR_NO_LOGIN_METHOD`: none of `methods` works here; its `cause` says why
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
