import type { Flow } from './flow.ts'
import { sameAccount, type Account, type GrantRecord } from './grant.ts'
import { missingScopes, type CoveredScopes } from './scopes.ts'

/**
 * Where a grant stands for one who needs it:
 * - `skip_auth`: it serves as it is
 * - `do_refresh`: it serves, once its access token is renewed
 * - `pending_resolve`: the person is being asked
 * - `resolved`: the person answered the flow that was waited for, and this is what came of it
 * - `do_auth`: there is a grant, but the person has to be asked again
 * - `no_session`: there is none, and the person has to be asked
 */
export type GrantState = 'skip_auth' | 'do_refresh' | 'pending_resolve' | 'resolved' | 'do_auth' | 'no_session'

/** What one who needs a grant needs of it. */
export interface Requirement {
  scopes: readonly string[]
  /** Only this account of the provider will do. */
  account?: Pick<Account, 'issuer' | 'subject'>
  /** What the person was asked for and left out may be missing. */
  partial?: boolean
}

/** All that decides where a grant stands. */
export interface Situation {
  grant: GrantRecord | undefined
  /** The flow that is pending for the same key, or the one that was waited for. */
  flow: Pick<Flow, 'status' | 'outcome'> | undefined
  requirement: Requirement
  /** Milliseconds since the epoch. */
  now: number
  /** How long before its expiry an access token counts as stale, in milliseconds. */
  refreshBuffer: number
  /** What the provider's scopes cover beside themselves. */
  coveredScopes?: CoveredScopes | undefined
  /** Whether it is renewed without the person; unless said, when there is a refresh token. */
  renewable?: boolean | undefined
}

/** The state machine: a pure function of what is stored, what is needed and what time it is. */
export function grantState ({ grant, flow, requirement, now, refreshBuffer, coveredScopes, renewable = grant?.refreshToken !== undefined }: Situation): GrantState {
  if (grant !== undefined && grant.endedAt === undefined && serves(grant, requirement, coveredScopes)) {
    if (!isStale(grant, now, refreshBuffer)) return 'skip_auth'
    if (renewable) return 'do_refresh'
    // Near its end and not renewable, it is as good as ever until then.
    if (!isExpired(grant, now)) return 'skip_auth'
  }
  if (flow?.status === 'pending' || flow?.status === 'claimed') return 'pending_resolve'
  if (flow?.outcome === 'granted' && grant !== undefined) return 'resolved'
  return grant === undefined ? 'no_session' : 'do_auth'
}

/** Whether the grant covers the requirement: every scope, and the account if one is named. */
export function serves (grant: GrantRecord, { scopes, account, partial = false }: Requirement, covered?: CoveredScopes): boolean {
  const missing = missingScopes(grant, scopes, covered)
  return (partial ? missing.every((scope) => grant.requestedScopes.includes(scope)) : missing.length === 0) &&
    (account === undefined || (grant.account !== undefined && sameAccount(grant.account, account)))
}

export function isExpired (grant: GrantRecord, now: number): boolean {
  return grant.expiresAt !== undefined && grant.expiresAt <= now
}

/**
 * The buffer is at most a quarter of the token's life, so that a short-lived token is not stale from the start. It is up to
 * a fifth longer, by chance of the token, so that what was issued together is not renewed together (R12).
 */
export function isStale (grant: GrantRecord, now: number, refreshBuffer: number): boolean {
  if (grant.expiresAt === undefined) return false
  const lifetime = Math.max(0, grant.expiresAt - grant.updatedAt)
  return grant.expiresAt - Math.min(refreshBuffer, lifetime / 4) * (1 + chanceOf(grant.accessToken) / 5) <= now
}

/** A number from 0 to 1 that is always the same for a text (FNV-1a over its end). */
function chanceOf (text: string): number {
  let hash = 0x811c9dc5
  for (let index = Math.max(0, text.length - 16); index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return (hash >>> 0) / 2 ** 32
}
