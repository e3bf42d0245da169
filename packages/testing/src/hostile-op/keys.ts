import { createHash } from 'node:crypto'
import { exportJWK, generateKeyPair } from 'jose'
import type { CryptoKey, JWK } from 'jose'

/** A key that signs, and how it is published. */
export interface SigningKey {
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}

export async function newKey (alg: string, kid: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg)
  return { privateKey, jwk: { ...await exportJWK(publicKey), kid, alg, use: 'sig' } }
}

/** OpenID Connect Core section 3.1.3.6. */
export function leftHalf (alg: string, value: string): string {
  const digest = createHash(alg.endsWith('256') ? 'sha256' : alg.endsWith('384') ? 'sha384' : 'sha512').update(value).digest()
  return digest.subarray(0, digest.length / 2).toString('base64url')
}
