import type { AuthorizationRequest, Claims, TokenSet } from '@consentry/core'
import type { ClientOptions } from './options.ts'
import type { VendorApi } from './vendor-api.ts'

/** What an application says to be a client of a vendor; the rest is known. */
export interface VendorOptions extends Pick<ClientOptions,
  'label' | 'clientId' | 'clientSecret' | 'scopes' | 'resourceHosts' | 'authorizationParameters' | 'timeout' | 'clockTolerance' | 'allowPrivateAddresses' |
  'allowInsecureLoopback' | 'fetch' | 'clock'> {}

/** Where a value stands in JSON: names of members with dots between them, such as `data.id`. */
export type Path = string

/** Where an account's facts stand. */
export interface AccountPaths {
  /** The stable id, a string or an integer; several, where one alone is not unique, are joined by colons. */
  readonly subject: Path | readonly Path[] | ((json: unknown) => readonly unknown[])
  /** Standard claims (OpenID Connect Core section 5.1), and the vendor's own that applications need. */
  readonly claims?: Readonly<Record<string, Path>>
}

interface CommonVendor {
  /** For people. */
  readonly label: string
  /** Where the client's secret goes (OpenID Connect Core section 9). */
  readonly clientAuthentication: 'client_secret_basic' | 'client_secret_post'
  /** Whether there are clients without a secret. */
  readonly publicClients?: true
  /** Asked for when neither the requirement nor the options name scopes. */
  readonly defaultScopes: readonly string[]
  /** Asked for always: without them the vendor does not tell whose the tokens are. */
  readonly identityScopes?: readonly string[]
  /** Asked for when a refresh token is wanted. The vendor need not list them among what it granted. */
  readonly offlineScopes?: readonly string[]
  readonly recommendedScopes?: readonly string[]
  readonly coveredScopes?: Readonly<Record<string, readonly string[]>>
  /** Sent with every authorization request, unless the application sets them otherwise. */
  readonly authorizationParameters?: Readonly<Record<string, string>>
  /** Sent when a refresh token is wanted, or is there and stays in use. */
  readonly offlineParameters?: Readonly<Record<NonNullable<AuthorizationRequest['refreshToken']>, Readonly<Record<string, string>>>>
  /** The parameter for the account that is expected. Without one, it is not sent. */
  readonly loginHint?: { readonly parameter: string, readonly claim: string }
  /** Revoking one token ends all that the account allowed the application. */
  readonly revokesAll?: true
  /** Which tokens are revoked: each by itself, one for the whole grant, or one kind alone. Default `each`. */
  readonly revokes?: 'each' | 'one' | 'access_token' | 'refresh_token'
}

/** A vendor that is an OpenID provider; the rest is in its discovery document. */
export interface OpenIdVendor extends CommonVendor {
  readonly issuer: string
}

/** A vendor that speaks OAuth 2.0 alone, and how it departs from it. */
export interface PlainVendor extends CommonVendor {
  readonly authorizationEndpoint: string
  readonly tokenEndpoint: string
  /** RFC 8628, where the vendor has it. */
  readonly deviceAuthorizationEndpoint?: string
  readonly revocationEndpoint?: string
  /** The parameter of the scopes; `null` where they belong to the client's registration. Default `scope`. */
  readonly scopeParameter?: string | null
  /** Between scopes, in requests. Default a space. */
  readonly scopeSeparator?: string
  /** `refused`: the vendor answers a code verifier with an error. */
  readonly pkce?: 'refused'
  /** `json`: the token and revocation requests carry JSON. Default a form. */
  readonly requestBody?: 'json'
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>
  /** Where the token answer departs from RFC 6749 section 5.1. */
  readonly answer?: {
    /** The member that holds the tokens, where they do not stand on top. */
    readonly within?: string
    /** The member with the granted scopes, a string or a list. Default `scope`. */
    readonly scope?: string
    /** Between granted scopes, where it is neither a space nor what requests have. */
    readonly scopeSeparator?: string
    /** Tokens are bearer tokens, whatever the answer says or leaves out. */
    readonly tokenType?: 'bearer'
    /** Seconds, where the answer does not say; `endless` where what it says does not hold. */
    readonly lifetime?: number | 'endless'
  }
  /** Its errors (`code`, or `code: description`) as those of RFC 6749 section 5.2. */
  readonly errors?: Readonly<Record<string, string>>
  /** Where the error's code stands. Default `error`. */
  readonly errorPath?: Path
  /** Told in the token answer. */
  readonly tokenAccount?: AccountPaths
  /** Told by an endpoint. */
  readonly account?: AccountPaths & {
    /** Answers a GET with the access token. */
    readonly endpoint?: string
    /** For what takes more than that. `undefined` when nothing is told. */
    readonly load?: (api: VendorApi, tokens: TokenSet) => Promise<Claims | undefined>
    /** Some clients are not registered for it, and are answered with 403: then nothing is told. */
    readonly optional?: true
  }
  /** Ends the tokens where RFC 7009 is not spoken. */
  readonly revoke?: (api: VendorApi, tokens: Pick<TokenSet, 'accessToken' | 'refreshToken'>) => Promise<boolean>
  /** What is done with tokens before they count as obtained. */
  readonly complete?: (api: VendorApi, tokens: TokenSet) => Promise<TokenSet>
}

/** A vendor as data. */
export type Vendor = OpenIdVendor | PlainVendor
