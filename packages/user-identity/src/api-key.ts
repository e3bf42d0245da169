import { ConsentryError, type Claims, type Clock } from '@consentry/core'
import { createHmac, randomBytes } from 'node:crypto'
import type { UserIdOptions } from './user-id.ts'
import { userInfoFromClaims, type UserInfo } from './user-info.ts'

/** An API key as the application stores it: not the key, but who it is. */
export interface ApiKey {
  /** Its own name. Who presents the key is this caller, whoever owns it. */
  id: string
  /** Claims such as `roles`, `groups`, `scope`, `name`. */
  claims?: Claims
  /** Seconds since the epoch. */
  expiresAt?: number
}

export interface ApiKeyOptions {
  /** The key of the hash, 32 bytes or more. In an array the first makes hashes, all are looked up. */
  secret: string | readonly string[]
  /** The stored key with this hash. */
  find: (hash: string) => ApiKey | undefined | Promise<ApiKey | undefined>
}

/** The issuer of callers with an API key. */
export const apiKeyIssuer = 'urn:consentry:api-key'

/** What is stored instead of a key: its HMAC-SHA-256. Who reads the table cannot use it, nor try keys against it. */
export function hashApiKey (key: string, secret: string): string {
  return createHmac('sha256', secret).update(key).digest('base64url')
}

/** A new key of 256 bits, to be shown once, and the hash to store. `prefix` tells people what it is for. */
export function createApiKey (secret: string, prefix = ''): { key: string, hash: string } {
  const key = prefix + randomBytes(32).toString('base64url')
  return { key, hash: hashApiKey(key, secret) }
}

/** Looks keys up by their hash. The returned function rejects with `CONSENTRY_ERR_CREDENTIAL_INVALID`. */
export function apiKeyVerifier ({ secret, find }: ApiKeyOptions, { clock, ...userId }: UserIdOptions & { clock: Pick<Clock, 'now'> }): (key: string) => Promise<UserInfo | undefined> {
  const secrets = typeof secret === 'string' ? [secret] : [...secret]
  if (secrets.length === 0 || secrets.some((each) => Buffer.byteLength(each) < 32)) {
    throw new ConsentryError('CONSENTRY_ERR_OPTIONS_INVALID', { cause: new TypeError('apiKey.secret must have at least 32 bytes') })
  }
  return async (key) => {
    for (const each of secrets) {
      const found = await find(hashApiKey(key, each))
      if (found === undefined) continue
      if (found.expiresAt !== undefined && found.expiresAt * 1000 <= clock.now()) throw new ConsentryError('CONSENTRY_ERR_CREDENTIAL_INVALID')
      const { exp: _exp, ...claims } = found.claims ?? {}
      return userInfoFromClaims(
        { ...claims, sub: found.id, ...(found.expiresAt !== undefined && { exp: found.expiresAt }) },
        { ...userId, source: 'api_key', verified: true, issuer: apiKeyIssuer }
      )
    }
    return undefined
  }
}
