import type { Account, TokenSet } from './grant.ts'
import type { CoveredScopes } from './scopes.ts'

/** What the browser is sent to the provider with. Names in the RFCs: RFC 6749 section 4.1.1, RFC 7636, OpenID Connect Core 3.1.2.1. */
export interface AuthorizationRequest {
  redirectUri: string
  state: string
  nonce: string
  codeVerifier: string
  scopes: readonly string[]
  /**
   * Whether a refresh token is needed, for providers that give one only when asked in a way of their own.
   * `held`: there is one already. Absent for a sign-in that needs none.
   */
  refreshToken?: 'wanted' | 'held'
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
 * Only `RedirectProvider.authorizationResponse` makes one.
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
  /** What was asked for. */
  scopes: readonly string[]
  /** Seconds; given when the request carried it. */
  maxAge?: number
}

/** What a refresh starts from. */
export interface RefreshRequest {
  refreshToken: string
  /** What the grant holds, for a provider that wants it said again. */
  scopes?: readonly string[]
  /** The account the grant belongs to; another one in the answer is refused, and another sign-in where its claims name one. */
  account?: Pick<Account, 'issuer' | 'subject'> & Partial<Pick<Account, 'claims'>>
}

/**
 * What all providers have. Every method rejects with a `ConsentryError`:
 * - `CONSENTRY_ERR_PROVIDER_UNAVAILABLE`: no answer, an answer of 5xx or 429, or one that is no OAuth answer at all
 * - `CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID`: an answer that fails the protocol's checks
 * - `CONSENTRY_ERR_CLAIMS_OVERSIZE`: it tells more of an account than can be kept with grants and sessions
 * - `CONSENTRY_ERR_PROVIDER_REFUSED`: an OAuth error that concerns this request
 * - `CONSENTRY_ERR_PROVIDER_MISCONFIGURED`: an OAuth error that concerns our registration (`invalid_client`, `unauthorized_client`)
 */
export interface ProviderBase {
  /** For people: "Google Calendar". */
  readonly label: string
  /** For people: the host on which they will be asked, such as `accounts.google.com`, or to which what they type is sent. */
  readonly host: string
  /** Who vouches for the subject of an account: the issuer, or the origin of a provider that has none. */
  readonly issuer: string
  /** Asked for when a requirement names no scopes. */
  readonly defaultScopes: readonly string[]
  /** Scopes worth a suggestion, for whoever writes the application. Nothing is asked for because of them. */
  readonly recommendedScopes?: readonly string[]
  /**
   * What a scope covers beside itself: other names of the same, and narrower ones.
   * `{ repo: ['public_repo'] }`: a grant of `repo` serves a requirement of `public_repo`.
   */
  readonly coveredScopes?: CoveredScopes
  /**
   * The hosts, each in full, that `grant.fetch()` may send the tokens to. Without it every one, over https: where the
   * application takes URLs from a model or a person, name them.
   */
  readonly resourceHosts?: readonly string[]
  /** The claim of an account that the provider understands as a login hint. Default `email`, then `preferred_username`. */
  readonly loginHintClaim?: string
  /** Revoking one token ends all that the account allowed us, tokens of other grants included. */
  readonly revokesAll?: boolean
  /** New tokens for a refresh token. `CONSENTRY_ERR_REAUTH_REQUIRED` when the provider answers `invalid_grant`. */
  refresh? (request: RefreshRequest): Promise<TokenSet>
  /** Ends the tokens at the provider. `false` when the provider has no way to do so. */
  revoke (tokens: Pick<TokenSet, 'accessToken' | 'refreshToken'>): Promise<boolean>
  /** Whose tokens these are, with all that the provider tells; `undefined` when it has no way to tell. */
  userInfo (tokens: TokenSet): Promise<Account | undefined>
  /**
   * Makes a request of the application with the tokens, where that takes another form than `Authorization: Bearer`
   * (RFC 6750 section 2.1). `fetch` is what sends it.
   */
  resourceRequest? (tokens: Pick<TokenSet, 'accessToken' | 'tokenType'>, url: URL, init: RequestInit, fetch: typeof globalThis.fetch): Promise<Response>
  /** Closes the connections it holds. */
  close? (): Promise<void>
}

/** What one question about a device authorization brought (RFC 8628 section 3.5). */
export type DeviceAnswer =
  /** `slower`: the provider wants 5 seconds more between questions from now on. */
  | { readonly status: 'pending', readonly slower: boolean }
  | { readonly status: 'granted', readonly tokens: TokenSet }
  | { readonly status: 'denied' | 'expired' }

/** A question to a person who answers it on another device (RFC 8628 section 3.2). The device code stays inside. */
export interface DeviceAuthorization {
  /** What the person types there. */
  readonly userCode: string
  /** Where. */
  readonly verificationUri: string
  /** The same with the code in it. */
  readonly verificationUriComplete?: string
  /** Seconds from the answer on. */
  readonly expiresIn: number
  /** Seconds between two questions, at least. */
  readonly interval: number
  /** Asks the provider once whether the person has answered. */
  poll (): Promise<DeviceAnswer>
}

/** An authorization server that we are a client of: the person is sent there, and comes back with an answer. */
export interface RedirectProvider extends ProviderBase {
  readonly kind: 'redirect'
  /** The URL to send the browser to. PKCE is always S256. */
  authorizationUrl (request: AuthorizationRequest): Promise<URL>
  /**
   * Checks what came back on the redirect, before any of it is used. Makes no token request.
   * Rejects with `CONSENTRY_ERR_STATE_MISMATCH`, `CONSENTRY_ERR_ISSUER_MISMATCH` or `CONSENTRY_ERR_RESPONSE_INVALID` too.
   */
  authorizationResponse (parameters: URLSearchParams, check: AuthorizationResponseCheck): Promise<AuthorizationResponse>
  /** Exchanges the code for tokens, and verifies the ID token when there is one. */
  exchange (response: AuthorizationResponse, check: ExchangeCheck): Promise<TokenSet>
  refresh (request: RefreshRequest): Promise<TokenSet>
  /** Begins a device authorization (RFC 8628 section 3.1); `undefined` when the provider has no endpoint for it. */
  deviceAuthorization? (request: { scopes: readonly string[] }): Promise<DeviceAuthorization | undefined>
  /** Where to send the browser to sign out at the provider too (OpenID Connect RP-Initiated Logout 1.0), if it has that. */
  endSessionUrl? (request: { idToken?: string, postLogoutRedirectUri: string, state: string }): Promise<URL | undefined>
  /** Checks a logout token (OpenID Connect Back-Channel Logout 1.0 section 2.6). Rejects with `CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID`. */
  logoutToken? (token: string): Promise<LogoutToken>
}

/** One field of the page on which a person gives a secret. */
export interface FormField {
  /** The name of its value. */
  readonly name: string
  /** For people: "API key". */
  readonly label: string
  /** For people: where to find it, in a sentence. */
  readonly hint?: string
  /** Typed unseen. */
  readonly secret: boolean
}

/** A provider that gives people a secret themselves, which they type into a page of ours: an API key, a password. */
export interface FormProvider extends ProviderBase {
  readonly kind: 'form'
  readonly fields: readonly FormField[]
  /** Where people get the secret, for a link. */
  readonly helpUrl?: string
  /**
   * What the person typed, as tokens; asks the provider whether they work, if it can tell.
   * Rejects with `CONSENTRY_ERR_SECRET_REFUSED` when the person should look again.
   */
  submit (values: Readonly<Record<string, string>>, check: { scopes: readonly string[] }): Promise<TokenSet>
}

/** What a `DirectProvider` starts from. */
export interface DirectRequest {
  scopes: readonly string[]
  /** The token of the person, for a provider that has a `subject`. */
  subjectToken?: string
}

/** A provider that gives tokens without asking a person: client credentials (RFC 6749 section 4.4), token exchange (RFC 8693). */
export interface DirectProvider extends ProviderBase {
  readonly kind: 'direct'
  /** The provider whose grant of the person is exchanged. Without it the grant is the application's own, and the same for all. */
  readonly subject?: { readonly provider: string, readonly scopes?: readonly string[] }
  /** Tokens for a request. Rejects with the code of what is wrong. */
  obtain (request: DirectRequest): Promise<TokenSet>
}

/** Where grants come from. */
export type Provider = RedirectProvider | FormProvider | DirectProvider

/** Whom a provider signed out: the person everywhere, or in the session of theirs that it names. */
export interface LogoutToken {
  /** Its own name, `jti`. */
  id: string
  issuer: string
  subject?: string
  /** The provider's name for a session, `sid`. */
  sessionId?: string
}
