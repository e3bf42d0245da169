import type { RedirectProvider } from '@consentry/core'
import {
  authorizationCodeGrantRequest, getValidatedIdTokenClaims, processAuthorizationCodeResponse, processRefreshTokenResponse,
  refreshTokenGrantRequest
} from 'oauth4webapi'
import type { TokenEndpointResponse } from 'oauth4webapi'
import { common } from './common.ts'
import { createContext } from './context.ts'
import { discovery } from './discovery.ts'
import { attempt, optionsInvalid, responseInvalid } from './errors.ts'
import { verifyIdToken } from './id-token.ts'
import { keysOf } from './keys.ts'
import { verifyLogoutToken } from './logout-token.ts'
import { endpointOption, reachOf } from './options.ts'
import type { ClientOptions } from './options.ts'
import { regular, tokenSet } from './token-response.ts'
import { openIdUserInfo } from './userinfo.ts'

/** Asymmetric signature algorithms (RFC 7518 section 3.1, RFC 8037, RFC 9864). */
export type SigningAlgorithm = 'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'ES256' | 'ES384' | 'ES512' | 'Ed25519' | 'EdDSA'

export interface OidcOptions extends ClientOptions {
  /** The issuer identifier, character by character as the provider's discovery document has it. */
  issuer: string
  /** Signature algorithms that are accepted, whatever the provider lists. Default `['RS256']`. */
  signingAlgorithms?: readonly SigningAlgorithm[]
  /** Takes the place of the discovered one, where people are to be asked elsewhere. */
  authorizationEndpoint?: string
  /** Sends the ID token along to the provider's logout, for one that ends no session without it. It stands in a URL then. */
  idTokenHintInUrl?: boolean
}

const signingAlgorithms: ReadonlySet<string> = new Set<SigningAlgorithm>([
  'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'Ed25519', 'EdDSA'
])

/**
 * An OpenID provider (OpenID Connect Core 1.0), found by discovery at the first use. Every request asks for `openid`;
 * every ID token is checked with its signature, also those of refreshes.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function oidc (options: OidcOptions): RedirectProvider {
  const reach = reachOf(options)
  const issuer = endpointOption('issuer', options.issuer, reach)
  if (issuer.includes('?')) throw optionsInvalid('issuer has a query')
  const authorizationEndpoint = options.authorizationEndpoint === undefined ? undefined : endpointOption('authorizationEndpoint', options.authorizationEndpoint, reach)
  const algorithms = [...options.signingAlgorithms ?? ['RS256']]
  if (algorithms.length === 0 || !algorithms.every((alg) => signingAlgorithms.has(alg))) throw optionsInvalid('signingAlgorithms holds one that is not asymmetric or not known')
  const { host } = new URL(authorizationEndpoint ?? issuer)
  const { label = host, idTokenHintInUrl = false } = options
  const context = createContext(options, { scopes: ['openid', 'profile', 'email'], scopeSeparator: ' ' })
  const { client, authentication, http } = context
  const server = discovery(context, { issuer, algorithms, authorizationEndpoint })
  const keys = keysOf(context, algorithms, async () => (await server()).jwks_uri)
  const { methods, responses } = common(context, { server, openid: true })

  /** The tokens with the account of their ID token, if there is one. */
  const verified = async (body: TokenEndpointResponse) => {
    const tokens = tokenSet(body, ' ')
    const claims = getValidatedIdTokenClaims(body)
    if (claims === undefined || tokens.idToken === undefined) return tokens
    return { ...tokens, account: await verifyIdToken(context, keys, tokens.idToken, claims, tokens.accessToken) }
  }

  return Object.freeze({
    kind: 'redirect',
    label,
    host,
    issuer,
    defaultScopes: context.scopes,
    ...methods,

    async exchange (response, { redirectUri, codeVerifier, nonce, maxAge }) {
      return attempt('exchange', async () => {
        const metadata = await server()
        const parameters = responses.take(response)
        const answer = await authorizationCodeGrantRequest(metadata, client, authentication, parameters, redirectUri, codeVerifier, http)
        return verified(await processAuthorizationCodeResponse(metadata, client, await regular(answer, { idToken: true }), {
          expectedNonce: nonce, requireIdToken: true, ...maxAge !== undefined && { maxAge }
        }))
      })
    },

    async refresh ({ refreshToken, account }) {
      return attempt('refresh', async () => {
        const metadata = await server()
        const answer = await refreshTokenGrantRequest(metadata, client, authentication, refreshToken, http)
        // RFC 6749 section 6: no new one means that the old one goes on.
        const tokens = { refreshToken, ...await verified(await processRefreshTokenResponse(metadata, client, await regular(answer, { idToken: true }))) }
        // OpenID Connect Core section 12.2.
        if (account !== undefined && 'account' in tokens && (tokens.account.issuer !== account.issuer || tokens.account.subject !== account.subject)) {
          throw responseInvalid('The ID token of the refresh is of another account')
        }
        return tokens
      })
    },

    logoutToken: (token) => attempt('logout', () => verifyLogoutToken(context, keys, issuer, token)),

    userInfo: async (tokens) => openIdUserInfo(context, await server(), keys, tokens),

    async endSessionUrl ({ idToken, postLogoutRedirectUri, state }) {
      const { end_session_endpoint: endpoint } = await server()
      if (endpoint === undefined) return undefined
      const url = new URL(endpoint)
      if (idToken !== undefined && idTokenHintInUrl) url.searchParams.set('id_token_hint', idToken)
      url.searchParams.set('client_id', client.client_id)
      url.searchParams.set('post_logout_redirect_uri', postLogoutRedirectUri)
      url.searchParams.set('state', state)
      return url
    }
  } satisfies RedirectProvider)
}
