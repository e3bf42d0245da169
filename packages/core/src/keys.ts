import { ConsentryError } from './errors.ts'
import type { GrantKey, Owner } from './grant.ts'
import { inOnePiece } from './one-piece.ts'

/**
 * The key as one string. No two keys have the same, and none holds a character that a store reads as a pattern or a
 * separator: each part is percent-encoded.
 */
export function grantKeyId (key: GrantKey): string {
  return inOnePiece(`${ownerId(key)}/${encode(key.provider)}/${encode(key.profile)}`)
}

/** The owner as one string, encoded as in `grantKeyId`. */
export function ownerId (owner: Owner): string {
  return `${encode(owner.tenant)}/${encode(owner.userId)}`
}

/** Whether both are the same person of the same tenant. */
export function sameOwner (a: Owner, b: Owner): boolean {
  return a.tenant === b.tenant && a.userId === b.userId
}

function encode (part: string): string {
  if (typeof part === 'string' && /^[\w-]+$/.test(part)) return part
  // A lone surrogate has no encoding of its own, so two of them would collide; so would all that are no strings.
  if (typeof part !== 'string' || part === '' || /\p{Surrogate}/u.test(part)) {
    throw new ConsentryError('CONSENTRY_ERR_OPTIONS_INVALID', { cause: new TypeError('a part of the key is empty or not well-formed Unicode') })
  }
  return encodeURIComponent(part).replace(/[!'()*.~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}
