import type { RedirectProvider, TokenSet } from '@consentry/core'
import {
  authorizationCodeGrantRequest, processAuthorizationCodeResponse, processDeviceCodeResponse, processRefreshTokenResponse,
  refreshTokenGrantRequest
} from 'oauth4webapi'
import type { TokenEndpointResponse } from 'oauth4webapi'
import { common } from './common.ts'
import { createContext } from './context.ts'
import type { Dialect } from './dialect.ts'
import { deviceAuthorization } from './device-authorization.ts'
import { withNonce } from './dpop.ts'
import { attempt, optionsInvalid, responseInvalid } from './errors.ts'
import { endpointOption, reachOf } from './options.ts'
import type { ClientOptions } from './options.ts'
import { regular, tokenSet } from './token-response.ts'
import { plainUserInfo } from './userinfo.ts'

export interface OAuth2Options extends ClientOptions {
  /** RFC 6749 section 3.1. */
  authorizationEndpoint: string
  /** RFC 6749 section 3.2. */
  tokenEndpoint: string
  /** RFC 9126 section 2. With it, authorization requests are sent there, and the browser carries only their name. */
  pushedAuthorizationRequestEndpoint?: string
  /** RFC 8628 section 3.1. Without it, nobody can be asked on another device. */
  deviceAuthorizationEndpoint?: string
  /** RFC 7009 section 2. Without it, nothing can be revoked. */
  revocationEndpoint?: string
  /** A URL that answers with JSON about the account of an access token. */
  userinfoEndpoint?: string
  /** The member of that JSON with the account's stable id, a string or an integer. Default `sub`. */
  subjectClaim?: string
  /**
   * The issuer identifier, needed when the provider sends `iss` with its authorization responses (RFC 9207).
   * Default: the origin of the authorization endpoint.
   */
  issuer?: string
  /** What stands between scopes, one character. Default a space, as in RFC 6749 section 3.3. */
  scopeSeparator?: string
  /**
   * Errors of the token endpoint that mean on a refresh what `invalid_grant` does: the person has to consent again.
   * For providers with names of their own for it.
   */
  reauthErrors?: readonly string[]
}

/**
 * An authorization server that speaks OAuth 2.0 (RFC 6749) with PKCE (RFC 7636), without OpenID Connect: who the account
 * is comes from `userinfoEndpoint`. An ID token that is sent all the same is left unread.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function oauth2 (options: OAuth2Options): RedirectProvider {
  return oauth2In({}, options)
}

/** The same for a server that leaves the protocol in some places. */
export function oauth2In (dialect: Dialect, options: OAuth2Options): RedirectProvider {
  const reach = reachOf(options)
  const endpoints = {
    authorization_endpoint: endpointOption('authorizationEndpoint', options.authorizationEndpoint, reach),
    token_endpoint: endpointOption('tokenEndpoint', options.tokenEndpoint, reach),
    ...options.pushedAuthorizationRequestEndpoint !== undefined && {
      pushed_authorization_request_endpoint: endpointOption('pushedAuthorizationRequestEndpoint', options.pushedAuthorizationRequestEndpoint, reach)
    },
    ...options.deviceAuthorizationEndpoint !== undefined && { device_authorization_endpoint: endpointOption('deviceAuthorizationEndpoint', options.deviceAuthorizationEndpoint, reach) },
    ...options.revocationEndpoint !== undefined && { revocation_endpoint: endpointOption('revocationEndpoint', options.revocationEndpoint, reach) }
  }
  const userinfoEndpoint = options.userinfoEndpoint === undefined ? undefined : endpointOption('userinfoEndpoint', options.userinfoEndpoint, reach)
  const { host, origin } = new URL(endpoints.authorization_endpoint)
  const issuer = options.issuer === undefined ? origin : endpointOption('issuer', options.issuer, reach)
  const { subjectClaim = 'sub', scopeSeparator = ' ', label = host } = options
  if (typeof subjectClaim !== 'string' || subjectClaim === '') throw optionsInvalid('subjectClaim is empty')
  const context = createContext(options, {
    scopes: [],
    scopeSeparator,
    // Without an issuer, an assertion is for the token endpoint (RFC 7523 section 3).
    audience: options.issuer === undefined ? endpoints.token_endpoint : undefined,
    reauthErrors: options.reauthErrors,
    dialect
  })
  const { client, authentication, proving } = context
  const server = Object.freeze({ issuer, ...endpoints })
  const { methods, responses } = common(context, { server: async () => server, openid: false, pushes: () => options.pushedAuthorizationRequestEndpoint !== undefined })

  const tokens = (answer: TokenEndpointResponse): TokenSet => {
    const account = dialect.tokenAccount?.(answer)
    return { ...tokenSet(answer, context), ...account !== undefined && { account } }
  }

  return Object.freeze({
    kind: 'redirect',
    label,
    host,
    issuer,
    defaultScopes: context.scopes,
    ...context.facts,
    ...methods,

    async exchange (response, { redirectUri, codeVerifier }) {
      return attempt('exchange', async () => {
        const parameters = responses.take(response)
        const obtained = tokens(await withNonce(async () => {
          const answer = await authorizationCodeGrantRequest(server, client, authentication, parameters, redirectUri, codeVerifier, proving)
          return processAuthorizationCodeResponse(server, client, await regular(answer, { idToken: false }))
        }))
        return dialect.complete?.(context, obtained) ?? obtained
      }, context)
    },

    async refresh ({ refreshToken, account }) {
      return attempt('refresh', async () => {
        const body = await withNonce(async () => {
          const answer = await refreshTokenGrantRequest(server, client, authentication, refreshToken, proving)
          return processRefreshTokenResponse(server, client, await regular(answer, { idToken: false }))
        })
        const { account: told, ...obtained } = tokens(body)
        if (account !== undefined && told !== undefined && told.subject !== account.subject) throw responseInvalid('The answer to the refresh is of another account')
        // RFC 6749 section 6: no new one means that the old one goes on.
        return { refreshToken, ...obtained }
      }, context)
    },

    deviceAuthorization: ({ scopes }) => deviceAuthorization(context, {
      server,
      scopes,
      async tokens (answer) {
        const obtained = tokens(await processDeviceCodeResponse(server, client, await regular(answer, { idToken: false })))
        return dialect.complete?.(context, obtained) ?? obtained
      }
    }),

    revoke: async (tokens) => dialect.revoke?.(context, tokens) ?? methods.revoke(tokens),

    async userInfo (tokens) {
      if (dialect.userInfo !== undefined) return dialect.userInfo(context, tokens)
      return userinfoEndpoint === undefined ? undefined : plainUserInfo(context, userinfoEndpoint, issuer, subjectClaim, tokens)
    }
  } satisfies RedirectProvider)
}
