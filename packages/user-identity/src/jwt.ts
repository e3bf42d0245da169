import { ConsentryError } from '@consentry/core'
import { createLocalJWKSet, createRemoteJWKSet, customFetch, decodeJwt, errors, jwtVerify, type FetchImplementation, type JSONWebKeySet, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import { userInfoFromClaims, type UserInfo } from './user-info.ts'
import type { UserIdOptions } from './user-id.ts'

/** An issuer whose access tokens are accepted. */
export interface JwtIssuer {
  /** Compared with the `iss` claim exactly. */
  issuer: string
  /** Who we are to the issuer: `aud` must hold one of these. */
  audience: string | readonly string[]
  /** Where its keys are (RFC 7517). Give this or `jwks`. */
  jwksUri?: string | URL
  /** Its keys, when they are known. */
  jwks?: JSONWebKeySet
  /** The signature algorithms it uses; asymmetric ones only. `RS256`, `PS256`, `ES256` and `EdDSA` unless given. */
  algorithms?: readonly string[]
  /** The required `typ` of the header, such as `at+jwt` (RFC 9068). */
  typ?: string
  /** Accept ID tokens too, which are meant for clients and not for APIs. */
  allowIdTokens?: boolean
}

export interface JwtOptions {
  issuers: readonly JwtIssuer[]
  /** How far clocks may differ, in seconds; 30 unless given. */
  clockTolerance?: number
  /** Fetches keys. The global one unless given. */
  fetch?: FetchImplementation
}

/**
 * Verifies bearer tokens that are JWTs (RFC 7519, RFC 8725). The returned function rejects with
 * `CONSENTRY_ERR_CREDENTIAL_INVALID`, or with `CONSENTRY_ERR_PROVIDER_UNAVAILABLE` when the keys cannot be had.
 * Throws `CONSENTRY_ERR_OPTIONS_INVALID` when an issuer has no keys or a symmetric algorithm.
 */
export function jwtVerifier (options: JwtOptions, userId: UserIdOptions = {}): (token: string) => Promise<UserInfo> {
  const { clockTolerance = 30 } = options
  const issuers = new Map(options.issuers.map((issuer) => [issuer.issuer, { ...issuer, key: keysOf(issuer, options), algorithms: algorithmsOf(issuer) }]))

  return async (token) => {
    try {
      // Read before it is verified only to choose whose keys must verify it.
      const known = issuers.get(String(decodeJwt(token).iss))
      if (known === undefined) throw new ConsentryError('CONSENTRY_ERR_CREDENTIAL_INVALID')
      const { payload, protectedHeader } = await jwtVerify(token, known.key, {
        issuer: known.issuer,
        audience: typeof known.audience === 'string' ? known.audience : [...known.audience],
        algorithms: known.algorithms,
        clockTolerance,
        requiredClaims: ['sub', 'exp'],
        ...(known.typ !== undefined && { typ: known.typ })
      })
      if (known.allowIdTokens !== true && isIdToken(payload, protectedHeader.typ)) throw new ConsentryError('CONSENTRY_ERR_CREDENTIAL_INVALID')
      return userInfoFromClaims(payload, { ...userId, source: 'jwt', verified: true })
    } catch (error) {
      if (ConsentryError.is(error)) throw error
      throw new ConsentryError(keysAreAway(error) ? 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE' : 'CONSENTRY_ERR_CREDENTIAL_INVALID', { cause: error })
    }
  }
}

const asymmetric = /^(RS|PS|ES)(256|384|512)$|^(EdDSA|Ed25519)$/

function algorithmsOf ({ algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA'] }: JwtIssuer): string[] {
  if (algorithms.length === 0 || !algorithms.every((algorithm) => asymmetric.test(algorithm))) {
    throw invalid('algorithms must be asymmetric ones: with a symmetric one, whoever verifies can also sign')
  }
  return [...algorithms]
}

function keysOf ({ issuer, jwks, jwksUri }: JwtIssuer, { fetch }: JwtOptions): JWTVerifyGetKey {
  if ((jwks === undefined) === (jwksUri === undefined)) throw invalid(`the issuer ${issuer} needs either jwks or jwksUri`)
  if (jwks !== undefined) return createLocalJWKSet(jwks)
  const url = new URL(jwksUri as string | URL)
  if (url.protocol !== 'https:' && !/^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname)) throw invalid('jwksUri must be an https URL')
  return createRemoteJWKSet(url, fetch === undefined ? {} : { [customFetch]: fetch })
}

/** An ID token says so by its own claims; an access token of RFC 9068 says so by its type. */
function isIdToken (payload: JWTPayload, typ: string | undefined): boolean {
  if (typ !== undefined && /^(application\/)?at\+jwt$/i.test(typ)) return false
  return ['nonce', 'at_hash', 'c_hash', 's_hash'].some((claim) => claim in payload)
}

/** The caller is not to blame when the issuer's keys cannot be fetched, or are no keys. */
function keysAreAway (error: unknown): boolean {
  return !(error instanceof errors.JOSEError) || ['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC'].includes(error.code)
}

function invalid (message: string): ConsentryError {
  return new ConsentryError('CONSENTRY_ERR_OPTIONS_INVALID', { cause: new TypeError(message) })
}
