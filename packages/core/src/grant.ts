/** Which grant: whose, at which provider, under which name. */
export interface GrantKey {
  tenant: string
  userId: string
  /** The name under which the provider is configured. */
  provider: string
  /** Tells several grants of one user at one provider apart. */
  profile: string
}

/** Whose something is. */
export type Owner = Pick<GrantKey, 'tenant' | 'userId'>

/** The profile of a grant that was given no name. */
export const defaultProfile = 'default'
/** The tenant of an application that has only one. */
export const defaultTenant = 'default'

/** What is told of an account, by name. */
export type Claims = Record<string, unknown>

/** The account at the provider that a grant or a login belongs to. */
export interface Account {
  /** Who vouches for the subject. */
  issuer: string
  /** The account's stable id at the issuer. */
  subject: string
  /** All that the provider told about it, verified. */
  claims: Claims
}

/** What a provider's token endpoint answered (RFC 6749 section 5.1), checked. */
export interface TokenSet {
  accessToken: string
  /** As sent, in lower case: `bearer`, `dpop`. */
  tokenType: string
  refreshToken?: string
  /** Seconds from the answer on; absent when the provider did not say. */
  expiresIn?: number
  /** What was granted; absent when the provider did not say, which means: what was asked for. */
  scopes?: readonly string[]
  idToken?: string
  /** From the verified ID token, when there is one. */
  account?: Account
}

/** A grant as it is stored. Times are milliseconds since the epoch. */
export interface GrantRecord {
  /** The version of this shape. */
  v: 1
  accessToken: string
  tokenType: string
  refreshToken?: string
  /** Absent when the provider gave no lifetime. */
  expiresAt?: number
  /** What was granted. */
  scopes: string[]
  /** What was asked for; a provider may have granted less. */
  requestedScopes: string[]
  account?: Account
  createdAt: number
  updatedAt: number
  /** When the person last consented. */
  answeredAt?: number
  /** Of a grant that was given for another one: which that was. */
  derivedFrom?: string
  /** When the provider ended it (`invalid_grant`). The record stays, so that a reconnect can be held to the same account. */
  endedAt?: number
}

/** Who an account is, without what the provider told of it. */
export type AccountId = Pick<Account, 'issuer' | 'subject'>

export function accountId ({ issuer, subject }: AccountId): AccountId {
  return { issuer, subject }
}

/** Accounts are the same when issuer and subject are; an e-mail proves nothing. */
export function sameAccount (a: AccountId, b: AccountId): boolean {
  return a.issuer === b.issuer && a.subject === b.subject
}

/** Whether one is what became of the other, and was not given anew after that was disconnected. */
export function sameGrant (a: GrantRecord, b: GrantRecord): boolean {
  return a.createdAt === b.createdAt && (a.account === undefined || b.account === undefined || sameAccount(a.account, b.account))
}

/** Tells a grant from one that was given anew after it was disconnected, for what is derived from it. */
export function lineage ({ createdAt, account }: GrantRecord): string {
  return JSON.stringify([createdAt, account?.issuer, account?.subject])
}
