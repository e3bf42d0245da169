import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CryptoKey, JWK, JWTPayload } from 'jose'

/** What an endpoint of the hostile provider was asked. */
export interface HostileRequest {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  /** The form of a POST, or the query of a GET. */
  readonly parameters: URLSearchParams
}

/** What it answers: JSON of a body that is an object, and text of one that is a string. */
export interface HostileAnswer {
  /** 200 unless given. */
  status?: number
  headers?: Record<string, string>
  body?: unknown
}

/** Answers in the place of an endpoint, or, by resolving to `undefined`, on the bare response itself. */
export type HostileOverride = (request: HostileRequest, usual: () => Promise<HostileAnswer>, response: ServerResponse) => Promise<HostileAnswer | undefined> | HostileAnswer | undefined

/** `resource` is an API behind the access tokens; `elsewhere` is where nothing of ours has any business. */
export type HostileEndpoint = 'discovery' | 'jwks' | 'par' | 'device' | 'authorize' | 'token' | 'userinfo' | 'revoke' | 'logout' | 'resource' | 'elsewhere'

/** All that was asked since the start. */
export interface HostileLedger {
  /** In order, of each endpoint. */
  readonly requests: Readonly<Record<HostileEndpoint, HostileRequest[]>>
  /** Codes and refresh tokens presented at the token endpoint, in order. */
  readonly codes: string[]
  readonly refreshTokens: string[]
  /** Tokens presented for revocation, in order. */
  readonly revoked: string[]
  /** Every code and token that was issued: what no log and no page may hold. */
  readonly secrets: Set<string>
}

/** Claims and header of an ID token, where they are to differ from the right ones; `undefined` leaves a claim out. */
export interface IdTokenChanges {
  claims?: Record<string, unknown>
  header?: Record<string, unknown>
  /** Signs with another key than the published one. */
  key?: CryptoKey
  /** Makes something else of the JWT once it is signed. */
  forge?: (signed: string) => string | Promise<string>
}

/** A running provider that does as it is told. */
export interface HostileProvider {
  readonly issuer: string
  readonly ledger: HostileLedger
  /** Answers by endpoint, set and removed at will. */
  readonly overrides: Partial<Record<HostileEndpoint, HostileOverride>>
  /** Merged into the discovery document. */
  readonly metadata: Record<string, unknown>
  /** Changes every ID token that is issued. */
  readonly idToken: IdTokenChanges
  /** Changes every logout token that is issued. */
  readonly logoutToken: IdTokenChanges
  /** The account that consents. */
  readonly account: { sub: string, [claim: string]: unknown }
  /** Where an endpoint is. */
  url (endpoint: Exclude<HostileEndpoint, 'discovery'>): string
  /** An ID token for the client; `accessToken` gives it its `at_hash`. */
  issueIdToken (clientId: string, options?: { nonce?: string, accessToken?: string }): Promise<string>
  /** A logout token for the client, about the account (OpenID Connect Back-Channel Logout 1.0 section 2.4). */
  issueLogoutToken (clientId: string): Promise<string>
  /** Signs what it is given, with the published key unless `changes` say otherwise. */
  sign (payload: JWTPayload, changes?: IdTokenChanges): Promise<string>
  /** The published key. */
  publicKey (): JWK
  /** Makes a new key the only published one, under a new id unless told to keep it. */
  rotateKey (options?: { keepId?: boolean }): Promise<void>
  /** Stops listening and cuts the connections. */
  close (): Promise<void>
}
