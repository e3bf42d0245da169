import { createHash } from 'node:crypto'
import type { Account } from '@consentry/core'
import type { IDToken } from 'oauth4webapi'
import type { Context } from './context.ts'
import { responseInvalid } from './errors.ts'
import type { Keys } from './keys.ts'

/** The oldest ID token that is taken from a token endpoint, in seconds; some providers hand out theirs a while. */
const oldest = 3600

/**
 * What OpenID Connect Core section 3.1.3.7 asks for beyond what oauth4webapi did (form, `iss`, `aud`, `exp`, `nonce`,
 * `auth_time`): the signature, with the provider's keys, and `azp`, `iat`, `sub` and `at_hash`.
 *
 * @throws ConsentryError `CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID`
 */
export async function verifyIdToken (context: Context, keys: Keys, idToken: string, claims: IDToken, accessToken: string): Promise<Account> {
  const { alg } = await keys.verify(idToken)
  if (claims.azp !== undefined && claims.azp !== context.client.client_id) throw responseInvalid('The azp of the ID token is another client')
  const age = context.clock.now() / 1000 - claims.iat
  if (age < -context.clockTolerance) throw responseInvalid('The iat of the ID token is in the future')
  if (age > oldest + context.clockTolerance) throw responseInvalid('The iat of the ID token is too long ago')
  if (!isSubject(claims.sub)) throw responseInvalid('The sub of the ID token is empty or malformed')
  if (claims.at_hash !== undefined && claims.at_hash !== accessTokenHash(accessToken, alg)) throw responseInvalid('The at_hash of the ID token is of another access token')
  return { issuer: claims.iss, subject: claims.sub, claims }
}

/** Whether it can stand for an account: 1 to 255 printable characters (OpenID Connect Core section 2). */
export function isSubject (value: unknown): value is string {
  return typeof value === 'string' && value.length <= 255 && value.trim() !== '' && /^\P{Cc}+$/u.test(value)
}

/** OpenID Connect Core section 3.1.3.6: the left half of the hash that goes with the algorithm. */
function accessTokenHash (accessToken: string, alg: string): string {
  // Of the algorithms without a size in their name, Ed25519 hashes with SHA-512.
  const digest = createHash(alg.endsWith('256') ? 'sha256' : alg.endsWith('384') ? 'sha384' : 'sha512').update(accessToken).digest()
  return digest.subarray(0, digest.length / 2).toString('base64url')
}
