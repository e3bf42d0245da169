import { createSecretKey, type KeyObject } from 'node:crypto'
import { invalid } from './options.ts'

/** A key of 256 bits, and the name by which records refer to it. */
export interface EncryptionKey {
  /** Letters, digits, `_` and `-`; at most 64. Stored in the clear. */
  id: string
  /** 32 random bytes, as they are or in base64 or base64url: `openssl rand -base64 32`. */
  key: string | Uint8Array
}

/** The key that encrypts, and all that decrypt. */
export interface KeyRing {
  readonly current: { readonly id: string, readonly key: KeyObject }
  readonly byId: ReadonlyMap<string, KeyObject>
}

const keyLength = 32

/** Checks the keys. Throws `CONSENTRY_ERR_OPTIONS_INVALID`. */
export function keyRing (keys: readonly EncryptionKey[]): KeyRing {
  const [first] = keys
  if (first === undefined) throw invalid('keys must hold a key')
  const byId = new Map<string, KeyObject>()
  for (const { id, key } of keys) {
    if (typeof id !== 'string' || !/^[\w-]{1,64}$/.test(id)) throw invalid('the id of a key must be 1 to 64 letters, digits, _ or -')
    if (byId.has(id)) throw invalid(`two keys have the id ${id}`)
    byId.set(id, secretKey(key))
  }
  return { current: { id: first.id, key: byId.get(first.id) as KeyObject }, byId }
}

function secretKey (key: string | Uint8Array): KeyObject {
  if (typeof key === 'string' && !/^[\w+/-]{43}=?$/.test(key)) throw invalid('a key must be 32 bytes in base64 or base64url')
  const bytes = typeof key === 'string' ? Buffer.from(key, 'base64') : key
  if (!(bytes instanceof Uint8Array) || bytes.length !== keyLength) throw invalid('a key must have 32 bytes')
  return createSecretKey(bytes)
}
