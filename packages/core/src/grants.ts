import { createCompletion, type Complete } from './completion.ts'
import { connection, type Connection } from './connection.ts'
import { ConsentryError, type ErrorCode } from './errors.ts'
import { outcomeError, unionScopes, type ConnectFlow, type FlowEnd, type FlowWaiter } from './flow.ts'
import type { Flows } from './flows.ts'
import { createGrantHandle, type Grant } from './grant-handle.ts'
import { grantState, missingScopes, sameAccount, serves, type GrantState, type Requirement } from './grant-state.ts'
import { defaultProfile, type Account, type GrantKey, type GrantRecord, type Owner } from './grant.ts'
import type { Clock, TokenStore, VersionedGrant } from './ports.ts'
import type { Provider } from './provider.ts'
import { createRefresh } from './refresh.ts'
import type { AbortLike } from './stop.ts'

export type { Connection } from './connection.ts'
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
  signal?: AbortLike
  /** The person is about to be asked, or is asked for more than before. The waiter is already registered. */
  onRequired?: (flow: ConnectFlow) => void
  onResolved?: (end: FlowEnd) => void
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
  readonly complete: Complete
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

  function stateOf (grant: VersionedGrant | undefined, flow: ConnectFlow | FlowEnd | undefined, requirement: Requirement): GrantState {
    return grantState({ grant: grant?.record, flow, requirement, now: clock.now(), refreshBuffer })
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

  async function available (key: GrantKey, requirement: Requirement): Promise<Grant | undefined> {
    const grant = await tokens.load(key)
    const state = stateOf(grant, undefined, requirement)
    if (state === 'skip_auth') return handle(key, grant as VersionedGrant)
    return state === 'do_refresh' ? renewed(key, grant as VersionedGrant, requirement) : undefined
  }

  async function begin (key: GrantKey, requirement: Requirement, grant: GrantRecord | undefined, waiter?: FlowWaiter): Promise<ConnectFlow> {
    const account = grant?.account ?? requirement.account
    // No answer could be accepted: a grant stays with its account until it is disconnected.
    if (account !== undefined && requirement.account !== undefined && !sameAccount(account, requirement.account)) {
      throw new ConsentryError('CONSENTRY_ERR_ACCOUNT_MISMATCH')
    }
    // What was granted before is asked for again, or stepping up for one scope would lose the others.
    const scopes = unionScopes(grant?.scopes ?? [], requirement.scopes)
    return flows.beginConnect({ key, scopes, ...(account !== undefined && { account }), ...(waiter !== undefined && { waiter }) })
  }

  /** The person's answer to `flow`. */
  function answer (flow: ConnectFlow, { waiter, timeout, signal, onRequired }: AuthenticateOptions): Promise<FlowEnd> {
    // The waiter listens before anybody is told, so that no answer is too fast for it.
    const end = flows.wait(flow, waiter.id, {
      ...(timeout !== undefined && { timeout }),
      ...(signal !== undefined && { signal }),
      ...(onRequired !== undefined && { onChange: onRequired })
    })
    onRequired?.(flow)
    return end
  }

  async function authenticate (key: GrantKey, requirement: Requirement, options: AuthenticateOptions): Promise<Grant> {
    let asked: FlowEnd | undefined
    if (options.signal?.aborted === true) throw outcomeError('cancelled')
    for (;;) {
      const grant = await tokens.load(key)
      const state = stateOf(grant, asked, requirement)
      if (state === 'skip_auth') return handle(key, grant as VersionedGrant)
      if (state === 'do_refresh') {
        const fresh = await renewed(key, grant as VersionedGrant, requirement)
        if (fresh !== undefined) return fresh
      }
      // Asked for all of it and given less: asking again would ask for ever.
      if (state === 'resolved') throw new ConsentryError(shortcoming(grant?.record as GrantRecord, requirement))
      asked = await answer(await begin(key, requirement, grant?.record, options.waiter), options)
      options.onResolved?.(asked)
      if (asked.outcome !== 'granted') {
        // The answer may have been stored by one who could not say so any more.
        const stored = asked.outcome === 'expired' ? await available(key, requirement) : undefined
        if (stored !== undefined) return stored
        throw outcomeError(asked.outcome, asked.error)
      }
      // The flow that was joined may have asked for less than is needed here.
      if (missingScopes(asked, requirement.scopes).length > 0) asked = undefined
    }
  }

  return {
    available,
    authenticate,
    complete: createCompletion({ tokens, flows, clock, provider, onError }),

    async prepare (key, requirement, waiter) {
      return begin(key, requirement, (await tokens.load(key))?.record, waiter)
    },

    requirement (owner, name, { scopes, profile = defaultProfile, account, timeout } = {}) {
      const wanted = scopes ?? provider(name).defaultScopes
      if (!Array.isArray(wanted) || !wanted.every(isScope)) throw invalid('scopes must be a list of scope tokens')
      if (typeof profile !== 'string' || profile === '') throw invalid('profile must be a name')
      if (timeout !== undefined && !(timeout >= 0)) throw invalid('timeout must be a number of milliseconds')
      return {
        key: { tenant: owner.tenant, userId: owner.userId, provider: name, profile },
        requirement: { scopes: [...wanted], ...(account !== undefined && { account }) }
      }
    },

    async check (key, requirement) {
      const [grant, flow] = await Promise.all([tokens.load(key), flows.pending(key)])
      return stateOf(grant, flow, requirement)
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
      let grant = await tokens.load(key)
      // What is deleted is what is revoked, also when a refresh comes in between.
      while (grant !== undefined && !await tokens.delete(key, grant.version)) grant = await tokens.load(key)
      if (grant === undefined) return undefined
      try {
        return { revoked: await provider(key.provider).revoke(grant.record) }
      } catch (error) {
        onError(error, 'revoking a grant')
        return { revoked: false }
      }
    }
  }
}

/** RFC 6749 section 3.3. Found out before anybody is asked. */
function isScope (scope: unknown): boolean {
  return typeof scope === 'string' && /^[\u0021\u0023-\u005b\u005d-\u007e]+$/.test(scope)
}

function invalid (message: string): ConsentryError {
  return new ConsentryError('CONSENTRY_ERR_OPTIONS_INVALID', { cause: new TypeError(message) })
}

/** Why what was granted is not what was needed. */
function shortcoming (grant: GrantRecord, requirement: Requirement): ErrorCode {
  if (missingScopes(grant, requirement.scopes).length > 0) return 'CONSENTRY_ERR_SCOPES_MISSING'
  return serves(grant, requirement) ? 'CONSENTRY_ERR_REAUTH_REQUIRED' : 'CONSENTRY_ERR_ACCOUNT_MISMATCH'
}
