import type { Audit } from './audit.ts'
import { durably } from './durable.ts'
import { ConsentryError, type ErrorCode } from './errors.ts'
import { outcomeError, type ConnectFlow, type FlowOutcome, type RelayFlow } from './flow.ts'
import type { ClaimedFlow, Flows } from './flows.ts'
import type { GiveBack } from './give-back.ts'
import { accountId, sameAccount, type Account, type Owner, type TokenSet } from './grant.ts'
import type { Clock, TokenStore, VersionedGrant } from './ports.ts'
import type { AuthorizationResponse, Provider } from './provider.ts'
import { grantRecord } from './token-set.ts'

export interface CompletionOptions {
  tokens: TokenStore
  flows: Flows
  clock: Clock
  provider: (name: string) => Provider
  audit: Audit
  giveBack: GiveBack
  onError: (error: unknown, doing: string) => void
}

/** How a flow ended, and why when the outcome is `provider_error`. */
export interface Ending {
  outcome: FlowOutcome
  error?: ErrorCode
}

/** With what was stored for it. */
interface Completed extends Ending {
  stored?: VersionedGrant
}

/** From a person's answer to the end of a flow. */
export interface Completion {
  /**
   * Turns the provider's answer, which may have come by a relay, into the outcome of a claimed flow. Never rejects: every
   * failure is an outcome.
   */
  complete (flow: ClaimedFlow<ConnectFlow>, response: AuthorizationResponse, relay?: RelayFlow): Promise<Ending>
  /** The same for tokens that came without a redirect, as after a device authorization (RFC 8628). Never rejects. */
  completeWith (flow: ClaimedFlow<ConnectFlow>, tokens: TokenSet): Promise<Ending>
  /**
   * Turns what the owner typed on our own page into the outcome of their flow. Rejects without using the flow up with
   * `CONSENTRY_ERR_SECRET_REFUSED`, `CONSENTRY_ERR_PROVIDER_UNAVAILABLE`, `CONSENTRY_ERR_FLOW_NOT_FOUND` and with how the
   * flow ended, if it has.
   */
  submit (flowId: string, owner: Owner, values: Readonly<Record<string, string>>): Promise<Ending>
}

export function createCompletion ({ tokens, flows, clock, provider, audit, giveBack, onError }: CompletionOptions): Completion {
  /** Saves what the provider gave, unless it belongs to another account or nobody wants it any more. Durable before anybody is told. */
  async function store (flow: ConnectFlow, tokenSet: TokenSet): Promise<Completed> {
    const before = await tokens.load(flow.key)
    for (const expected of [flow.account, before?.record.account]) {
      if (expected !== undefined && (tokenSet.account === undefined || !sameAccount(tokenSet.account, expected))) return { outcome: 'account_mismatch' }
    }
    if (await isRevoked(flow)) return { outcome: 'cancelled' }
    const record = { ...grantRecord(tokenSet, { before: before?.record, requestedScopes: flow.scopes, now: clock.now() }), answeredAt: clock.now() }
    const version = await tokens.save(flow.key, record, before?.version)
    if (version === undefined) return store(flow, tokenSet)
    const { account, scopes } = record
    audit(flow.key, { type: 'granted', scopes, flowId: flow.id, ...(account !== undefined && { account: accountId(account) }) })
    return { outcome: 'granted', stored: { record, version } }
  }

  /** A claimed flow that is cancelled was of a grant that has been disconnected. */
  async function isRevoked (flow: ConnectFlow): Promise<boolean> {
    return (await flows.find(flow.id))?.outcome === 'cancelled'
  }

  /** The grant was disconnected while its save was under way, perhaps before. It must not come back. */
  async function takeBack (flow: ConnectFlow, { record, version }: VersionedGrant): Promise<void> {
    if (await durably(clock, () => tokens.delete(flow.key, version))) await giveBack(flow.key, record)
  }

  async function keep (from: Provider, flow: ConnectFlow, tokenSet: TokenSet): Promise<Completed> {
    const { account = tokenSet.account, failure } = await askAccount(from, tokenSet)
    // An answer about somebody else than the ID token's may mean that the access token is somebody else's too.
    const contradicts = tokenSet.account !== undefined && ConsentryError.is(failure?.error, 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID')
    const completed: Completed = contradicts ? { outcome: 'provider_error' } : await durably(clock, () => store(flow, account === undefined ? tokenSet : { ...tokenSet, account }))
    if (completed.outcome === 'granted') return completed
    // Where one revocation ends all of an account, it may be somebody's who has nothing to do with this.
    if (from.revokesAll !== true || completed.outcome === 'cancelled') await giveBack(flow.key, { ...tokenSet, ...(account !== undefined && { account }) })
    if (failure !== undefined && (contradicts || account === undefined)) throw failure.error
    return completed
  }

  /** What there is to tell of the account is worth a question, but no consent: the code is spent. */
  async function askAccount (from: Provider, tokenSet: TokenSet): Promise<{ account?: Account, failure?: { error: unknown } }> {
    const ask = async (): Promise<Account | undefined> => from.userInfo(tokenSet)
    try {
      const account = tokenSet.account === undefined ? await durably(clock, ask, isPassing) : await ask()
      return account === undefined ? {} : { account }
    } catch (error) {
      onError(error, 'asking for the account')
      return { failure: { error } }
    }
  }

  async function exchange (flow: ConnectFlow, response: AuthorizationResponse, asked: ConnectFlow | RelayFlow): Promise<Completed> {
    const from = provider(flow.provider)
    if (from.kind !== 'redirect') throw new ConsentryError('CONSENTRY_ERR_RESPONSE_INVALID')
    return keep(from, flow, await from.exchange(response, asked))
  }

  /** Never rejects: every failure is an outcome. */
  async function end (flow: ClaimedFlow<ConnectFlow>, work: () => Promise<Completed>): Promise<Ending> {
    const { stored, ...ending } = await work().catch((error: unknown): Completed => {
      onError(error, 'completing a flow')
      return { outcome: 'provider_error', error: ConsentryError.is(error) ? error.code : 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE' }
    })
    try {
      const settled = await flows.settle(flow, ending.outcome, ending.error)
      if (settled || stored === undefined || !await isRevoked(flow)) return ending
      await takeBack(flow, stored)
      return { outcome: 'cancelled' }
    } catch (error) {
      // The grant is safe; waiters read it when the flow's time is over.
      onError(error, 'settling a flow')
    }
    return ending
  }

  return {
    complete (flow, response, relay) {
      return end(flow, async () => response.type === 'code' ? exchange(flow, response, relay ?? flow) : refusal(response.error))
    },

    completeWith (flow, tokenSet) {
      return end(flow, async () => keep(provider(flow.provider), flow, tokenSet))
    },

    async submit (flowId, owner, values) {
      const flow = await flows.matchOwn(flowId, owner)
      const from = provider(flow.provider)
      if (from.kind !== 'form') throw new ConsentryError('CONSENTRY_ERR_FLOW_NOT_FOUND')
      if (flow.outcome !== undefined) throw outcomeError(flow.outcome, flow.error)
      // Before the flow is claimed, so that a slip of the finger can be mended.
      const tokenSet = await from.submit(values, flow)
      const claimed = await flows.claim(flow)
      if (claimed === undefined) {
        const { outcome = 'expired', error } = await flows.ended(flow)
        return { outcome, ...(error !== undefined && { error }) }
      }
      return end(claimed, async () => keep(from, claimed, tokenSet))
    }
  }
}

const isPassing = (error: unknown): boolean => ConsentryError.is(error, 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE')

/** RFC 6749 section 4.1.2.1: only `access_denied` is the person's own answer. */
function refusal (error: string): Ending {
  if (error === 'access_denied') return { outcome: 'denied' }
  const passing = error === 'temporarily_unavailable' || error === 'server_error'
  return { outcome: 'provider_error', error: passing ? 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE' : 'CONSENTRY_ERR_PROVIDER_REFUSED' }
}
