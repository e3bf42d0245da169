import type { RedirectProvider, TokenSet } from '@consentry/core'
import { decodeJwt } from 'jose'
import {
  authorizationCodeGrantRequest, getValidatedIdTokenClaims, processAuthorizationCodeResponse, processDeviceCodeResponse,
  processRefreshTokenResponse, refreshTokenGrantRequest
} from 'oauth4webapi'
import type { AuthorizationServer, TokenEndpointResponse } from 'oauth4webapi'
import { common } from './common.ts'
import { createContext } from './context.ts'
import { deviceAuthorization } from './device-authorization.ts'
import { discovery } from './discovery.ts'
import type { OpenIdServer } from './discovery.ts'
import { withNonce } from './dpop.ts'
import { attempt, optionsInvalid } from './errors.ts'
import { verifyIdToken } from './id-token.ts'
import type { IdTokenCompany } from './id-token.ts'
import { oneIssuer } from './issuer-rules.ts'
import type { IssuerRules } from './issuer-rules.ts'
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
  /**
   * Sends authorization requests to the provider itself, so that the browser carries only their name (RFC 9126).
   * Default `'auto'`: where the provider says that it requires it.
   */
  pushedAuthorizationRequests?: true | 'auto'
}

/** Where a provider differs from OpenID Connect Core. */
export interface OpenIdDialect {
  rules?: IssuerRules
  /** What was granted, by what was answered and what was asked for. */
  grantedScopes?: (tokens: TokenSet, asked: readonly string[]) => readonly string[] | undefined
  /** `false` where logout tokens are not sent. */
  backchannelLogout?: false
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
  return openIdProvider(options)
}

/** `oidc()` for a provider that has a way of its own. */
export function openIdProvider (options: OidcOptions, { rules = oneIssuer(options.issuer), grantedScopes, backchannelLogout }: OpenIdDialect = {}): RedirectProvider {
  const reach = reachOf(options)
  const issuer = endpointOption('issuer', options.issuer, reach)
  if (issuer.includes('?')) throw optionsInvalid('issuer has a query')
  const authorizationEndpoint = options.authorizationEndpoint === undefined ? undefined : endpointOption('authorizationEndpoint', options.authorizationEndpoint, reach)
  const algorithms = [...options.signingAlgorithms ?? ['RS256']]
  if (algorithms.length === 0 || !algorithms.every((alg) => signingAlgorithms.has(alg))) throw optionsInvalid('signingAlgorithms holds one that is not asymmetric or not known')
  const { host } = new URL(authorizationEndpoint ?? issuer)
  const { label = host, idTokenHintInUrl = false, pushedAuthorizationRequests = 'auto' } = options
  if (pushedAuthorizationRequests !== true && pushedAuthorizationRequests !== 'auto') throw optionsInvalid('pushedAuthorizationRequests is neither true nor auto')
  const context = createContext(options, { scopes: ['openid', 'profile', 'email'], scopeSeparator: ' ' })
  const { client, authentication, proving } = context
  const server = discovery(context, { issuer, documentIssuer: rules.document, algorithms, authorizationEndpoint })
  const keys = keysOf(context, { algorithms, jwksUri: async () => (await server()).jwks_uri, signs: rules.signs })
  const pushes = (metadata: AuthorizationServer) => pushedAuthorizationRequests === true || metadata.require_pushed_authorization_requests === true
  const { methods, responses } = common(context, { server, rules, openid: true, pushes })

  /** The metadata with the issuer that the ID token in an answer must name. */
  const issuing = async (metadata: OpenIdServer, answer: Response): Promise<OpenIdServer> => {
    if (rules.expected === undefined || answer.status !== 200) return metadata
    const { id_token: idToken } = await answer.clone().json() as { id_token?: unknown }
    return typeof idToken === 'string' ? { ...metadata, issuer: rules.expected(decodeJwt(idToken)) } : metadata
  }

  /** The tokens, beside the one that is held already, with the account of their ID token, if there is one. */
  const verified = async (body: TokenEndpointResponse, asked: readonly string[], company: Omit<IdTokenCompany, 'accessToken'>, held: Pick<TokenSet, 'refreshToken'> = {}): Promise<TokenSet> => {
    const tokens = { ...held, ...tokenSet(body, context) }
    const claims = getValidatedIdTokenClaims(body)
    const scopes = grantedScopes?.(tokens, asked) ?? tokens.scopes
    const account = claims === undefined || tokens.idToken === undefined
      ? undefined
      : await verifyIdToken(context, keys, tokens.idToken, claims, { accessToken: tokens.accessToken, ...company })
    return { ...tokens, ...scopes !== undefined && { scopes }, ...account !== undefined && { account } }
  }

  return Object.freeze({
    kind: 'redirect',
    label,
    host,
    issuer: rules.document,
    defaultScopes: context.scopes,
    ...context.facts,
    ...methods,

    async exchange (response, { redirectUri, codeVerifier, nonce, scopes, maxAge }) {
      return attempt('exchange', async () => {
        const metadata = await server()
        const parameters = responses.take(response)
        const body = await withNonce(async () => {
          const answer = await regular(await authorizationCodeGrantRequest(metadata, client, authentication, parameters, redirectUri, codeVerifier, proving), { idToken: true })
          return processAuthorizationCodeResponse(await issuing(metadata, answer), client, answer, {
            expectedNonce: nonce, requireIdToken: true, ...maxAge !== undefined && { maxAge }
          })
        })
        return verified(body, scopes, { code: parameters.get('code') ?? undefined })
      }, context)
    },

    async refresh ({ refreshToken, scopes = [], account }) {
      return attempt('refresh', async () => {
        const metadata = await server()
        const body = await withNonce(async () => {
          const answer = await regular(await refreshTokenGrantRequest(metadata, client, authentication, refreshToken, proving), { idToken: true })
          return processRefreshTokenResponse(await issuing(metadata, answer), client, answer)
        })
        // RFC 6749 section 6: no new one means that the old one goes on.
        return verified(body, scopes, { before: account }, { refreshToken })
      }, context)
    },

    async deviceAuthorization ({ scopes }) {
      const metadata = await server()
      return deviceAuthorization(context, {
        server: metadata,
        scopes: scopes.includes('openid') ? scopes : ['openid', ...scopes],
        async tokens (response) {
          const answer = await regular(response, { idToken: true })
          return verified(await processDeviceCodeResponse(await issuing(metadata, answer), client, answer), scopes, {})
        }
      })
    },

    ...backchannelLogout !== false && { logoutToken: (token: string) => attempt('logout', () => verifyLogoutToken(context, keys, issuer, token)) },

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
