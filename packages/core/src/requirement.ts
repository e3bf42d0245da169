import { ConsentryError } from './errors.ts'
import type { Requirement } from './grant-state.ts'
import { defaultProfile, type Account, type GrantKey, type Owner } from './grant.ts'
import type { Provider } from './provider.ts'
import { isScope } from './scopes.ts'

/** What `authorize()` may be told beside the provider. */
export interface AuthorizeOptions {
  /** The provider's default scopes unless given. */
  scopes?: readonly string[]
  /** Which of several grants at the same provider; `default` unless given. */
  profile?: string
  /** Only this account of the provider will do. */
  account?: Pick<Account, 'issuer' | 'subject'>
  /**
   * Takes a grant of fewer scopes too, and says in `missingScopes` what it lacks. What the person left out once is not
   * asked for again.
   */
  partial?: boolean
  /** How long to wait for the person, in milliseconds; at most, and unless given, the lifetime of a flow. */
  timeout?: number
  signal?: AbortSignal
}

/** A requirement at the start of an execution: a provider's name, or that and what `authorize()` may be told. */
export type RequiredGrant = string | ({ provider: string } & Omit<AuthorizeOptions, 'signal'>)

/** What an execution may be told at its start. */
export interface StartOptions {
  /** Grants without which it need not begin: all are asked for at once, and the code runs when they are there. */
  requires?: readonly RequiredGrant[]
  /** The owner has a program and no session in a browser: whichever browser answers gets a handle, which the program hands in (B6). */
  byHandle?: boolean
}

/** Whose the grants of the application itself are, which no person can have or end. */
const applicationUser = '@application'

/**
 * The requirement that the options make, and the key of the grant that should meet it.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`, before anybody is asked
 */
export function readRequirement (owner: Owner, name: string, provider: Provider, options: AuthorizeOptions): { key: GrantKey, requirement: Requirement } {
  const { scopes = provider.defaultScopes, profile = defaultProfile, account, partial, timeout } = options
  if (!Array.isArray(scopes) || !scopes.every(isScope)) throw invalid('scopes must be a list of scope tokens')
  if (typeof profile !== 'string' || profile === '') throw invalid('profile must be a name')
  if (timeout !== undefined && !(timeout >= 0)) throw invalid('timeout must be a number of milliseconds')
  if (owner.userId === applicationUser) throw invalid('the owner must be a person')
  const userId = provider.kind === 'direct' && provider.subject === undefined ? applicationUser : owner.userId
  return {
    key: { tenant: owner.tenant, userId, provider: name, profile },
    requirement: { scopes: [...scopes], ...(account !== undefined && { account }), ...(partial === true && { partial }) }
  }
}

function invalid (message: string): ConsentryError {
  return new ConsentryError('CONSENTRY_ERR_OPTIONS_INVALID', { cause: new TypeError(message) })
}
