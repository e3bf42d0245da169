import type { Claims } from '@consentry/core'
import { frozen } from './frozen.ts'
import { refused } from './refused.ts'
import { userId, type UserIdOptions } from './user-id.ts'

/** Which kind of credential told who is calling; `jwt` is every token of an issuer, those that only the issuer can read included. */
export type CredentialSource = 'session' | 'jwt' | 'api_key' | 'basic'

/** Who a connection is, and how we know. Claims that were not sent are absent. */
export interface UserInfo {
  /** UUID v5 of the identity key: the same person has the same id, whatever the credential. */
  readonly userId: string
  readonly source: CredentialSource
  /** Whether the credential was checked here, and not by a proxy in front (`trust: 'upstream'`). */
  readonly verified: boolean
  /** Who vouches for the subject: the `iss` claim; a URN of our own for API keys and Basic. */
  readonly issuer: string
  /** The `sub` claim, the API key's id or the user name. */
  readonly subject: string
  readonly email?: string
  /** Absent where the issuer does not say. */
  readonly emailVerified?: boolean
  readonly preferredUsername?: string
  readonly name?: string
  readonly givenName?: string
  readonly familyName?: string
  readonly roles: readonly string[]
  readonly groups: readonly string[]
  readonly scopes: readonly string[]
  readonly audience: readonly string[]
  readonly clientId?: string
  /** Seconds since the epoch, as in the `iat` claim. */
  readonly issuedAt?: number
  /** Seconds since the epoch, as in the `exp` claim. */
  readonly expiresAt?: number
  /** All claims, as they were sent. */
  readonly claims: Claims
}

/** What the claims do not say. */
export interface UserInfoOptions extends UserIdOptions {
  source: CredentialSource
  verified: boolean
  /** The `iss` claim unless given. */
  issuer?: string
  /** Where the subject is looked for, in order. `sub`, `email`, `preferred_username` unless given. */
  subjectClaims?: readonly string[]
}

/**
 * The person that a set of claims describes: JWT claims (RFC 7519), ID token and userinfo claims (OpenID Connect Core
 * section 5.1). What is returned cannot be changed, the copy of the claims in it included.
 *
 * @throws ConsentryError `CONSENTRY_ERR_CREDENTIAL_INVALID` when they name no issuer or no subject
 */
export function userInfoFromClaims (claims: Claims, options: UserInfoOptions): UserInfo {
  const issuer = options.issuer ?? text(claims['iss'])
  const { subjectClaims = ['sub', 'email', 'preferred_username'] } = options
  const subjectClaim = subjectClaims.find((claim) => text(claims[claim]) !== undefined)
  const subject = subjectClaim === undefined ? undefined : text(claims[subjectClaim])
  if (issuer === undefined || subjectClaim === undefined || subject === undefined) throw refused()
  const name = text(claims['name'])
  // Only where neither part was sent: the first word, and the rest.
  const split = claims['given_name'] === undefined && claims['family_name'] === undefined ? name?.trim().split(/\s+/) ?? [] : []
  return present({
    userId: userId({ issuer, subject, subjectClaim, claims }, options),
    source: options.source,
    verified: options.verified,
    issuer,
    subject,
    email: text(claims['email']),
    emailVerified: typeof claims['email_verified'] === 'boolean' ? claims['email_verified'] : undefined,
    preferredUsername: text(claims['preferred_username']),
    name,
    givenName: text(claims['given_name']) ?? text(split[0]),
    familyName: text(claims['family_name']) ?? text(split.slice(1).join(' ')),
    roles: list(claims['roles'] ?? realmRoles(claims)),
    groups: list(claims['groups']),
    scopes: text(claims['scope'])?.split(' ').filter((scope) => scope !== '') ?? list(claims['scope']),
    audience: typeof claims['aud'] === 'string' ? [claims['aud']] : list(claims['aud']),
    clientId: text(claims['azp']) ?? text(claims['client_id']),
    issuedAt: seconds(claims['iat']),
    expiresAt: seconds(claims['exp']),
    claims
  })
}

/** Keycloak's form: https://www.keycloak.org/docs/latest/server_admin/#_protocol-mappers */
function realmRoles (claims: Claims): unknown {
  const access = claims['realm_access']
  return typeof access === 'object' && access !== null && 'roles' in access ? access.roles : undefined
}

function text (value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A NumericDate (RFC 7519 section 2), which may have a fraction, in whole seconds. */
function seconds (value: unknown): number | undefined {
  const whole = typeof value === 'number' ? Math.floor(value) : undefined
  return Number.isSafeInteger(whole) ? whole : undefined
}

/** Anything but a list of strings counts as none: what is malformed grants nothing. */
function list (value: unknown): string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? [...value] : []
}

/** Frozen at any depth, without the members that are `undefined`. */
function present (person: { [Name in keyof UserInfo]: UserInfo[Name] | undefined }): UserInfo {
  const sent: Partial<Record<keyof UserInfo, unknown>> = {}
  for (const [name, value] of Object.entries(person)) if (value !== undefined) sent[name as keyof UserInfo] = frozen<unknown>(value, 1)
  return Object.freeze(sent) as UserInfo
}
