import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import { ConsentryError } from './errors.ts'
import type { RandomBytes } from './ports.ts'

const algorithm = 'aes-256-gcm'
/** 96 bits, random: NIST SP 800-38D section 8.3 allows 2^32 of them for one key. */
const nonceLength = 12
const tagLength = 16

/**
 * Encrypts with AES-256-GCM, so that it opens only with the same key and in the same `place`. Base64url of nonce,
 * ciphertext and tag.
 */
export function seal (key: KeyObject, text: string, place: string, randomBytes: RandomBytes): string {
  const nonce = randomBytes(nonceLength)
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagLength }).setAAD(Buffer.from(place))
  return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64url')
}

/** What was sealed. Throws `CONSENTRY_ERR_RECORD_UNREADABLE` when the key or the place is another, or a bit has changed. */
export function unseal (key: KeyObject, sealed: string, place: string): string {
  const bytes = Buffer.from(sealed, 'base64url')
  try {
    const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, nonceLength), { authTagLength: tagLength })
      .setAAD(Buffer.from(place))
      .setAuthTag(bytes.subarray(nonceLength).subarray(-tagLength))
    const opened = decipher.update(bytes.subarray(nonceLength, -tagLength))
    // Nothing is left by now: it checks the tag.
    decipher.final()
    return opened.toString()
  } catch (cause) {
    throw new ConsentryError('CONSENTRY_ERR_RECORD_UNREADABLE', { cause })
  }
}
