import type { Account, GrantKey, GrantRecord, TokenSet } from './grant.ts'

/** Time as the rest of the code sees it. Replaced in tests. */
export interface Clock {
  /** The wall clock, in milliseconds since the epoch. May step. */
  now (): number
  /** A clock that never steps back, in milliseconds. */
  monotonic (): number
  /** Calls `fn` once after `ms` milliseconds; the returned function cancels that. Does not keep the process alive. */
  timer (ms: number, fn: () => void): () => void
}

/** Cryptographically random bytes. */
export type RandomBytes = (size: number) => Uint8Array

/** What the browser is sent to the provider with. Names in the RFCs: RFC 6749 section 4.1.1, RFC 7636, OpenID Connect Core 3.1.2.1. */
export interface AuthorizationRequest {
  redirectUri: string
  state: string
  nonce: string
  codeVerifier: string
  scopes: readonly string[]
  /** The account the person is expected to use. */
  loginHint?: string
  /** `none`, `login`, `consent` or `select_account`, separated by spaces. */
  prompt?: string
  /** The oldest sign-in at the provider that is acceptable, in seconds. */
  maxAge?: number
  /** Ways of signing in that are acceptable, best first (`acr_values`). */
  acrValues?: readonly string[]
}

declare const proven: unique symbol

/**
 * What came back on the redirect, after `state`, `iss` and the form of the answer were checked.
 * Only `Provider.authorizationResponse` makes one.
 */
export type AuthorizationResponse =
  | { readonly type: 'code', readonly parameters: URLSearchParams, readonly [proven]?: never }
  /** `error` is a code of RFC 6749 section 4.1.2.1 or OpenID Connect Core 3.1.2.6, never free text. */
  | { readonly type: 'error', readonly error: string, readonly [proven]?: never }

/** The secrets of the flow that the answer belongs to. */
export interface AuthorizationResponseCheck {
  state: string
}

/** What the token request and the check of the ID token need from the flow. */
export interface ExchangeCheck {
  redirectUri: string
  codeVerifier: string
  nonce: string
  /** Seconds; given when the request carried it. */
  maxAge?: number
}

/** What a refresh starts from. */
export interface RefreshRequest {
  refreshToken: string
  /** The account the grant belongs to; another one in the answer is refused. */
  account?: Pick<Account, 'issuer' | 'subject'>
}

/**
 * An authorization server that we are a client of. Every method rejects with a `ConsentryError`:
 * - `CONSENTRY_ERR_PROVIDER_UNAVAILABLE`: no answer, an answer of 5xx or 429, or one that is no OAuth answer at all
 * - `CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID`: an answer that fails the protocol's checks
 * - `CONSENTRY_ERR_PROVIDER_REFUSED`: an OAuth error that concerns this request
 * - `CONSENTRY_ERR_PROVIDER_MISCONFIGURED`: an OAuth error that concerns our registration (`invalid_client`, `unauthorized_client`)
 */
export interface Provider {
  /** For people: "Google Calendar". */
  readonly label: string
  /** For people: the host on which they will be asked, such as `accounts.google.com`. */
  readonly host: string
  /** Who vouches for the subject of an account: the issuer, or the origin of a provider that has none. */
  readonly issuer: string
  /** Asked for when a requirement names no scopes. */
  readonly defaultScopes: readonly string[]
  /** The URL to send the browser to. PKCE is always S256. */
  authorizationUrl (request: AuthorizationRequest): Promise<URL>
  /**
   * Checks what came back on the redirect, before any of it is used. Makes no token request.
   * Rejects with `CONSENTRY_ERR_STATE_MISMATCH`, `CONSENTRY_ERR_ISSUER_MISMATCH` or `CONSENTRY_ERR_RESPONSE_INVALID` too.
   */
  authorizationResponse (parameters: URLSearchParams, check: AuthorizationResponseCheck): Promise<AuthorizationResponse>
  /** Exchanges the code for tokens, and verifies the ID token when there is one. */
  exchange (response: AuthorizationResponse, check: ExchangeCheck): Promise<TokenSet>
  /** New tokens for a refresh token. `CONSENTRY_ERR_REAUTH_REQUIRED` when the provider answers `invalid_grant`. */
  refresh (request: RefreshRequest): Promise<TokenSet>
  /** Ends the tokens at the provider. `false` when the provider has no way to do so. */
  revoke (tokens: Pick<TokenSet, 'accessToken' | 'refreshToken'>): Promise<boolean>
  /** Whose tokens these are, with all that the provider tells; `undefined` when it has no way to tell. */
  userInfo (tokens: TokenSet): Promise<Account | undefined>
  /** Where to send the browser to sign out at the provider too (OpenID Connect RP-Initiated Logout 1.0), if it has that. */
  endSessionUrl? (request: { idToken?: string, postLogoutRedirectUri: string, state: string }): Promise<URL | undefined>
  /** Checks a logout token (OpenID Connect Back-Channel Logout 1.0 section 2.6). Rejects with `CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID`. */
  logoutToken? (token: string): Promise<LogoutToken>
  /** Closes the connections it holds. */
  close? (): Promise<void>
}

/** Whom a provider signed out: the person everywhere, or in the session of theirs that it names. */
export interface LogoutToken {
  /** Its own name, `jti`. */
  id: string
  issuer: string
  subject?: string
  /** The provider's name for a session, `sid`. */
  sessionId?: string
}

/** A stored grant and the version it was read at. */
export interface VersionedGrant {
  record: GrantRecord
  /** Changes with every save. Opaque. */
  version: string
}

/** The long-lived home of grants. Its methods reject with `CONSENTRY_ERR_STORE_UNAVAILABLE` when it cannot be reached. */
export interface TokenStore {
  load (key: GrantKey): Promise<VersionedGrant | undefined>
  /**
   * Compare and set: saves only when the stored version is still `expected` (`undefined`: nothing is stored).
   * Resolves to the new version, or `undefined` when another was faster.
   */
  save (key: GrantKey, record: GrantRecord, expected: string | undefined): Promise<string | undefined>
  /** Removes the grant, with `expected` only in that version. Resolves to whether it did. */
  delete (key: GrantKey, expected?: string): Promise<boolean>
  exists (key: GrantKey): Promise<boolean>
  /** The keys of one user's grants. */
  listKeys (owner: Pick<GrantKey, 'tenant' | 'userId'>): Promise<GrantKey[]>
  /** Runs `fn` while nobody else, on any node, runs one with the same key. */
  withLock<T> (key: GrantKey, fn: () => Promise<T>): Promise<T>
  close? (): Promise<void>
}

export interface LogEntry {
  /** Counts from 1 within a log. */
  seq: number
  value: string
}

/** An exclusive right with an owner; ends by itself. */
export interface Lock {
  /** Grows with every holder of the same lock, so that a late one can be told. */
  fence: number
  /** Extends it by `ttl` milliseconds; `false` when it is already someone else's. */
  renew (ttl: number): Promise<boolean>
  /** Gives it back, if it is still ours. */
  release (): Promise<void>
}

/**
 * The short-lived state that nodes share: a handful of primitives over strings.
 * Every `ttl` is in milliseconds. Methods reject with `CONSENTRY_ERR_STORE_UNAVAILABLE` when it cannot be reached.
 */
export interface StateStore {
  get (key: string): Promise<string | undefined>
  set (key: string, value: string, ttl: number): Promise<void>
  /** Reads and deletes in one step: of many callers one gets the value. */
  take (key: string): Promise<string | undefined>
  /** Sets `value` (or deletes, when `undefined`) only while the stored value is `expected` (`undefined`: none). */
  compareAndSet (key: string, expected: string | undefined, value: string | undefined, ttl: number): Promise<boolean>
  /** Appends to a log, keeps its newest `limit` entries, and resolves to the entry's sequence number. */
  append (log: string, value: string, options: { ttl: number, limit: number }): Promise<number>
  /** Entries with a sequence number greater than `after`, oldest first; at most `limit` of them, when given. */
  read (log: string, after: number, limit?: number): Promise<LogEntry[]>
  /** Sends a message to whoever listens now. A hint: it may be lost. */
  publish (channel: string, message: string): Promise<void>
  subscribe (channel: string, listener: (message: string) => void): Promise<() => Promise<void>>
  /** Tries once; `undefined` while someone else holds it. */
  lock (name: string, ttl: number): Promise<Lock | undefined>
  close? (): Promise<void>
}
