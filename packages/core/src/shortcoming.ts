import { ConsentryError } from './errors.ts'
import { serves, type Requirement } from './grant-state.ts'
import type { GrantRecord } from './grant.ts'
import type { Provider } from './provider.ts'
import { missingScopes } from './scopes.ts'

/** How long after an answer the same is not asked again of who does not wait for it, in milliseconds. */
const justAnswered = 10_000

/** Why what was granted is not what was needed. */
export function shortcoming (grant: GrantRecord, requirement: Requirement, { coveredScopes }: Provider): ConsentryError {
  const missing = missingScopes(grant, requirement.scopes, coveredScopes)
  if (missing.length > 0) return new ConsentryError('CONSENTRY_ERR_SCOPES_MISSING', { missingScopes: missing })
  return new ConsentryError(serves(grant, requirement, coveredScopes) ? 'CONSENTRY_ERR_REAUTH_REQUIRED' : 'CONSENTRY_ERR_ACCOUNT_MISMATCH')
}

/** Whether the person has just been asked for what is missing, and left it out. */
export function wasJustLeftOut (grant: GrantRecord, requirement: Requirement, { coveredScopes }: Provider, now: number): boolean {
  const age = now - (grant.answeredAt ?? -Infinity)
  const missing = missingScopes(grant, requirement.scopes, coveredScopes)
  return grant.endedAt === undefined && age >= 0 && age < justAnswered && missing.length > 0 && missing.every((scope) => grant.requestedScopes.includes(scope))
}
