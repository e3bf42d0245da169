import { ConsentryError, type Clock } from '@consentry/core'
import * as oauth from 'oauth4webapi'
import { boundedFetch, endpoint, isLoopback, type FetchOptions } from './fetch.ts'
import { invalid, refused } from './refused.ts'
import type { UserIdOptions } from './user-id.ts'
import { userInfoFromClaims, type UserInfo } from './user-info.ts'

/** The authorization server that knows what opaque tokens mean (RFC 7662). */
export interface IntrospectionOptions extends FetchOptions {
  /** Who vouches for the subjects. An answer with another `iss` is refused. */
  issuer: string
  /** By https, or http on this machine. */
  introspectionEndpoint: string | URL
  /** How we are known there. */
  clientId: string
  clientSecret: string
  /** `client_secret_basic` unless given. */
  clientAuthentication?: 'client_secret_basic' | 'client_secret_post'
  /** Who we are to the issuer: `aud` must hold one of these. */
  audience: string | readonly string[]
  /** Accept answers without `aud`, for servers that answer only about tokens for us. */
  allowMissingAudience?: boolean
  /** Accept answers without `token_type`, for servers that never send it. With some of them a refresh token then counts too. */
  allowMissingTokenType?: boolean
}

/** How what is told becomes a `UserInfo`. */
export interface IntrospectorOptions extends UserIdOptions {
  verified: boolean
  clock: Pick<Clock, 'now'>
}

/**
 * Asks the authorization server about an opaque token.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; the returned function `CONSENTRY_ERR_CREDENTIAL_INVALID` for a
 *   token that is not active, not for us or bound to a key, and `CONSENTRY_ERR_PROVIDER_UNAVAILABLE` when the server cannot tell
 */
export function introspector (options: IntrospectionOptions, { clock, ...userId }: IntrospectorOptions): (token: string) => Promise<UserInfo> {
  const { issuer, clientId, clientSecret } = options
  const url = endpoint('introspection.introspectionEndpoint', options.introspectionEndpoint)
  for (const name of ['issuer', 'clientId', 'clientSecret'] as const) {
    if (typeof options[name] !== 'string' || options[name] === '') throw invalid(`introspection.${name} is missing`)
  }
  const audience = [options.audience].flat()
  if (audience.length === 0 || audience.some((each) => typeof each !== 'string' || each === '')) throw invalid('introspection.audience is missing')
  const fetch = boundedFetch(options)
  const server: oauth.AuthorizationServer = { issuer, introspection_endpoint: url.href }
  const client: oauth.Client = { client_id: clientId }
  const authentication = options.clientAuthentication === 'client_secret_post' ? oauth.ClientSecretPost(clientSecret) : oauth.ClientSecretBasic(clientSecret)

  async function ask (token: string): Promise<oauth.IntrospectionResponse> {
    try {
      const response = await oauth.introspectionRequest(server, client, authentication, token, {
        additionalParameters: { token_type_hint: 'access_token' },
        [oauth.allowInsecureRequests]: isLoopback(url),
        [oauth.customFetch]: (target, { method, headers, body }) => fetch(target, { method, headers, body })
      })
      return await oauth.processIntrospectionResponse(server, client, response)
    } catch (error) {
      throw ConsentryError.is(error) ? error : new ConsentryError('CONSENTRY_ERR_PROVIDER_UNAVAILABLE', { cause: error })
    }
  }

  return async (token) => {
    const answer = await ask(token)
    if (!answer.active || (answer.iss !== undefined && answer.iss !== issuer)) throw refused()
    const isForUs = answer.aud === undefined ? options.allowMissingAudience === true : [answer.aud].flat().some((each) => audience.includes(each))
    // A refresh token has no type (RFC 7662 section 2.2); one that is bound to a key is no bearer token (RFC 9449 section 7.1).
    const isBearer = answer.token_type === undefined ? options.allowMissingTokenType === true : /^bearer$/i.test(answer.token_type)
    if (!isForUs || !isBearer || answer['cnf'] !== undefined) throw refused()
    const name = answer.username === undefined ? {} : { preferred_username: answer.username }
    const userInfo = userInfoFromClaims({ ...name, ...answer }, { ...userId, source: 'jwt', issuer, subjectClaims: ['sub'] })
    if (userInfo.expiresAt !== undefined && userInfo.expiresAt * 1000 <= clock.now()) throw refused()
    return userInfo
  }
}
