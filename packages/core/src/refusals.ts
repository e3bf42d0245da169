import { ConsentryError, type ErrorCode } from './errors.ts'
import type { Requirement } from './grant-state.ts'
import type { GrantKey } from './grant.ts'
import { grantKeyId } from './keys.ts'

/** What a person was asked for within one execution and did not give. */
export interface Refusal {
  keyId: string
  /** What they would have to give now. */
  scopes: readonly string[]
  code: ErrorCode
  /** The account that was named. */
  account: string | undefined
}

/** What every execution begins with; one for all, since many wait at once. */
export const noRefusals: readonly Refusal[] = []

/** The answers of a person; all other failures say nothing about what they want. */
const answers: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['CONSENTRY_ERR_CONSENT_DENIED', 'CONSENTRY_ERR_SCOPES_MISSING', 'CONSENTRY_ERR_ACCOUNT_MISMATCH'])

/** The refusals with what `error` says about the question that led to it. */
export function withRefusal (refusals: readonly Refusal[], key: GrantKey, { scopes, account }: Requirement, error: unknown): readonly Refusal[] {
  if (!ConsentryError.is(error) || !answers.has(error.code)) return refusals
  return [...refusals, { keyId: grantKeyId(key), scopes: error.missingScopes ?? scopes, code: error.code, account: nameOf(account) }]
}

/** Keeps code that tries again and again from asking again and again. Throws what was said the first time. */
export function assertMayAsk (refusals: readonly Refusal[], key: GrantKey, { scopes, account }: Requirement): void {
  if (refusals.length === 0) return
  const keyId = grantKeyId(key)
  const refusal = refusals.find((refusal) => refusal.keyId === keyId && refusal.account === nameOf(account) && refusal.scopes.every((scope) => scopes.includes(scope)))
  if (refusal !== undefined) throw new ConsentryError(refusal.code, refusal.code === 'CONSENTRY_ERR_SCOPES_MISSING' ? { missingScopes: refusal.scopes } : {})
}

const nameOf = (account: Requirement['account']): string | undefined => account && JSON.stringify([account.issuer, account.subject])
