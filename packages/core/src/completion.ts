import { durably } from './durable.ts'
import { ConsentryError, type ErrorCode } from './errors.ts'
import type { ConnectFlow, FlowOutcome } from './flow.ts'
import type { ClaimedFlow, Flows } from './flows.ts'
import { sameAccount } from './grant-state.ts'
import type { TokenSet } from './grant.ts'
import type { Clock, TokenStore } from './ports.ts'
import type { AuthorizationResponse, Provider } from './provider.ts'
import { grantRecord } from './token-set.ts'

export interface CompletionOptions {
  tokens: TokenStore
  flows: Flows
  clock: Clock
  provider: (name: string) => Provider
  onError: (error: unknown, doing: string) => void
}

/** How a flow ended, and why when the outcome is `provider_error`. */
export interface Ending {
  outcome: FlowOutcome
  error?: ErrorCode
}

/** Turns the provider's answer into the outcome of a claimed flow. Never rejects: every failure is an outcome. */
export type Complete = (flow: ClaimedFlow<ConnectFlow>, response: AuthorizationResponse) => Promise<Ending>

export function createCompletion ({ tokens, flows, clock, provider, onError }: CompletionOptions): Complete {
  /** Saves what the provider gave, unless it belongs to another account. Durable before anybody is told. */
  async function store (flow: ConnectFlow, tokenSet: TokenSet): Promise<FlowOutcome> {
    const before = await tokens.load(flow.key)
    for (const expected of [flow.account, before?.record.account]) {
      if (expected !== undefined && (tokenSet.account === undefined || !sameAccount(tokenSet.account, expected))) return 'account_mismatch'
    }
    const record = grantRecord(tokenSet, { before: before?.record, requestedScopes: flow.scopes, now: clock.now() })
    const version = await tokens.save(flow.key, record, before?.version)
    return version === undefined ? store(flow, tokenSet) : 'granted'
  }

  async function exchange (flow: ConnectFlow, response: AuthorizationResponse): Promise<FlowOutcome> {
    const from = provider(flow.provider)
    if (from.kind !== 'redirect') throw new ConsentryError('CONSENTRY_ERR_RESPONSE_INVALID')
    const tokenSet = await from.exchange(response, flow)
    const account = tokenSet.account ?? await from.userInfo(tokenSet)
    const outcome = await durably(clock, () => store(flow, account === undefined ? tokenSet : { ...tokenSet, account }))
    if (outcome !== 'granted') await from.revoke(tokenSet).catch((error: unknown) => onError(error, 'revoking what is not kept'))
    return outcome
  }

  return async (flow, response) => {
    let ending: Ending
    try {
      ending = response.type === 'code' ? { outcome: await exchange(flow, response) } : refusal(response.error)
    } catch (error) {
      onError(error, 'exchanging the code')
      ending = { outcome: 'provider_error', error: ConsentryError.is(error) ? error.code : 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE' }
    }
    try {
      await flows.settle(flow, ending.outcome, ending.error)
    } catch (error) {
      // The grant is safe; waiters read it when the flow's time is over.
      onError(error, 'settling a flow')
    }
    return ending
  }
}

/** RFC 6749 section 4.1.2.1: only `access_denied` is the person's own answer. */
function refusal (error: string): Ending {
  if (error === 'access_denied') return { outcome: 'denied' }
  const passing = error === 'temporarily_unavailable' || error === 'server_error'
  return { outcome: 'provider_error', error: passing ? 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE' : 'CONSENTRY_ERR_PROVIDER_REFUSED' }
}
