import type { Audit } from './audit.ts'
import { createCompletion, type Completion } from './completion.ts'
import { createAsking } from './asking.ts'
import { connection, listConnections, type Connection } from './connection.ts'
import { createDisconnect, type Disconnected } from './disconnect.ts'
import { ConsentryError } from './errors.ts'
import { outcomeError, type ConnectFlow, type FlowEnd, type FlowWaiter } from './flow.ts'
import type { Flows } from './flows.ts'
import { createGrantHandle, type Grant } from './grant-handle.ts'
import { createGiveBack } from './give-back.ts'
import { grantState, serves, type GrantState, type Requirement } from './grant-state.ts'
import { lineage, type GrantKey, type GrantRecord, type Owner } from './grant.ts'
import type { Clock, TokenStore, VersionedGrant } from './ports.ts'
import type { Provider } from './provider.ts'
import { createRefresh } from './refresh.ts'
import { createRenewal, hasSubject, type ExchangingProvider, type Subject } from './renewal.ts'
import { readRequirement, type AuthorizeOptions } from './requirement.ts'
import { missingScopes } from './scopes.ts'
import { shortcoming, wasJustLeftOut } from './shortcoming.ts'
import type { AbortLike } from './stop.ts'
import type { Wakeups } from './wakeups.ts'

export type { Connection } from './connection.ts'
export type { Grant } from './grant-handle.ts'

/** Who waits for a grant, how long, and what they hear. */
export interface AuthenticateOptions {
  waiter: FlowWaiter
  /** The owner has a program and no session in a browser (B6). */
  byHandle?: boolean
  timeout?: number
  signal?: AbortLike
  /** Called before the person is asked; what it throws rejects. */
  mayAsk?: (key: GrantKey, requirement: Requirement) => void
  /** The person is about to be asked, or is asked for more than before. The waiter is already registered. */
  onRequired?: (flow: ConnectFlow) => void
  /** The question has ended. */
  onResolved?: (end: FlowEnd) => void
}

/** Grants: checked, asked for, refreshed and disconnected. */
export interface Grants extends Completion {
  /** The provider that is configured under this name. Throws `CONSENTRY_ERR_PROVIDER_UNKNOWN`. */
  provider (name: string): Provider
  /** The requirement that these options make, and the key of the grant that should meet it. */
  requirement (owner: Owner, provider: string, options?: AuthorizeOptions): { key: GrantKey, requirement: Requirement }
  /** Where the grant stands. Asks nobody. */
  check (key: GrantKey, requirement: Requirement): Promise<GrantState>
  /**
   * Creates the flow that asks for what is missing, or joins the one that is pending. Without a waiter it rejects with
   * `CONSENTRY_ERR_SCOPES_MISSING` when the person has just been asked for the same and gave less.
   */
  prepare (key: GrantKey, requirement: Requirement, options?: Partial<Pick<AuthenticateOptions, 'waiter' | 'byHandle'>>): Promise<ConnectFlow>
  /** The grant as it is, renewed if need be; `undefined` when the person has to be asked. */
  available (key: GrantKey, requirement: Requirement): Promise<Grant | undefined>
  /** The grant, for which the person is asked if need be. Rejects with the error of the outcome when there is none. */
  authenticate (key: GrantKey, requirement: Requirement, options: AuthenticateOptions): Promise<Grant>
  /** What the owner has connected. */
  list (owner: Owner): Promise<Connection[]>
  /** Forgets the grant, ends the executions that hold it, then ends it at the provider. `undefined`: there was no grant. */
  disconnect (key: GrantKey): Promise<Disconnected | undefined>
}

/** What grants stand on. */
export interface GrantsOptions {
  providers: Readonly<Record<string, Provider>>
  tokens: TokenStore
  flows: Flows
  wakeups: Wakeups
  clock: Clock
  /** Sends the requests that carry a grant's token. */
  fetch: typeof globalThis.fetch
  /** How long before its expiry an access token is refreshed, in milliseconds. */
  refreshBuffer: number
  /** Takes down what happens to grants; of their flows, `auditFlows` does. */
  audit?: Audit
  /** The provider ended a grant: the person has to consent again before it can be used. Once for each. */
  onReauthRequired?: ((owner: Owner, ended: Connection) => void) | undefined
  /** Hears about failures that nobody else is told of. */
  onError: (error: unknown, doing: string) => void
}

/** @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID` when a provider exchanges the grants of one that asks nobody */
export function createGrants (options: GrantsOptions): Grants {
  const { providers, tokens, flows, wakeups, clock, fetch, refreshBuffer, audit = () => {}, onError } = options
  const giveBack = createGiveBack({ tokens, provider, onError })
  const renewal = createRenewal({ provider, subject: subjectGrant })
  const asking = createAsking({ tokens, flows, provider })
  const refresh = createRefresh({ tokens, clock, refreshBuffer, renewal, audit, giveBack, onReauthRequired })
  for (const from of Object.values(providers)) {
    if (hasSubject(from) && provider(from.subject.provider).kind === 'direct') throw new ConsentryError('CONSENTRY_ERR_OPTIONS_INVALID', { cause: new TypeError('the subject of an exchange must be a provider that asks the person') })
  }

  function onReauthRequired (key: GrantKey, ended: VersionedGrant): void {
    try {
      options.onReauthRequired?.({ tenant: key.tenant, userId: key.userId }, connection(key, ended))
    } catch (error) {
      onError(error, 'telling that a person has to consent again')
    }
  }

  function provider (name: string): Provider {
    if (!Object.hasOwn(providers, name)) throw new ConsentryError('CONSENTRY_ERR_PROVIDER_UNKNOWN')
    return providers[name] as Provider
  }

  function handle (key: GrantKey, grant: VersionedGrant, requirement: Requirement): Grant {
    return createGrantHandle({ key, grant, provider: provider(key.provider), requirement, clock, refresh, refreshBuffer, fetch })
  }

  function stateOf (key: GrantKey, grant: VersionedGrant | undefined, flow: ConnectFlow | FlowEnd | undefined, requirement: Requirement): GrantState {
    const { kind, coveredScopes } = provider(key.provider)
    return grantState({ grant: grant?.record, flow, requirement, now: clock.now(), refreshBuffer, coveredScopes, renewable: kind === 'direct' || undefined })
  }

  /** Resolves to `undefined` when the person has to be asked. */
  async function renewed (key: GrantKey, grant: VersionedGrant | undefined, requirement: Requirement): Promise<VersionedGrant | undefined> {
    const { kind, coveredScopes } = provider(key.provider)
    const { scopes } = requirement
    try {
      const fresh = await refresh(key, grant, { scopes })
      if (serves(fresh.record, requirement, coveredScopes)) return fresh
      if (kind === 'direct') throw shortcoming(fresh.record, requirement, provider(key.provider))
    } catch (error) {
      if (!ConsentryError.is(error, 'CONSENTRY_ERR_REAUTH_REQUIRED')) throw error
    }
    return undefined
  }

  async function current (key: GrantKey, requirement: Requirement): Promise<VersionedGrant | undefined> {
    const from = provider(key.provider)
    const grant = await tokens.load(key)
    const state = stateOf(key, grant, undefined, requirement)
    if (state !== 'skip_auth') return state === 'do_refresh' || from.kind === 'direct' ? renewed(key, grant, requirement) : undefined
    // What was derived from a grant that is no more is none either.
    const derives = !hasSubject(from) || (await subjectGrant(key, from))?.lineage === grant?.record.derivedFrom
    return derives ? grant : renewed(key, grant, requirement)
  }

  async function available (key: GrantKey, requirement: Requirement): Promise<Grant | undefined> {
    const grant = await current(key, requirement)
    return grant && handle(key, grant, requirement)
  }

  /** What has to be there before a token can be exchanged. */
  function subjectOf ({ tenant, userId, profile }: GrantKey, { subject }: ExchangingProvider): [GrantKey, Requirement] {
    const { key, requirement } = readRequirement({ tenant, userId }, subject.provider, provider(subject.provider), { profile, ...subject.scopes !== undefined && { scopes: subject.scopes } })
    return [key, requirement]
  }

  async function subjectGrant (key: GrantKey, from: ExchangingProvider): Promise<Subject | undefined> {
    const [subjectKey, requirement] = subjectOf(key, from)
    const grant = await current(subjectKey, requirement)
    return grant && { grant: handle(subjectKey, grant, requirement), lineage: lineage(grant.record) }
  }

  async function authenticate (key: GrantKey, requirement: Requirement, options: AuthenticateOptions): Promise<Grant> {
    const from = provider(key.provider)
    let asked: FlowEnd | undefined
    if (options.signal?.aborted === true) throw outcomeError('cancelled')
    if (from.kind === 'direct') {
      if (hasSubject(from)) await authenticate(...subjectOf(key, from), options)
      const grant = await available(key, requirement)
      if (grant === undefined) throw new ConsentryError('CONSENTRY_ERR_REAUTH_REQUIRED')
      return grant
    }
    for (;;) {
      const grant = await tokens.load(key)
      const state = stateOf(key, grant, asked, requirement)
      if (state === 'skip_auth') return handle(key, grant as VersionedGrant, requirement)
      if (state === 'do_refresh') {
        const fresh = await renewed(key, grant, requirement)
        if (fresh !== undefined) return handle(key, fresh, requirement)
      }
      // Asked for all of it and given less: asking again would ask for ever.
      if (state === 'resolved') throw shortcoming(grant?.record as GrantRecord, requirement, from)
      options.mayAsk?.(key, requirement)
      asked = await asking.answer(await asking.begin(key, requirement, grant?.record, options), options)
      options.onResolved?.(asked)
      // Held to an account that another waiter named: here any will do.
      const others = asked.outcome === 'account_mismatch' && asked.pinned && grant === undefined && requirement.account === undefined
      if (others) asked = undefined
      else if (asked.outcome !== 'granted') {
        // The answer may have been stored by one who could not say so any more.
        const stored = asked.outcome === 'expired' ? await available(key, requirement) : undefined
        if (stored !== undefined) return stored
        throw outcomeError(asked.outcome, asked.error)
      // The flow that was joined may have asked for less than is needed here.
      } else if (missingScopes(asked, requirement.scopes, from.coveredScopes).length > 0) asked = undefined
    }
  }

  return {
    provider,
    available,
    authenticate,
    ...createCompletion({ tokens, flows, clock, provider, audit, giveBack, onError }),
    disconnect: createDisconnect({ providers, tokens, flows, wakeups, clock, audit, giveBack }),
    requirement: (owner, name, options = {}) => readRequirement(owner, name, provider(name), options),

    async prepare (key, requirement, options = {}) {
      const from = provider(key.provider)
      const [asked, needed] = hasSubject(from) ? subjectOf(key, from) : [key, requirement] as const
      const grant = (await tokens.load(asked))?.record
      // Nobody waits, so a page that sends the person there again by itself would do so for ever.
      if (options.waiter === undefined && grant !== undefined && wasJustLeftOut(grant, needed, provider(asked.provider), clock.now())) throw shortcoming(grant, needed, provider(asked.provider))
      return asking.begin(asked, needed, grant, options)
    },

    async check (key, requirement) {
      const [grant, flow] = await Promise.all([tokens.load(key), flows.pending(key)])
      return stateOf(key, grant, flow, requirement)
    },

    list: (owner) => listConnections(tokens, owner)
  }
}
