import { ConsentryError, systemClock, type Clock } from '@consentry/core'
import { decodeJwt, errors, jwtVerify, type JSONWebKeySet, type JWTPayload, type JWTVerifyGetKey, type JWTVerifyOptions, type JWTVerifyResult } from 'jose'
import { boundedFetch, endpoint, type Fetch, type FetchOptions } from './fetch.ts'
import { localKeys, remoteKeys, type Keys } from './keys.ts'
import { invalid, refused } from './refused.ts'
import type { UserIdOptions } from './user-id.ts'
import { userInfoFromClaims, type UserInfo } from './user-info.ts'

/** An issuer whose access tokens are accepted. */
export interface JwtIssuer {
  /** Compared with the `iss` claim exactly. */
  issuer: string
  /** Who we are to the issuer: `aud` must hold one of these. */
  audience: string | readonly string[]
  /** Where its keys are (RFC 7517), by https, or http on this machine. Give this or `jwks`. */
  jwksUri?: string | URL
  /** Its keys, when they are known. */
  jwks?: JSONWebKeySet
  /** The signature algorithms it uses; asymmetric ones only. `RS256`, `PS256`, `ES256` and `EdDSA` unless given. */
  algorithms?: readonly string[]
  /** The required `typ` of the header, such as `at+jwt` (RFC 9068). Without it: none, `JWT` or `at+jwt`. */
  typ?: string
  /**
   * The names of the clients that sign people in at this issuer. A token with one of them as an audience is taken for an ID
   * token: an ID token may say nothing else that an access token does not, unless `typ` tells them apart.
   */
  clientIds?: readonly string[]
  /** Accept ID tokens too, which are meant for clients and not for APIs. */
  allowIdTokens?: boolean
}

/** Which tokens are accepted. */
export interface JwtOptions extends FetchOptions {
  issuers: readonly JwtIssuer[]
  /** How far clocks may differ, in seconds; 30 unless given. */
  clockTolerance?: number
}

/** How verified tokens become a `UserInfo`. */
export interface JwtVerifierOptions extends UserIdOptions {
  /** The system's unless given. */
  clock?: Pick<Clock, 'now' | 'monotonic'>
  /** Called when the keys of an issuer changed: what was verified with the old ones is no longer worth anything. */
  onRotated?: (issuer: string) => void
}

/**
 * Verifies bearer tokens that are JWTs (RFC 7519, RFC 8725). Keys named in the token itself (`jku`, `jwk`, `x5u`) are
 * not looked at.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID` when an issuer has no keys or a symmetric algorithm; the returned
 *   function `CONSENTRY_ERR_CREDENTIAL_INVALID`, or `CONSENTRY_ERR_PROVIDER_UNAVAILABLE` when the keys cannot be had
 */
export function jwtVerifier (options: JwtOptions, { clock = systemClock, onRotated, ...userId }: JwtVerifierOptions = {}): (token: string) => Promise<UserInfo> {
  const clockTolerance = toleranceOf(options)
  const fetch = boundedFetch(options)
  const issuers = issuersOf(options, (issuer) => ({
    keys: keysOf(issuer, { fetch, clock, onRotated }),
    allowIdTokens: issuer.allowIdTokens === true,
    clientIds: clientIdsOf(issuer),
    typ: issuer.typ === undefined ? undefined : mediaType(issuer.typ),
    rules: {
      issuer: issuer.issuer,
      audience: audienceOf(issuer),
      algorithms: algorithmsOf(issuer),
      clockTolerance,
      requiredClaims: ['sub', 'exp']
    }
  }))

  return async (token) => {
    try {
      // Read before it is verified only to choose whose keys must verify it.
      const known = issuers.get(String(decodeJwt(token).iss))
      if (known === undefined) throw refused()
      const { payload, protectedHeader } = await known.keys.use((keys) => verifyWith(keys, token, { ...known.rules, currentDate: new Date(clock.now()) }))
      const typ = mediaType(protectedHeader.typ)
      if (known.typ === undefined ? !['', 'jwt', 'at+jwt'].includes(typ) : typ !== known.typ) throw refused()
      // Bound to a key that only a DPoP proof or a client certificate would show (RFC 9449 section 7.1, RFC 8705 section 3).
      if (payload['cnf'] !== undefined) throw refused()
      if (typ !== 'at+jwt' && !known.allowIdTokens && isForClients(payload, known.clientIds)) throw refused()
      return userInfoFromClaims(payload, { ...userId, source: 'jwt', verified: true, subjectClaims: ['sub'] })
    } catch (error) {
      if (ConsentryError.is(error)) throw error
      throw error instanceof errors.JOSEError ? refused(error) : new ConsentryError('CONSENTRY_ERR_PROVIDER_UNAVAILABLE', { cause: error })
    }
  }
}

/**
 * Reads bearer tokens that something in front has verified. Of `options`, when given, the issuers, audiences and the
 * clock's tolerance count.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; the returned function `CONSENTRY_ERR_CREDENTIAL_INVALID`
 */
export function upstreamJwt (options: JwtOptions | undefined, { clock, ...userId }: UserIdOptions & { clock: Pick<Clock, 'now'> }): (token: string) => UserInfo {
  const clockTolerance = toleranceOf(options)
  const issuers = options === undefined ? undefined : issuersOf(options, audienceOf)
  return (token) => {
    const claims = payloadOf(token)
    const now = clock.now() / 1000
    if (issuers !== undefined) {
      const audience = issuers.get(String(claims.iss))
      if (audience === undefined || ![claims.aud].flat().some((each) => audience.includes(String(each)))) throw refused()
    }
    if (claims.exp !== undefined && !(claims.exp > now - clockTolerance)) throw refused()
    if (claims.nbf !== undefined && !(claims.nbf <= now + clockTolerance)) throw refused()
    return userInfoFromClaims(claims, { ...userId, source: 'jwt', verified: false })
  }
}

function payloadOf (token: string): JWTPayload {
  try {
    return decodeJwt(token)
  } catch (error) {
    throw refused(error)
  }
}

/** With the one key that fits; with each, where the token does not say which. */
async function verifyWith (keys: JWTVerifyGetKey, token: string, rules: JWTVerifyOptions): Promise<JWTVerifyResult> {
  try {
    return await jwtVerify(token, keys, rules)
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    for await (const key of error) {
      try {
        return await jwtVerify(token, key, rules)
      } catch (failure) {
        if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure
      }
    }
    throw new errors.JWSSignatureVerificationFailed()
  }
}

function issuersOf<T> ({ issuers }: JwtOptions, make: (issuer: JwtIssuer) => T): Map<string, T> {
  if (!Array.isArray(issuers) || issuers.length === 0) throw invalid('jwt.issuers must name an issuer')
  const made = new Map<string, T>()
  for (const issuer of issuers as readonly JwtIssuer[]) {
    if (typeof issuer.issuer !== 'string' || issuer.issuer === '') throw invalid('an issuer must be a text')
    if (made.has(issuer.issuer)) throw invalid(`the issuer ${issuer.issuer} is there twice`)
    made.set(issuer.issuer, make(issuer))
  }
  return made
}

function keysOf ({ issuer, jwks, jwksUri }: JwtIssuer, { fetch, clock, onRotated }: { fetch: Fetch, clock: Pick<Clock, 'monotonic'>, onRotated: ((issuer: string) => void) | undefined }): Keys {
  if ((jwks === undefined) === (jwksUri === undefined)) throw invalid(`the issuer ${issuer} needs either jwks or jwksUri`)
  if (jwks !== undefined) return localKeys(jwks)
  return remoteKeys({ url: endpoint('jwksUri', jwksUri as string | URL), fetch, clock, onRotated: () => { onRotated?.(issuer) } })
}

const asymmetric = /^(RS|PS|ES)(256|384|512)$|^(EdDSA|Ed25519)$/

function algorithmsOf ({ algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA'] }: JwtIssuer): string[] {
  if (algorithms.length === 0 || !algorithms.every((algorithm) => asymmetric.test(algorithm))) {
    throw invalid('algorithms must be asymmetric ones: with a symmetric one, whoever verifies can also sign')
  }
  return [...algorithms]
}

function audienceOf ({ issuer, audience }: JwtIssuer): string[] {
  const all = [audience].flat()
  if (all.length === 0 || all.some((each) => typeof each !== 'string' || each === '')) throw invalid(`the issuer ${issuer} needs an audience`)
  return all
}

/** An audience that is a client too would never be accepted, or only as what must not be. */
function clientIdsOf (issuer: JwtIssuer): readonly string[] {
  const { clientIds = [], typ, allowIdTokens } = issuer
  if (!Array.isArray(clientIds) || clientIds.some((id) => typeof id !== 'string' || id === '')) throw invalid(`clientIds of the issuer ${issuer.issuer} must be a list of texts`)
  const isToldApart = mediaType(typ) === 'at+jwt' || allowIdTokens === true
  if (!isToldApart && audienceOf(issuer).some((each) => clientIds.includes(each))) throw invalid(`the issuer ${issuer.issuer} has a client as its audience, so that ID tokens would pass: require the typ at+jwt, or set allowIdTokens`)
  return [...clientIds]
}

function toleranceOf ({ clockTolerance = 30 }: Partial<JwtOptions> = {}): number {
  if (!Number.isFinite(clockTolerance) || clockTolerance < 0) throw invalid('jwt.clockTolerance must be a number of seconds, 0 or more')
  return clockTolerance
}

/** `typ` without the `application/` that may be left out (RFC 7515 section 4.1.9). */
function mediaType (typ = ''): string {
  return typ.toLowerCase().replace(/^application\//, '')
}

/** ID tokens are for a client (OpenID Connect Core section 2). Some say so by claims of their own, as logout tokens do; Keycloak's by `typ`. */
function isForClients (payload: JWTPayload, clientIds: readonly string[]): boolean {
  return [payload.aud].flat().some((each) => each !== undefined && clientIds.includes(each)) || payload['typ'] === 'ID' || ['nonce', 'at_hash', 'c_hash', 's_hash', 'events'].some((claim) => claim in payload)
}
