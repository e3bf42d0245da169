import type { AdapterPayload, JWK } from 'oidc-provider'

/** An application registered at the local provider. PKCE with S256 is required of every one. */
export interface LocalClient {
  clientId: string
  /** Without one the client is public. */
  clientSecret?: string
  /** Shown on the consent page. */
  name?: string
  /** Without any, nobody is sent here by the client. */
  redirectUris: readonly string[]
  postLogoutRedirectUris?: readonly string[]
  /** The scopes it may ask for; all of them unless given. */
  scopes?: readonly string[]
  /** Signs people in without a consent page, unless the request has `prompt=consent`. */
  firstParty?: boolean
  /** Gets a rotating refresh token with every code, whether or not it asked for `offline_access`. `true` unless given. */
  refreshTokens?: boolean
  /** `client_secret_basic` unless given, `none` for a client without a secret. */
  authMethod?: 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt' | 'none'
  /** The public keys of a client with `private_key_jwt`. */
  keys?: readonly JWK[]
  /** Gets tokens of its own, without a person (RFC 6749 section 4.4). */
  clientCredentials?: boolean
  /** May ask people on another device (RFC 8628). */
  deviceFlow?: boolean
  /** Seconds; the provider's unless given. */
  accessTokenTtl?: number
  /** `native` may use loopback redirect URIs with any port. `web` unless given. */
  applicationType?: 'web' | 'native'
  /** Where logout tokens are posted (OpenID Connect Back-Channel Logout 1.0). */
  backchannelLogoutUri?: string
}

/** The client as its registration, in the names of RFC 7591. */
export function clientMetadata (client: LocalClient): AdapterPayload {
  const code = client.redirectUris.length > 0
  const refresh = client.refreshTokens ?? (code || client.deviceFlow === true)
  return {
    client_id: client.clientId,
    client_name: client.name ?? client.clientId,
    application_type: client.applicationType ?? 'web',
    redirect_uris: client.redirectUris,
    grant_types: [...code ? ['authorization_code'] : [], ...refresh ? ['refresh_token'] : [], ...client.clientCredentials === true ? ['client_credentials'] : [], ...client.deviceFlow === true ? ['urn:ietf:params:oauth:grant-type:device_code'] : []],
    response_types: code ? ['code'] : [],
    token_endpoint_auth_method: client.authMethod ?? (client.clientSecret === undefined ? 'none' : 'client_secret_basic'),
    ...(client.clientSecret === undefined ? {} : { client_secret: client.clientSecret }),
    ...(client.keys === undefined ? {} : { jwks: { keys: client.keys } }),
    ...(client.postLogoutRedirectUris === undefined ? {} : { post_logout_redirect_uris: client.postLogoutRedirectUris }),
    ...(client.scopes === undefined ? {} : { scope: client.scopes.join(' ') }),
    ...(client.backchannelLogoutUri === undefined
      ? {}
      : { backchannel_logout_uri: client.backchannelLogoutUri, backchannel_logout_session_required: true })
  }
}
