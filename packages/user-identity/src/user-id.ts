import type { Claims } from '@consentry/core'
import { v5 as uuidv5, validate } from 'uuid'
import { invalid, refused } from './refused.ts'

/** What tells one person from another. */
export interface Identifying {
  issuer: string
  subject: string
  /** The claim that the subject is from; `sub` unless given. */
  subjectClaim?: string
  /** All claims, where there are any. For ids of another system that are made of one of these; e-mails change hands. */
  claims?: Claims
}

/** How user ids are made. */
export interface UserIdOptions {
  /** The UUID that scopes the ids; replace it to keep the ids of another system. */
  namespace?: string
  /** The text whose hash is the id; replace it to keep the ids of another system. */
  identityKey?: (person: Identifying) => string
}

/** The namespace of ids unless another is given. */
export const defaultNamespace = '6f9f5c53-3b2c-4d0e-9d1b-8a0c1f6a3b57'

/** Issuer and subject, so written that no two pairs are the same text, nor a `sub` and an e-mail that look alike. */
export function defaultIdentityKey ({ issuer, subject, subjectClaim = 'sub' }: Identifying): string {
  return JSON.stringify(subjectClaim === 'sub' ? [issuer, subject] : [issuer, subjectClaim, subject])
}

/**
 * The id of a person: UUID v5 (RFC 9562 section 5.5) of the namespace and the identity key.
 *
 * @throws ConsentryError `CONSENTRY_ERR_CREDENTIAL_INVALID` when the identity key is empty or not well-formed Unicode,
 *   in which two that differ could have the same id
 */
export function userId (person: Identifying, { namespace = defaultNamespace, identityKey = defaultIdentityKey }: UserIdOptions = {}): string {
  const key = identityKey(person)
  if (typeof key !== 'string' || key === '' || /\p{Surrogate}/u.test(key)) throw refused()
  return uuidv5(Buffer.from(key), namespace)
}

/** @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID` */
export function checkUserIdOptions ({ namespace, identityKey }: UserIdOptions): void {
  if (namespace !== undefined && !validate(namespace)) throw invalid('namespace must be a UUID')
  if (identityKey !== undefined && typeof identityKey !== 'function') throw invalid('identityKey must be a function')
}
