import type { Clock } from '@consentry/core'
import type { CryptoKey, CryptoKeyPair, PrivateKey } from 'oauth4webapi'
import type { ClientAuthenticationMethod } from './client-authentication.ts'
import { endpoint } from './endpoint.ts'
import type { Reach } from './endpoint.ts'
import { optionsInvalid } from './errors.ts'
import type { Fetch } from './fetch.ts'

/** How requests are made. */
export interface ConnectionOptions {
  /** For each request to the provider, in milliseconds. Default 10,000. */
  timeout?: number
  /** Allows a provider on this machine, also by plain http. For development and tests. */
  allowInsecureLoopback?: boolean
  /** Allows a provider in a private network (RFC 1918 and its kin), by https. */
  allowPrivateAddresses?: boolean
  /** Makes the requests instead of `createFetch()`, whose deadline, limits and address checks do not apply then. */
  fetch?: Fetch
  /** The time. Replaced in tests. */
  clock?: Pick<Clock, 'now' | 'monotonic'>
}

/** What every authorization server needs to know about us, its client. */
export interface ClientOptions extends ConnectionOptions {
  /** For people: "Google Calendar". Default: the host on which they will be asked. */
  label?: string
  clientId: string
  clientSecret?: string
  /** For `private_key_jwt`, with the key's id where the provider wants it. */
  privateKey?: CryptoKey | PrivateKey
  /**
   * How the client proves who it is (RFC 6749 section 2.3, OpenID Connect Core section 9).
   * Default: `private_key_jwt` with a private key, `client_secret_basic` with a secret, `none` otherwise.
   */
  clientAuthentication?: ClientAuthenticationMethod
  /** Asked for when a requirement names no scopes. */
  scopes?: readonly string[]
  /**
   * The hosts, each in full, that `grant.fetch()` may send tokens to. Without it every one, over https: name them where
   * the application takes URLs from a model or a person.
   */
  resourceHosts?: readonly string[]
  /** Sent with every authorization request, such as `{ audience: '…' }`. Parameters of the protocol cannot be set. */
  authorizationParameters?: Readonly<Record<string, string>>
  /** How far the provider's clock may be off, in seconds. Default 30. */
  clockTolerance?: number
  /**
   * Binds every token to this key (DPoP, RFC 9449): only who holds it can use them. The same on all nodes and after
   * every restart, as stored grants are worth nothing without it. The public key must be extractable.
   */
  dpop?: CryptoKeyPair
}

// What we set or rely on ourselves: RFC 6749, RFC 7636, RFC 9101, OpenID Connect Core, OAuth 2.0 Multiple Response Types.
const reservedParameters: ReadonlySet<string> = new Set([
  'client_id', 'client_secret', 'code', 'code_challenge', 'code_challenge_method', 'code_verifier', 'dpop_jkt', 'grant_type', 'nonce',
  'redirect_uri', 'request', 'request_uri', 'response_mode', 'response_type', 'scope', 'state'
])

/** What the options allow us to speak to. */
export function reachOf (options: ConnectionOptions): Reach {
  return { allowLoopback: options.allowInsecureLoopback === true, allowPrivate: options.allowPrivateAddresses === true }
}

/**
 * The URL that an option holds.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`
 */
export function endpointOption (name: string, value: string, reach: Reach): string {
  try {
    endpoint(name, value, reach)
    return value
  } catch (error) {
    throw optionsInvalid(error instanceof TypeError ? error.message : name)
  }
}

/**
 * A host as URLs have it, with its port if that is not 443.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`
 */
export function hostOption (name: string, value: string, reach: Reach): string {
  try {
    const url = endpoint(name, `https://${value}`, reach)
    // A star is a character of hosts to URL parsing.
    if (url.host === value && !value.includes('*')) return value
  } catch {}
  throw optionsInvalid(`${name} is not a host, such as api.example.com`)
}

/**
 * Static parameters of the authorization request, copied.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID` when one belongs to the protocol
 */
export function authorizationParametersOption (parameters: Readonly<Record<string, string>> = {}): ReadonlyArray<readonly [string, string]> {
  const entries = Object.entries(parameters)
  for (const [name, value] of entries) {
    if (reservedParameters.has(name)) throw optionsInvalid(`authorizationParameters.${name} is set by the protocol`)
    if (typeof value !== 'string') throw optionsInvalid(`authorizationParameters.${name} is not a string`)
  }
  return entries
}

/**
 * Scopes in their form (RFC 6749 section 3.3), copied.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`
 */
export function scopesOption (scopes: readonly string[], separator: string): readonly string[] {
  for (const scope of scopes) {
    if (typeof scope !== 'string' || !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope) || scope.includes(separator)) throw optionsInvalid('scopes holds one that is malformed')
  }
  return Object.freeze([...scopes])
}

/**
 * A number that is finite and not negative.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`
 */
export function numberOption (name: string, value: number): number {
  if (!Number.isFinite(value) || value < 0) throw optionsInvalid(`${name} is not a number from 0 on`)
  return value
}
