import type { IncomingHttpHeaders } from 'node:http'

/** A request as the vendor sees it, with its true URL. */
export interface VendorRequest {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingHttpHeaders
  /** The media type of the body. */
  readonly type: string
  readonly body: string
  /** The members of a JSON body, or the fields of a form. */
  readonly parameters: Readonly<Record<string, string>>
}

/** JSON of a body that is an object or a list, text of one that is a string; `form` is answered as a form. */
export interface VendorAnswer {
  /** 200 unless given. */
  status?: number
  headers?: Record<string, string>
  body?: unknown
  form?: Record<string, string>
}

/** What the person granted, with the tokens of the answer at hand. */
export interface VendorGrant {
  readonly id: number
  readonly scopes: readonly string[]
  readonly accessToken: string
  readonly refreshToken?: string
  readonly idToken?: string
}

/** How a vendor behaves, taken from its pages. */
export interface VendorDescription {
  readonly client: { readonly id: string, readonly secret: string, readonly redirectUri: string, /** Those that belong to its registration. */ readonly scopes: readonly string[] }
  readonly authorization: {
    readonly url: string
    /** Absent where scopes belong to the registration. */
    readonly scope?: { readonly parameter: string, readonly separator: string }
    /** Parameters without which the vendor refuses. */
    readonly parameters?: Readonly<Record<string, string>>
  }
  readonly token: {
    readonly url: string
    readonly authentication: 'basic' | 'body'
    readonly body: 'form' | 'json'
    /** `ignored` by vendors that have no PKCE; `refused` where a verifier is an error. */
    readonly pkce: 'checked' | 'ignored' | 'refused'
    /** Whether a refresh ends the refresh token and gives another. */
    readonly rotation: 'always' | 'never'
    readonly answer: (grant: VendorGrant) => object
    /** `unless-asked`: answers with a form when JSON is not asked for by `Accept`. */
    readonly form?: 'unless-asked'
    /** Absent where tokens are not refreshed. */
    readonly refreshed?: (grant: VendorGrant) => object
    /** Another grant type of this endpoint: an access token for another, in the parameter `token`. */
    readonly exchanged?: { readonly grantType: string, readonly token: string, readonly answer: (grant: VendorGrant) => object }
    readonly failures: { readonly code: VendorAnswer, readonly refreshToken: VendorAnswer, readonly client: VendorAnswer }
  }
  /** By method and URL without its query: `GET https://api.example.com/me`. */
  readonly api?: Readonly<Record<string, {
    /** How the access token is sent; `client`: the client shows who it is, and asks about a `token`. Default `Bearer`. */
    readonly scheme?: 'Bearer' | 'OAuth' | 'client'
    readonly answer: (grant: VendorGrant | undefined, request: VendorRequest) => VendorAnswer
    /** For a token that does not hold. Default 401. */
    readonly refused?: VendorAnswer
  }>>
  readonly revocation?: {
    readonly route: string
    readonly authentication: 'basic' | 'body' | 'bearer' | 'none'
    /** Default: as at the token endpoint. */
    readonly body?: 'form' | 'json'
    /** The parameter with the token. Default `token`. */
    readonly token?: string
    /** The kinds of tokens that it takes. Default both. */
    readonly kinds?: ReadonlyArray<'access_token' | 'refresh_token'>
    /** Whether the whole grant ends with the token. */
    readonly ends: 'grant' | 'token'
    readonly answers: { readonly done: VendorAnswer, readonly unknown: VendorAnswer }
  }
  readonly openid?: {
    readonly issuer: string
    readonly discovery: Readonly<Record<string, unknown>>
    /** Of the ID token. */
    readonly claims: Readonly<Record<string, unknown>>
  }
}
