import { createDeadlines } from './deadlines.ts'
import { ConsentryError, type ErrorCode } from './errors.ts'
import { claimGrace, flowIdOf, sameSecret, outcomeError, settled, type ConnectFlow, type Flow, type FlowEnd, type FlowOutcome, type FlowWaiter, type LoginFlow, type RelayFlow } from './flow.ts'
import { createFlowRecords } from './flow-records.ts'
import type { Account, GrantKey, Owner } from './grant.ts'
import { sameOwner } from './keys.ts'
import { createParking, type Parking } from './parking.ts'
import type { Clock, RandomBytes, StateStore } from './ports.ts'
import { randomId } from './random.ts'
import type { AbortLike } from './stop.ts'
import { Waiter } from './waiter.ts'
import type { Wakeups } from './wakeups.ts'

/** What flows stand on. */
export interface FlowsOptions {
  state: StateStore
  wakeups: Wakeups
  clock: Clock
  randomBytes: RandomBytes
  /** How long a person has to answer, in milliseconds: the one lifetime of record, state and cookie. */
  lifetime: number
  /** The redirect URI registered with a provider. */
  redirectUri: (provider: string) => string
  /** Hears of every connect flow that began or ended here, once each. */
  onConnect?: (flow: ConnectFlow) => void
}

/** What a login starts from. */
export interface LoginStart extends Pick<LoginFlow, 'provider' | 'returnTo' | 'userId' | 'maxAge' | 'acrValues'> {
  scopes: readonly string[]
}

/** What a connect starts from. */
export interface ConnectStart {
  key: GrantKey
  scopes: readonly string[]
  account?: Pick<Account, 'issuer' | 'subject'>
  refreshToken?: ConnectFlow['refreshToken']
  loginHint?: string
  prompt?: string
  byHandle?: boolean
  /** Absent when nobody waits. */
  waiter?: FlowWaiter
}

/** What a browser brings to the callback. */
export interface CallbackEvidence {
  state: string
  /** The provider whose redirect URI was called. */
  provider: string
  /** The binding cookie of the flow with this id, if the browser has it. */
  binding: (flowId: string) => string | undefined
  /** Who is signed in. */
  owner: Owner | undefined
}

declare const matched: unique symbol
declare const claimed: unique symbol
/** A flow whose answer came from the right browser and redirect URI, and if it is a connect flow from the right person. Only `Flows.match` makes one. */
export type MatchedFlow<F extends Flow = Flow> = F & { readonly [matched]: true }
/** A flow whose answer is ours to use, once. Only `Flows.claim` makes one. */
export type ClaimedFlow<F extends Flow = Flow> = F & { readonly [claimed]: true }

/** How long a waiter waits, and what it hears. */
export interface WaitOptions {
  /** At most this long, in milliseconds; otherwise until the flow expires. */
  timeout?: number
  signal?: AbortLike
  /** Hears of a flow that was widened while it was waited for. */
  onRequired?: (flow: ConnectFlow) => void
}

/** Flows: begin, match, claim, settle, wait. */
export interface Flows extends Parking {
  /** Begins a flow that signs somebody in, whose browser is about to be sent to the provider: it is open already. */
  beginLogin (start: LoginStart): Promise<LoginFlow>
  /** Joins the pending flow of the key, or begins one. An unopened flow is widened to the union of the scopes. */
  beginConnect (start: ConnectStart): Promise<ConnectFlow>
  /** The way of one browser to answer an opened flow of someone who is not signed in there. */
  beginRelay (flow: ConnectFlow): Promise<RelayFlow>
  /** The flow with this id, unless it is long over. */
  find (id: string): Promise<Flow | undefined>
  /** The flow that is pending for this key. */
  pending (key: GrantKey): Promise<ConnectFlow | undefined>
  /** Fixes the scopes: a browser is about to be sent to the provider. Rejects with the error of `outcomeError` when the flow is over. */
  open<F extends Flow> (flow: F): Promise<F>
  /**
   * Checks what came to the callback without using the flow up: `CONSENTRY_ERR_STATE_MISMATCH`,
   * `CONSENTRY_ERR_BINDING_MISMATCH`, `CONSENTRY_ERR_OWNER_MISMATCH`, `CONSENTRY_ERR_AUTHENTICATION_REQUIRED`.
   */
  match (evidence: CallbackEvidence): Promise<MatchedFlow>
  /**
   * The flow of the owner who answers on a page of ours, which is bound to their session. `CONSENTRY_ERR_FLOW_NOT_FOUND`
   * for another's too.
   */
  matchOwn (id: string, owner: Owner): Promise<MatchedFlow<ConnectFlow>>
  /** The right to use the answer, given to one caller; the others get `undefined`. Rejects with `CONSENTRY_ERR_FLOW_EXPIRED` when the time is over. */
  claim<F extends Flow> (flow: MatchedFlow<F>): Promise<ClaimedFlow<F> | undefined>
  /** Ends a claimed flow, with its outcome. `false` when it has ended already. */
  settle (flow: ClaimedFlow, outcome: FlowOutcome, error?: ErrorCode): Promise<boolean>
  /** Ends a flow nobody has claimed. `false` when somebody has. */
  withdraw (id: string, outcome: 'denied' | 'cancelled' | 'expired' | 'superseded'): Promise<boolean>
  /** Ends a flow as `cancelled`, claimed or not: whoever claimed it gives back what it brings. */
  revoke (id: string): Promise<boolean>
  /** Waits for the end of a flow that another caller claimed. */
  ended<F extends Flow> (flow: F): Promise<F>
  /** Waits for the outcome as the waiter with this id. */
  wait (flow: ConnectFlow, waiterId: string, options?: WaitOptions): Promise<FlowEnd>
  /** Stops the timers of those who wait here. */
  close (): void
}

/** Flows in a shared store; those that are waited for here end in time. */
export function createFlows (options: FlowsOptions): Flows {
  const { wakeups, clock, onConnect } = options
  const deadlines = createDeadlines(clock)
  const records = createFlowRecords({ ...options, onEnded: (flow) => { if (flow.purpose === 'connect') onConnect?.(flow) } })
  const ports = { clock, deadlines, wakeups, records }

  return {
    ...createParking(options),
    find: (id) => records.find(id),
    pending: (key) => records.pending(key),

    async beginLogin ({ provider, scopes, ...start }) {
      const flow: LoginFlow = { ...newFlow(provider, scopes, options), ...start, purpose: 'login', opened: true }
      await records.add(flow)
      return flow
    },

    async beginConnect ({ key, scopes, account, refreshToken = 'wanted', loginHint, prompt, byHandle = false, waiter }) {
      const begun: ConnectFlow = {
        ...newFlow(key.provider, scopes, options),
        purpose: 'connect',
        key,
        waiters: waiter === undefined ? [] : [waiter],
        standing: waiter === undefined,
        byHandle,
        refreshToken,
        ...(loginHint !== undefined && { loginHint }),
        ...(prompt !== undefined && { prompt }),
        ...(account !== undefined && { account: { issuer: account.issuer, subject: account.subject } })
      }
      const flow = await records.joinOrAdd(begun)
      if (flow === begun) onConnect?.(flow)
      return flow
    },

    async open (flow) {
      const opened = await records.update<typeof flow>(flow, (current) => {
        assertUnderWay(current, clock.now())
        return current.opened ? current : { ...current, opened: true }
      })
      if (opened === undefined) throw new ConsentryError('CONSENTRY_ERR_FLOW_NOT_FOUND')
      return opened
    },

    async beginRelay ({ id: flowId, provider, scopes, expiresAt, refreshToken, prompt }) {
      // Not the login hint, which is the owner's.
      const relay: RelayFlow = { ...newFlow(provider, scopes, options), purpose: 'relay', flowId, expiresAt, refreshToken, ...(prompt !== undefined && { prompt }) }
      await records.add(relay)
      return relay
    },

    async match ({ state, provider, binding, owner }) {
      const id = flowIdOf(state)
      const flow = id === undefined ? undefined : await records.find(id)
      if (flow === undefined || !sameSecret(flow.state, state) || flow.provider !== provider) {
        throw new ConsentryError('CONSENTRY_ERR_STATE_MISMATCH')
      }
      const presented = binding(flow.id)
      if (presented === undefined || !sameSecret(flow.binding, presented)) {
        throw new ConsentryError('CONSENTRY_ERR_BINDING_MISMATCH')
      }
      if (flow.purpose === 'connect') {
        if (owner === undefined) throw new ConsentryError('CONSENTRY_ERR_AUTHENTICATION_REQUIRED')
        if (!sameOwner(flow.key, owner)) throw new ConsentryError('CONSENTRY_ERR_OWNER_MISMATCH')
      }
      return flow as MatchedFlow
    },

    async matchOwn (id, owner) {
      const flow = await records.find(id)
      if (flow?.purpose !== 'connect' || !sameOwner(flow.key, owner)) throw new ConsentryError('CONSENTRY_ERR_FLOW_NOT_FOUND')
      return flow as MatchedFlow<ConnectFlow>
    },

    async claim (flow) {
      const won = await records.claim<typeof flow>(flow, (current) => {
        if (current.status !== 'pending') return undefined
        assertUnderWay(current, clock.now())
        return { ...current, status: 'claimed', claimedAt: clock.now() }
      })
      return won as ClaimedFlow<typeof flow> | undefined
    },

    async settle (flow, outcome, error) {
      return records.end(flow, 'claimed', outcome, error)
    },

    async withdraw (id, outcome) {
      return records.end(id, 'pending', outcome)
    },

    async revoke (id) {
      return await records.end(id, 'pending', 'cancelled') || records.end(id, 'claimed', 'cancelled')
    },

    async ended (flow) {
      const { outcome } = await new Waiter(flow, { timeout: claimGrace }, ports).ended
      const last = await records.find(flow.id) as typeof flow | undefined
      return last?.status === 'settled' ? last : settled(flow, outcome)
    },

    wait (flow, waiterId, options = {}) {
      const left = flow.expiresAt - clock.now()
      return new Waiter(flow, { id: waiterId, timeout: Math.min(options.timeout ?? Infinity, left), caller: options }, ports).ended
    },

    close () {
      deadlines.close()
    }
  }
}

function assertUnderWay (flow: Flow, now: number): void {
  if (flow.outcome !== undefined) throw outcomeError(flow.outcome, flow.error)
  if (flow.expiresAt <= now) throw outcomeError('expired')
}

/** What every flow begins with, whatever its purpose. */
function newFlow (provider: string, scopes: readonly string[], { clock, randomBytes, lifetime, redirectUri }: FlowsOptions): Omit<LoginFlow, 'purpose' | 'returnTo' | 'userId' | 'maxAge' | 'acrValues'> {
  const id = randomId(16, randomBytes)
  const now = clock.now()
  return {
    v: 1,
    id,
    status: 'pending',
    provider,
    redirectUri: redirectUri(provider),
    scopes: [...scopes],
    state: `${id}.${randomId(32, randomBytes)}`,
    binding: randomId(32, randomBytes),
    nonce: randomId(32, randomBytes),
    codeVerifier: randomId(32, randomBytes),
    opened: false,
    createdAt: now,
    expiresAt: now + lifetime
  }
}
