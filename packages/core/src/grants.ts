import { ConsentryError, type ErrorCode } from './errors.ts'
import { unionScopes, type ConnectFlow, type FlowOutcome, type FlowWaiter } from './flow.ts'
import { outcomeError, type ClaimedFlow, type Flows } from './flows.ts'
import { accountSummary, createGrantHandle, type AccountSummary, type Grant } from './grant-handle.ts'
import { grantState, sameAccount, serves, type GrantState, type Requirement } from './grant-state.ts'
import { defaultProfile, type Account, type GrantKey, type Owner, type TokenSet } from './grant.ts'
import type { AuthorizationResponse, Clock, Provider, TokenStore, VersionedGrant } from './ports.ts'
import { createRefresh } from './refresh.ts'
import { grantRecord } from './token-set.ts'

export type { Grant } from './grant-handle.ts'

/** What `authorize()` may be told beside the provider. */
export interface AuthorizeOptions {
  /** The provider's default scopes unless given. */
  scopes?: readonly string[]
  /** Which of several grants at the same provider; `default` unless given. */
  profile?: string
  /** Only this account of the provider will do. */
  account?: Pick<Account, 'issuer' | 'subject'>
  /** How long to wait for the person, in milliseconds; at most, and unless given, the lifetime of a flow. */
  timeout?: number
  signal?: AbortSignal
}

export interface AuthenticateOptions {
  waiter: FlowWaiter
  timeout?: number
  signal?: AbortSignal
  /** The person is about to be asked, or is asked for more than before. The waiter is already registered. */
  onRequired?: (flow: ConnectFlow) => void
  onResolved?: (flow: ConnectFlow) => void
}

/** A user's grant, as far as it may be shown. Times are ISO 8601. */
export interface Connection {
  provider: string
  profile: string
  scopes: string[]
  account?: AccountSummary
  /** `ended`: the provider refuses to renew it, so the person has to consent again. */
  status: 'active' | 'ended'
  createdAt: string
  updatedAt: string
}

export interface Grants {
  /** The requirement that these options make, and the key of the grant that should meet it. */
  requirement (owner: Owner, provider: string, options?: AuthorizeOptions): { key: GrantKey, requirement: Requirement }
  /** Where the grant stands. Asks nobody. */
  check (key: GrantKey, requirement: Requirement): Promise<GrantState>
  /** Creates the flow that asks for what is missing, or joins the one that is pending. */
  prepare (key: GrantKey, requirement: Requirement, waiter?: FlowWaiter): Promise<ConnectFlow>
  /** The grant as it is, renewed if need be; `undefined` when the person has to be asked. */
  available (key: GrantKey, requirement: Requirement): Promise<Grant | undefined>
  /** The grant, for which the person is asked if need be. Rejects with the error of the outcome when there is none. */
  authenticate (key: GrantKey, requirement: Requirement, options: AuthenticateOptions): Promise<Grant>
  /** Turns the provider's answer into the outcome of a claimed flow. Never rejects: every failure is an outcome. */
  complete (flow: ClaimedFlow<ConnectFlow>, response: AuthorizationResponse): Promise<{ outcome: FlowOutcome, error?: ErrorCode }>
  list (owner: Owner): Promise<Connection[]>
  /** Forgets the grant, then ends it at the provider. `revoked` tells whether the provider confirmed; `undefined`: there was no grant. */
  disconnect (key: GrantKey): Promise<{ revoked: boolean } | undefined>
}

export interface GrantsOptions {
  providers: Readonly<Record<string, Provider>>
  tokens: TokenStore
  flows: Flows
  clock: Clock
  fetch: typeof globalThis.fetch
  /** How long before its expiry an access token is refreshed, in milliseconds. */
  refreshBuffer: number
  /** Hears about failures that nobody else is told of. */
  onError: (error: unknown, doing: string) => void
}

export function createGrants (options: GrantsOptions): Grants {
  const { providers, tokens, flows, clock, fetch, refreshBuffer, onError } = options
  const refresh = createRefresh({ tokens, clock, refreshBuffer, provider })

  function provider (name: string): Provider {
    if (!Object.hasOwn(providers, name)) throw new ConsentryError('CONSENTRY_ERR_PROVIDER_UNKNOWN')
    return providers[name] as Provider
  }

  function handle (key: GrantKey, grant: VersionedGrant): Grant {
    return createGrantHandle({ key, grant, clock, refresh, refreshBuffer, fetch })
  }

  async function look (key: GrantKey, requirement: Requirement, asked?: ConnectFlow): Promise<{ state: GrantState, grant: VersionedGrant | undefined }> {
    const grant = await tokens.load(key)
    const flow = asked ?? await flows.pending(key)
    return { grant, state: grantState({ grant: grant?.record, flow, requirement, now: clock.now(), refreshBuffer }) }
  }

  /** Resolves to `undefined` when the person has to be asked. */
  async function renewed (key: GrantKey, grant: VersionedGrant, requirement: Requirement): Promise<Grant | undefined> {
    try {
      const fresh = await refresh(key, grant)
      return serves(fresh.record, requirement) ? handle(key, fresh) : undefined
    } catch (error) {
      if (ConsentryError.is(error, 'CONSENTRY_ERR_REAUTH_REQUIRED')) return undefined
      throw error
    }
  }

  async function prepare (key: GrantKey, requirement: Requirement, waiter?: FlowWaiter): Promise<ConnectFlow> {
    const grant = await tokens.load(key)
    const account = requirement.account ?? grant?.record.account
    // What was granted before is asked for again, or stepping up for one scope would lose the others.
    const scopes = unionScopes(grant?.record.scopes ?? [], requirement.scopes)
    return flows.beginConnect({ key, scopes, ...(account !== undefined && { account }), ...(waiter !== undefined && { waiter }) })
  }

  async function ask (key: GrantKey, requirement: Requirement, { waiter, timeout, signal, onRequired, onResolved }: AuthenticateOptions): Promise<ConnectFlow> {
    const flow = await prepare(key, requirement, waiter)
    // The waiter listens before anybody is told, so that no answer is too fast for it.
    const waiting = flows.wait(flow, waiter.id, {
      ...(timeout !== undefined && { timeout }),
      ...(signal !== undefined && { signal }),
      ...(onRequired !== undefined && { onChange: onRequired })
    })
    onRequired?.(flow)
    const ended = await waiting
    onResolved?.(ended)
    return ended
  }

  async function authenticate (key: GrantKey, requirement: Requirement, options: AuthenticateOptions): Promise<Grant> {
    let asked: ConnectFlow | undefined
    for (;;) {
      const { state, grant } = await look(key, requirement, asked)
      if (state === 'skip_auth') return handle(key, grant as VersionedGrant)
      if (state === 'do_refresh') {
        const fresh = await renewed(key, grant as VersionedGrant, requirement)
        if (fresh !== undefined) return fresh
      }
      // Asked for all of it and given less: asking again would ask for ever.
      if (state === 'resolved') throw new ConsentryError('CONSENTRY_ERR_SCOPES_MISSING')
      asked = await ask(key, requirement, options)
      if (asked.outcome !== 'granted') throw outcomeError(asked.outcome ?? 'expired', asked.error)
      // The flow that was joined may have asked for less than is needed here.
      const { scopes } = asked
      if (!requirement.scopes.every((scope) => scopes.includes(scope))) asked = undefined
    }
  }

  /** Saves what the provider gave, unless it belongs to another account. Durable before anybody is told. */
  async function store (flow: ConnectFlow, tokenSet: TokenSet): Promise<FlowOutcome> {
    for (;;) {
      const before = await tokens.load(flow.key)
      const expected = flow.account ?? before?.record.account
      if (expected !== undefined && (tokenSet.account === undefined || !sameAccount(tokenSet.account, expected))) return 'account_mismatch'
      const record = grantRecord(tokenSet, { before: before?.record, requestedScopes: flow.scopes, now: clock.now() })
      if (await tokens.save(flow.key, record, before?.version) !== undefined) return 'granted'
    }
  }

  async function exchange (flow: ConnectFlow, response: AuthorizationResponse): Promise<FlowOutcome> {
    const from = provider(flow.provider)
    const tokenSet = await from.exchange(response, flow)
    const account = tokenSet.account ?? await from.userInfo(tokenSet)
    const outcome = await store(flow, account === undefined ? tokenSet : { ...tokenSet, account })
    if (outcome !== 'granted') await from.revoke(tokenSet).catch((error: unknown) => onError(error, 'revoking what is not kept'))
    return outcome
  }

  return {
    prepare,
    authenticate,

    requirement (owner, name, { scopes, profile = defaultProfile, account } = {}) {
      const wanted = scopes ?? provider(name).defaultScopes
      return {
        key: { tenant: owner.tenant, userId: owner.userId, provider: name, profile },
        requirement: { scopes: [...wanted], ...(account !== undefined && { account }) }
      }
    },

    async check (key, requirement) {
      return (await look(key, requirement)).state
    },

    async available (key, requirement) {
      const { state, grant } = await look(key, requirement)
      if (state === 'skip_auth') return handle(key, grant as VersionedGrant)
      return state === 'do_refresh' ? renewed(key, grant as VersionedGrant, requirement) : undefined
    },

    async complete (flow, response) {
      let ending: { outcome: FlowOutcome, error?: ErrorCode }
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
    },

    async list (owner) {
      const keys = await tokens.listKeys(owner)
      const connections = await Promise.all(keys.map(async (key) => {
        const grant = await tokens.load(key)
        return grant && connection(key, grant)
      }))
      return connections.filter((found) => found !== undefined)
    },

    async disconnect (key) {
      const grant = await tokens.load(key)
      if (grant === undefined) return undefined
      await tokens.delete(key)
      try {
        return { revoked: await provider(key.provider).revoke(grant.record) }
      } catch (error) {
        onError(error, 'revoking a grant')
        return { revoked: false }
      }
    }
  }
}

/** RFC 6749 section 4.1.2.1: only `access_denied` is the person's own answer. */
function refusal (error: string): { outcome: FlowOutcome, error?: ErrorCode } {
  if (error === 'access_denied') return { outcome: 'denied' }
  const passing = error === 'temporarily_unavailable' || error === 'server_error'
  return { outcome: 'provider_error', error: passing ? 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE' : 'CONSENTRY_ERR_PROVIDER_REFUSED' }
}

function connection (key: GrantKey, grant: VersionedGrant): Connection {
  const { record } = grant
  const account = accountSummary(grant)
  return {
    provider: key.provider,
    profile: key.profile,
    scopes: record.scopes,
    ...(account !== undefined && { account }),
    status: record.endedAt === undefined ? 'active' : 'ended',
    createdAt: new Date(record.createdAt).toISOString(),
    updatedAt: new Date(record.updatedAt).toISOString()
  }
}
