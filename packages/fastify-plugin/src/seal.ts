import type { RandomBytes } from '@consentry/core'
import { createCipheriv, createDecipheriv } from 'node:crypto'

/** Encrypts text for one place in the store. */
export interface Seal {
  seal: (text: string, place: string) => string
  /** `undefined` when it was sealed for another place or by another key, or was changed. */
  open: (sealed: string, place: string) => string | undefined
}

const algorithm = 'aes-256-gcm'
/** Bytes; NIST SP 800-38D recommends 96 bits and takes up to 2^32 random ones under one key. */
const nonceLength = 12
const tagLength = 16

/** AES-256-GCM with the place as associated data. The first key encrypts, all decrypt. */
export function createSeal (keys: ReadonlyArray<Buffer>, randomBytes: RandomBytes): Seal {
  const [first = Buffer.alloc(0)] = keys

  return {
    seal (text, place) {
      const nonce = randomBytes(nonceLength)
      const cipher = createCipheriv(algorithm, first, nonce, { authTagLength: tagLength }).setAAD(Buffer.from(place))
      return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64url')
    },
    open (sealed, place) {
      const bytes = Buffer.from(sealed, 'base64url')
      for (const key of keys) {
        const text = decrypt(key, bytes, place)
        if (text !== undefined) return text
      }
      return undefined
    }
  }
}

function decrypt (key: Buffer, sealed: Buffer, place: string): string | undefined {
  try {
    const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceLength), { authTagLength: tagLength })
    decipher.setAAD(Buffer.from(place)).setAuthTag(sealed.subarray(-tagLength))
    return Buffer.concat([decipher.update(sealed.subarray(nonceLength, -tagLength)), decipher.final()]).toString()
  } catch {
    return undefined
  }
}
