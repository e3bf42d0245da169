import type { Clock } from '@consentry/core'
import { apiKeyVerifier, upstreamApiKey, type ApiKeyOptions } from './api-key.ts'
import { basicVerifier, upstreamBasic, type BasicOptions } from './basic.ts'
import type { Client } from './client.ts'
import type { Credential } from './credentials.ts'
import { introspector, type IntrospectionOptions } from './introspection.ts'
import { jwtVerifier, upstreamJwt, type JwtOptions } from './jwt.ts'
import { invalid, refused } from './refused.ts'
import type { UserIdOptions } from './user-id.ts'
import type { UserInfo } from './user-info.ts'

/** How each kind of credential is checked. */
export interface CredentialOptions extends UserIdOptions {
  /** Bearer tokens that are JWTs. */
  jwt?: JwtOptions
  /** Bearer tokens that their issuer alone can read. */
  introspection?: IntrospectionOptions
  /** `X-API-Key`, and bearer tokens that are no JWTs. */
  apiKey?: ApiKeyOptions
  /** User names and passwords. */
  basic?: BasicOptions
  /**
   * JWTs and Basic are read and not verified, because an authenticating proxy in front has done so and lets nothing else
   * through. Of the kinds named in the options only those are read; where none is, JWTs, API keys and Basic.
   */
  trust?: 'upstream'
}

/** Checks credentials other than sessions. */
export interface Verifiers {
  verify: (credential: Exclude<Credential, { kind: 'session' }>, client: Client) => Promise<UserInfo>
  warnings: readonly string[]
}

interface Checks {
  jwt?: ((token: string) => Promise<UserInfo> | UserInfo) | undefined
  introspect?: ((token: string) => Promise<UserInfo>) | undefined
  apiKey?: ((key: string) => Promise<UserInfo | undefined> | UserInfo) | undefined
  basic?: ((username: string, password: string, client: Client) => Promise<UserInfo> | UserInfo) | undefined
}

/** @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID` */
export function verifiers (options: CredentialOptions, clock: Pick<Clock, 'now' | 'monotonic'>, onRotated: (issuer: string) => void): Verifiers {
  const { trust, introspection } = options
  if (trust !== undefined && trust !== 'upstream') throw invalid("trust can only be 'upstream'")
  const checks = trust === 'upstream' ? upstream(options, clock) : verifying(options, clock, onRotated)

  async function verify (credential: Exclude<Credential, { kind: 'session' }>, client: Client): Promise<UserInfo> {
    switch (credential.kind) {
      case 'jwt': return await checks.jwt?.(credential.token) ?? none()
      case 'basic': return await checks.basic?.(credential.username, credential.password, client) ?? none()
      case 'api_key': return await checks.apiKey?.(credential.key) ?? none()
      case 'bearer': return await checks.apiKey?.(credential.token) ?? await checks.introspect?.(credential.token) ?? none()
    }
  }

  const warnings = [
    ...trust === 'upstream' ? ["trust: 'upstream' is on: bearer tokens, API keys and Basic are believed, not verified. Nobody may reach this server but through the proxy that verifies them."] : [],
    ...introspection?.allowMissingTokenType === true ? ['introspection.allowMissingTokenType is on: a refresh token may pass for an access token.'] : []
  ]
  return { verify, warnings: Object.freeze(warnings) }
}

function verifying ({ jwt, introspection, apiKey, basic, ...options }: CredentialOptions, clock: Pick<Clock, 'now' | 'monotonic'>, onRotated: (issuer: string) => void): Checks {
  const userId = userIdOptions(options)
  return {
    jwt: jwt && jwtVerifier(jwt, { ...userId, clock, onRotated }),
    introspect: introspection && introspector(introspection, { ...userId, clock, verified: true }),
    apiKey: apiKey && apiKeyVerifier(apiKey, { ...userId, clock, verified: true }),
    basic: basic && basicVerifier(basic, userId)
  }
}

function upstream ({ jwt, introspection, apiKey, basic, ...options }: CredentialOptions, clock: Pick<Clock, 'now'>): Checks {
  const userId = userIdOptions(options)
  const all = [jwt, introspection, apiKey, basic].every((kind) => kind === undefined)
  return {
    jwt: jwt !== undefined || all ? upstreamJwt(jwt, { ...userId, clock }) : undefined,
    // These cannot be read without asking.
    introspect: introspection && introspector(introspection, { ...userId, clock, verified: false }),
    apiKey: apiKey !== undefined ? apiKeyVerifier(apiKey, { ...userId, clock, verified: false }) : all ? (key) => upstreamApiKey(key, userId) : undefined,
    basic: basic !== undefined || all ? upstreamBasic(basic ?? { realm: '' }, userId) : undefined
  }
}

function userIdOptions ({ namespace, identityKey }: UserIdOptions): UserIdOptions {
  return { ...(namespace !== undefined && { namespace }), ...(identityKey !== undefined && { identityKey }) }
}

function none (): never {
  throw refused()
}
