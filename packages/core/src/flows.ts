import { createDeadlines } from './deadlines.ts'
import { ConsentryError, type ErrorCode } from './errors.ts'
import { flowIdOf, sameSecret, settled, unionScopes, type ConnectFlow, type Flow, type FlowOutcome, type FlowWaiter, type LoginFlow } from './flow.ts'
import type { Account, GrantKey, Owner } from './grant.ts'
import { grantKeyId, sameOwner } from './keys.ts'
import type { Clock, RandomBytes, StateStore } from './ports.ts'
import { randomId } from './random.ts'
import { Waiter } from './waiter.ts'
import type { Wakeups } from './wakeups.ts'

export interface FlowsOptions {
  state: StateStore
  wakeups: Wakeups
  clock: Clock
  randomBytes: RandomBytes
  /** How long a person has to answer, in milliseconds: the one lifetime of record, state and cookie. */
  lifetime: number
  /** The redirect URI registered with a provider. */
  redirectUri: (provider: string) => string
}

/** What a login starts from. */
export interface LoginStart {
  provider: string
  scopes: readonly string[]
  returnTo: string
}

/** What a connect starts from. */
export interface ConnectStart {
  key: GrantKey
  scopes: readonly string[]
  account?: Pick<Account, 'issuer' | 'subject'>
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
/** A flow whose answer came from the right browser, person and redirect URI. Only `Flows.match` makes one. */
export type MatchedFlow<F extends Flow = Flow> = F & { readonly [matched]: true }
/** A flow whose answer is ours to use, once. Only `Flows.claim` makes one. */
export type ClaimedFlow<F extends Flow = Flow> = F & { readonly [claimed]: true }

export interface WaitOptions {
  /** At most this long, in milliseconds; otherwise until the flow expires. */
  timeout?: number
  signal?: AbortSignal
  /** The flow was widened while it was waited for. */
  onChange?: (flow: ConnectFlow) => void
}

/** Flows: begin, match, claim, settle, wait. */
export interface Flows {
  beginLogin (start: LoginStart): Promise<LoginFlow>
  /** Joins the pending flow of the key, or begins one. An unopened flow is widened to the union of the scopes. */
  beginConnect (start: ConnectStart): Promise<ConnectFlow>
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
  /** The right to use the answer, given to one caller; the others get `undefined`. Rejects with `CONSENTRY_ERR_FLOW_EXPIRED` when the time is over. */
  claim<F extends Flow> (flow: MatchedFlow<F>): Promise<ClaimedFlow<F> | undefined>
  settle (flow: ClaimedFlow, outcome: FlowOutcome, error?: ErrorCode): Promise<void>
  /** Ends a flow nobody has claimed. `false` when somebody has. */
  withdraw (id: string, outcome: 'denied' | 'cancelled' | 'expired' | 'superseded'): Promise<boolean>
  /** Waits for the end of a flow that another caller claimed. */
  ended<F extends Flow> (flow: F): Promise<F>
  /** Waits for the outcome as the waiter with this id; resolves to the flow as it ended for that waiter. */
  wait (flow: ConnectFlow, waiterId: string, options?: WaitOptions): Promise<ConnectFlow>
  close (): void
}

/** How long a settled flow is remembered, so that a late visitor gets a clear page; milliseconds. */
const remembered = 10 * 60_000
/** How long a second callback waits for the first one's exchange, in milliseconds. */
const claimGrace = 30_000

const flowKey = (id: string): string => `flow:${id}`
const pendingKey = (key: GrantKey): string => `pending:${grantKeyId(key)}`

export function createFlows (options: FlowsOptions): Flows {
  const { state, wakeups, clock, randomBytes, lifetime, redirectUri } = options
  const deadlines = createDeadlines(clock)
  const storeFor = (flow: Flow): number => Math.max(flow.expiresAt - clock.now(), 0) + remembered

  function secrets (provider: string): Pick<Flow, 'v' | 'id' | 'status' | 'provider' | 'redirectUri' | 'state' | 'binding' | 'nonce' | 'codeVerifier' | 'opened' | 'createdAt' | 'expiresAt'> {
    const id = randomId(16, randomBytes)
    const now = clock.now()
    return {
      v: 1,
      id,
      status: 'pending',
      provider,
      redirectUri: redirectUri(provider),
      state: `${id}.${randomId(32, randomBytes)}`,
      binding: randomId(32, randomBytes),
      nonce: randomId(32, randomBytes),
      codeVerifier: randomId(32, randomBytes),
      opened: false,
      createdAt: now,
      expiresAt: now + lifetime
    }
  }

  async function find (id: string): Promise<Flow | undefined> {
    const json = await state.get(flowKey(id))
    return json === undefined ? undefined : JSON.parse(json) as Flow
  }

  /** Applies `change` to the stored flow until nobody else changed it in between; `undefined` from it leaves it as it is. */
  async function update<F extends Flow> (id: string, change: (flow: F) => F | undefined): Promise<F | undefined> {
    for (;;) {
      const json = await state.get(flowKey(id))
      if (json === undefined) return undefined
      const flow = JSON.parse(json) as F
      const changed = change(flow)
      if (changed === undefined) return undefined
      if (await state.compareAndSet(flowKey(id), json, JSON.stringify(changed), storeFor(changed))) return changed
    }
  }

  /** Ends the flow if `when` still holds. Durable first, then the hint. */
  async function end (id: string, when: Flow['status'], outcome: FlowOutcome, error?: ErrorCode): Promise<boolean> {
    const flow = await update<Flow>(id, (flow) => flow.status === when ? settled(flow, outcome, error) : undefined)
    if (flow === undefined) return false
    if (flow.purpose === 'connect') await state.compareAndSet(pendingKey(flow.key), flow.id, undefined, 0)
    wakeups.wake(`flow:${id}`)
    return true
  }

  async function pending (key: GrantKey): Promise<ConnectFlow | undefined> {
    const id = await state.get(pendingKey(key))
    const flow = id === undefined ? undefined : await find(id) as ConnectFlow | undefined
    return flow !== undefined && flow.status !== 'settled' && flow.expiresAt > clock.now() ? flow : undefined
  }

  /** Joins the pending flow; `undefined` when it ended meanwhile. */
  async function join (id: string, start: ConnectStart): Promise<ConnectFlow | undefined> {
    let widened = false
    const joined = await update<ConnectFlow>(id, (flow) => {
      if (flow.status === 'settled' || flow.expiresAt <= clock.now()) return undefined
      const scopes = flow.opened ? flow.scopes : unionScopes(flow.scopes, start.scopes)
      widened = scopes.length > flow.scopes.length
      const waiters = start.waiter === undefined ? flow.waiters : [...flow.waiters, start.waiter]
      return { ...flow, scopes, waiters, standing: flow.standing || start.waiter === undefined }
    })
    if (widened) wakeups.wake(`flow:${id}`)
    return joined
  }

  async function beginConnect (start: ConnectStart): Promise<ConnectFlow> {
    const { key, account, waiter } = start
    for (;;) {
      const current = await state.get(pendingKey(key))
      const joined = current === undefined ? undefined : await join(current, start)
      if (joined !== undefined) return joined
      const flow: ConnectFlow = {
        ...secrets(key.provider),
        purpose: 'connect',
        key,
        scopes: [...start.scopes],
        waiters: waiter === undefined ? [] : [waiter],
        standing: waiter === undefined,
        ...(account !== undefined && { account: { issuer: account.issuer, subject: account.subject } })
      }
      await state.set(flowKey(flow.id), JSON.stringify(flow), storeFor(flow))
      if (await state.compareAndSet(pendingKey(key), current, flow.id, lifetime)) return flow
      await state.take(flowKey(flow.id))
    }
  }

  /** What a waiter that stops waiting leaves behind: without anyone left, nobody needs the answer. */
  async function leave (id: string, waiterId: string, outcome: 'cancelled' | 'expired'): Promise<void> {
    const left = await update<ConnectFlow>(id, (flow) => {
      if (flow.status !== 'pending') return undefined
      return { ...flow, waiters: flow.waiters.filter((waiter) => waiter.id !== waiterId) }
    })
    if (left !== undefined && left.waiters.length === 0 && !left.standing) await end(id, 'pending', outcome)
  }

  function wait (flow: ConnectFlow, waiterId: string, { timeout, signal, onChange }: WaitOptions = {}): Promise<ConnectFlow> {
    return new Waiter<ConnectFlow>(flow, {
      clock,
      deadlines,
      wakeups,
      read: async () => await find(flow.id) as ConnectFlow | undefined,
      timeout: Math.min(timeout ?? Infinity, flow.expiresAt - clock.now()),
      signal,
      onChange,
      leave: (outcome) => leave(flow.id, waiterId, outcome)
    }).ended
  }

  return {
    find,
    pending,
    beginConnect,
    wait,

    async beginLogin ({ provider, scopes, returnTo }) {
      const flow: LoginFlow = { ...secrets(provider), purpose: 'login', scopes: [...scopes], returnTo }
      await state.set(flowKey(flow.id), JSON.stringify(flow), storeFor(flow))
      return flow
    },

    async open (flow) {
      const opened = await update<typeof flow>(flow.id, (current) => {
        assertUnderWay(current, clock.now())
        return current.opened ? current : { ...current, opened: true }
      })
      if (opened === undefined) throw new ConsentryError('CONSENTRY_ERR_FLOW_NOT_FOUND')
      return opened
    },

    async match ({ state, provider, binding, owner }) {
      const id = flowIdOf(state)
      const flow = id === undefined ? undefined : await find(id)
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

    async claim (flow) {
      const won = await update<typeof flow>(flow.id, (current) => {
        if (current.status !== 'pending') return undefined
        assertUnderWay(current, clock.now())
        return { ...current, status: 'claimed' }
      })
      return won as ClaimedFlow<typeof flow> | undefined
    },

    async settle (flow, outcome, error) {
      await end(flow.id, 'claimed', outcome, error)
    },

    async withdraw (id, outcome) {
      return end(id, 'pending', outcome)
    },

    async ended (flow) {
      return new Waiter<typeof flow>(flow, {
        clock,
        deadlines,
        wakeups,
        read: async () => await find(flow.id) as typeof flow | undefined,
        timeout: claimGrace
      }).ended
    },

    close () {
      deadlines.close()
    }
  }
}

/** The error that tells how a flow ended, to those who needed a grant of it. */
export function outcomeError (outcome: FlowOutcome, error?: ErrorCode): ConsentryError {
  return new ConsentryError(error ?? outcomeCodes[outcome])
}

const outcomeCodes: Record<FlowOutcome, ErrorCode> = {
  granted: 'CONSENTRY_ERR_FLOW_NOT_FOUND',
  denied: 'CONSENTRY_ERR_CONSENT_DENIED',
  cancelled: 'CONSENTRY_ERR_FLOW_CANCELLED',
  expired: 'CONSENTRY_ERR_FLOW_EXPIRED',
  superseded: 'CONSENTRY_ERR_FLOW_SUPERSEDED',
  account_mismatch: 'CONSENTRY_ERR_ACCOUNT_MISMATCH',
  provider_error: 'CONSENTRY_ERR_PROVIDER_REFUSED'
}

function assertUnderWay (flow: Flow, now: number): void {
  if (flow.outcome !== undefined) throw outcomeError(flow.outcome, flow.error)
  if (flow.expiresAt <= now) throw outcomeError('expired')
}
