import { sameAccount, type Account, type GrantRecord, type TokenSet } from './grant.ts'

/** The longest lifetime of an access token that is believed, in seconds: a year. */
const longestLifetime = 366 * 24 * 3600

/**
 * The record that a token answer makes of what was stored before. What the answer leaves out stays as it was:
 * RFC 6749 section 6 for the refresh token, section 5.1 for the scopes.
 */
export function grantRecord (tokens: TokenSet, { before, requestedScopes, now }: {
  before: GrantRecord | undefined
  requestedScopes: readonly string[]
  now: number
}): GrantRecord {
  const refreshToken = tokens.refreshToken ?? before?.refreshToken
  const account = accountOf(tokens.account, before?.account)
  const expiresIn = lifetime(tokens.expiresIn)
  return {
    v: 1,
    accessToken: tokens.accessToken,
    tokenType: tokens.tokenType,
    ...(refreshToken !== undefined && { refreshToken }),
    ...(expiresIn !== undefined && { expiresAt: now + expiresIn * 1000 }),
    scopes: [...tokens.scopes ?? requestedScopes],
    requestedScopes: [...requestedScopes],
    ...(account !== undefined && { account }),
    createdAt: before?.createdAt ?? now,
    updatedAt: now,
    ...(before?.answeredAt !== undefined && { answeredAt: before.answeredAt })
  }
}

/** The ID token of a refresh often says no more than the subject; what was told before of the same account stays. */
function accountOf (now: Account | undefined, before: Account | undefined): Account | undefined {
  if (now === undefined || before === undefined || !sameAccount(now, before)) return now ?? before
  return { ...now, claims: { ...before.claims, ...now.claims } }
}

/** In seconds. A lifetime that is no number says nothing; one below zero is over. */
function lifetime (expiresIn: number | undefined): number | undefined {
  return expiresIn === undefined || Number.isNaN(expiresIn) ? undefined : Math.min(Math.max(expiresIn, 0), longestLifetime)
}
