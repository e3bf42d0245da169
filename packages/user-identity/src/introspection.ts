import { ConsentryError } from '@consentry/core'
import * as oauth from 'oauth4webapi'
import type { UserIdOptions } from './user-id.ts'
import { userInfoFromClaims, type UserInfo } from './user-info.ts'

/** The authorization server that knows what opaque tokens mean (RFC 7662). */
export interface IntrospectionOptions {
  issuer: string
  introspectionEndpoint: string
  /** How we are known there. */
  clientId: string
  clientSecret: string
  /** Who we are to the issuer: `aud`, where it is told, must hold one of these. */
  audience: string | readonly string[]
  /** For each request, in milliseconds; 10000 unless given. */
  timeout?: number
  /** The global one unless given. */
  fetch?: typeof globalThis.fetch
}

/**
 * Asks the authorization server about an opaque token. The returned function rejects with
 * `CONSENTRY_ERR_CREDENTIAL_INVALID` for one that is not active or not for us, and with
 * `CONSENTRY_ERR_PROVIDER_UNAVAILABLE` when the server cannot tell.
 */
export function introspector (options: IntrospectionOptions, userId: UserIdOptions = {}): (token: string) => Promise<UserInfo> {
  const { issuer, introspectionEndpoint, clientId, clientSecret, timeout = 10_000, fetch = globalThis.fetch } = options
  const audience = typeof options.audience === 'string' ? [options.audience] : options.audience
  const { protocol, hostname } = new URL(introspectionEndpoint)
  const loopback = /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname)
  if (protocol !== 'https:' && !loopback) throw new ConsentryError('CONSENTRY_ERR_OPTIONS_INVALID', { cause: new TypeError('introspectionEndpoint must be an https URL') })
  const server: oauth.AuthorizationServer = { issuer, introspection_endpoint: introspectionEndpoint }
  const client: oauth.Client = { client_id: clientId }
  const authentication = oauth.ClientSecretBasic(clientSecret)

  return async (token) => {
    let answer: oauth.IntrospectionResponse
    try {
      const response = await oauth.introspectionRequest(server, client, authentication, token, {
        signal: () => AbortSignal.timeout(timeout),
        [oauth.allowInsecureRequests]: loopback,
        [oauth.customFetch]: (url, init) => fetch(url, { ...init, redirect: 'error' } as RequestInit)
      })
      answer = await oauth.processIntrospectionResponse(server, client, response)
    } catch (error) {
      throw new ConsentryError('CONSENTRY_ERR_PROVIDER_UNAVAILABLE', { cause: error })
    }
    const intended = answer.aud === undefined || [answer.aud].flat().some((each) => audience.includes(each))
    if (!answer.active || !intended || (answer.iss !== undefined && answer.iss !== issuer)) throw new ConsentryError('CONSENTRY_ERR_CREDENTIAL_INVALID')
    return userInfoFromClaims({ ...answer }, { ...userId, source: 'jwt', verified: true, issuer })
  }
}
