import {
  createFlows, createGrants, createWakeups, defaultProfile, defaultTenant, memoryState, systemClock, systemRandomBytes,
  type Clock, type Flows, type GrantKey, type Grants, type Owner, type RandomBytes, type RedirectProvider, type Requirement, type TokenStore
} from '@consentry/core'
import { invalid } from './invalid.ts'

/** Whose grant it is, and where it is kept. The same for every call about one login. */
export interface LocalOptions {
  /** As of `oidc()`, `oauth2()` and their like in `@consentry/providers`. */
  provider: RedirectProvider
  /** As of `keyringTokens()` and `fileTokens()` in `@consentry/token-stores`. */
  tokenStore: TokenStore
  /** What the grant is kept under. Unless given, the issuer of the provider: give one where several clients share an issuer and a store. */
  name?: string
  /** Tells several grants of one provider apart. `default` unless given. */
  profile?: string
  /** The provider's default scopes unless given. */
  scopes?: readonly string[]
  /** How long before its expiry an access token is refreshed, in milliseconds; 60000 unless given. */
  refreshBuffer?: number
  /** Sends the requests of `grant.fetch()`. `globalThis.fetch` unless given. */
  fetch?: typeof globalThis.fetch
  /** Replaced in tests. */
  clock?: Clock
  randomBytes?: RandomBytes
  /** Hears about failures that nobody else is told of, such as a revocation that failed. */
  onError?: (error: unknown, doing: string) => void
}

/** One person's grants on one machine, over the core that servers have too. */
export interface Local {
  readonly owner: Owner
  readonly key: GrantKey
  readonly requirement: Requirement
  readonly flows: Flows
  readonly grants: Grants
  readonly clock: Clock
  readonly onError: (error: unknown, doing: string) => void
  close (): Promise<void>
}

/** The person at this machine. The stores are theirs alone, so one name does for all. */
export const localUser = 'local'
const owner: Owner = Object.freeze({ tenant: defaultTenant, userId: localUser })

/** A login ends by its own monotonic deadline long before that; a wall clock that is set must not end it. Milliseconds. */
const flowLifetime = 7 * 24 * 3_600_000

/** @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option */
export function createLocal (options: LocalOptions, redirectUri: () => string = () => ''): Local {
  const { provider, tokenStore, profile = defaultProfile, refreshBuffer = 60_000, clock = systemClock, randomBytes = systemRandomBytes, onError = () => {} } = options
  if (typeof provider !== 'object' || provider.kind !== 'redirect') throw invalid('provider is not one that people are sent to')
  if (typeof tokenStore?.load !== 'function') throw invalid('tokenStore is missing')
  if (!(refreshBuffer >= 0)) throw invalid('refreshBuffer is not a number from 0 on')
  const { name = provider.issuer, scopes = provider.defaultScopes, fetch = globalThis.fetch } = options
  if (typeof name !== 'string' || name === '') throw invalid('name is empty')
  const state = memoryState({ clock })
  const wakeups = createWakeups(state)
  async function close (): Promise<void> {
    flows.close()
    await wakeups.close()
    await state.close?.()
  }

  const flows = createFlows({ state, wakeups, clock, randomBytes, lifetime: flowLifetime, redirectUri })
  const grants = createGrants({ providers: { [name]: provider }, tokens: tokenStore, flows, wakeups, clock, fetch, refreshBuffer, onError })
  // What the person left out is told by `missingScopes`, and not asked for again.
  const { key, requirement } = grants.requirement(owner, name, { scopes, profile, partial: true })
  return { owner, key, requirement, flows, grants, clock, onError, close }
}
