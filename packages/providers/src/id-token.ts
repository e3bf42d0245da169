import { createHash } from 'node:crypto'
import type { Account } from '@consentry/core'
import type { IDToken } from 'oauth4webapi'
import type { Context } from './context.ts'
import { responseInvalid } from './errors.ts'
import type { Keys } from './keys.ts'
import { keepable } from './keepable.ts'

/** The oldest ID token that is taken from a token endpoint, in seconds; some providers hand out theirs a while. */
const oldest = 3600

/** What an ID token came with. */
export interface IdTokenCompany {
  accessToken: string
  /** The code that was exchanged for it. */
  code?: string | undefined
  /** The account of the ID token that this one takes the place of. */
  before?: Pick<Account, 'issuer' | 'subject'> & Partial<Account> | undefined
}

/**
 * What OpenID Connect Core section 3.1.3.7 asks for beyond what oauth4webapi did (form, `iss`, `aud`, `exp`, `nonce`,
 * `auth_time`): the signature, with the provider's keys, and `typ`, `azp`, `iat`, `sub`, `at_hash` and `c_hash`; section
 * 12.2 for one of a refresh.
 *
 * @throws ConsentryError `CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID`
 */
export async function verifyIdToken (context: Context, keys: Keys, idToken: string, claims: IDToken, { accessToken, code, before }: IdTokenCompany): Promise<Account> {
  const { alg, typ } = await keys.verify(idToken, claims.iss)
  // RFC 8725 section 3.12: an access token (RFC 9068) or a logout token of the same issuer is none.
  if (typ !== undefined && /^(application\/)?(at|logout)\+jwt$/i.test(typ)) throw responseInvalid('The typ of the ID token is that of another kind')
  if (claims.azp !== undefined && claims.azp !== context.client.client_id) throw responseInvalid('The azp of the ID token is another client')
  const age = context.clock.now() / 1000 - claims.iat
  if (age < -context.clockTolerance) throw responseInvalid('The iat of the ID token is in the future')
  if (age > oldest + context.clockTolerance) throw responseInvalid('The iat of the ID token is too long ago')
  if (!isSubject(claims.sub)) throw responseInvalid('The sub of the ID token is empty or malformed')
  if (claims.at_hash !== undefined && claims.at_hash !== leftHalf(accessToken, alg)) throw responseInvalid('The at_hash of the ID token is of another access token')
  if (code !== undefined && claims.c_hash !== undefined && claims.c_hash !== leftHalf(code, alg)) throw responseInvalid('The c_hash of the ID token is of another code')
  if (before !== undefined) assertSameSignIn(before, claims)
  return { issuer: claims.iss, subject: claims.sub, claims: keepable(claims) }
}

/** Whether it can stand for an account: 1 to 255 printable characters (OpenID Connect Core section 2). */
export function isSubject (value: unknown): value is string {
  return typeof value === 'string' && value.length <= 255 && value.trim() !== '' && /^\P{Cc}+$/u.test(value)
}

/** OpenID Connect Core section 12.2: a refresh brings news of the same sign-in, never of another. */
function assertSameSignIn (before: NonNullable<IdTokenCompany['before']>, claims: IDToken): void {
  if (claims.iss !== before.issuer || claims.sub !== before.subject) throw responseInvalid('The ID token of the refresh is of another account')
  // A later auth_time is wrong too, but the refresh token is spent by now: a consent is worth more than that. Who wants to
  // know how old a sign-in is goes by the first ID token.
  const nonce = before.claims?.['nonce']
  if (nonce !== undefined && claims.nonce !== undefined && claims.nonce !== nonce) throw responseInvalid('The nonce of the refreshed ID token is of another sign-in')
}

/** OpenID Connect Core section 3.1.3.6: the left half of the hash that goes with the algorithm. */
function leftHalf (value: string, alg: string): string {
  // Of the algorithms without a size in their name, Ed25519 hashes with SHA-512.
  const digest = createHash(alg.endsWith('256') ? 'sha256' : alg.endsWith('384') ? 'sha384' : 'sha512').update(value).digest()
  return digest.subarray(0, digest.length / 2).toString('base64url')
}
