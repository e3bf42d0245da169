import type { Claims, Clock } from '@consentry/core'
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { invalid, refused } from './refused.ts'
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

/** How API keys are known. */
export interface ApiKeyOptions {
  /** The key of the hash, 32 bytes or more. With several, hashes of each are looked up, the first one's first. */
  secret: string | readonly string[]
  /** The stored key with this hash. */
  find: (hash: string) => ApiKey | null | undefined | Promise<ApiKey | null | undefined>
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

/** How API keys are looked up. */
export interface ApiKeyVerifierOptions extends UserIdOptions {
  verified: boolean
  clock: Pick<Clock, 'now'>
}

/**
 * Looks keys up by their hash, which nobody can choose who does not know the secret, so the time of the lookup tells
 * nothing (T12). The returned function resolves to `undefined` for an unknown key.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID` when a secret is too short; the returned function
 *   `CONSENTRY_ERR_CREDENTIAL_INVALID` for a key that has expired
 */
export function apiKeyVerifier ({ secret, find }: ApiKeyOptions, { clock, ...options }: ApiKeyVerifierOptions): (key: string) => Promise<UserInfo | undefined> {
  const secrets = typeof secret === 'string' ? [secret] : [...secret ?? []]
  if (secrets.length === 0 || secrets.some((each) => typeof each !== 'string' || Buffer.byteLength(each) < 32)) throw invalid('apiKey.secret must have at least 32 bytes')
  if (typeof find !== 'function') throw invalid('apiKey.find must be a function')
  return async (key) => {
    for (const each of secrets) {
      const found = await find(hashApiKey(key, each))
      if (found === undefined || found === null) continue
      const { exp: _exp, ...claims } = found.claims ?? {}
      const userInfo = userInfoFromClaims(
        { ...claims, sub: found.id, ...(found.expiresAt !== undefined && { exp: found.expiresAt }) },
        { ...options, source: 'api_key', issuer: apiKeyIssuer, subjectClaims: ['sub'] }
      )
      // An expiry that is no number is no reason to live for ever.
      if (found.expiresAt !== undefined && !(found.expiresAt * 1000 > clock.now())) throw refused()
      return userInfo
    }
    return undefined
  }
}

/** The caller with a key that something in front has checked: its hash is its id. */
export function upstreamApiKey (key: string, userId: UserIdOptions): UserInfo {
  const id = createHash('sha256').update(key).digest('base64url')
  return userInfoFromClaims({ sub: id }, { ...userId, source: 'api_key', verified: false, issuer: apiKeyIssuer })
}
