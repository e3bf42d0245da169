import type { GrantRecord, TokenSet } from './grant.ts'

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
  const account = tokens.account ?? before?.account
  return {
    v: 1,
    accessToken: tokens.accessToken,
    tokenType: tokens.tokenType,
    ...(refreshToken !== undefined && { refreshToken }),
    ...(tokens.expiresIn !== undefined && { expiresAt: now + Math.min(tokens.expiresIn, longestLifetime) * 1000 }),
    scopes: [...tokens.scopes ?? requestedScopes],
    requestedScopes: [...requestedScopes],
    ...(account !== undefined && { account }),
    createdAt: before?.createdAt ?? now,
    updatedAt: now
  }
}
