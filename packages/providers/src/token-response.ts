import type { TokenSet } from '@consentry/core'
import type { TokenEndpointResponse } from 'oauth4webapi'
import { BufferedResponse } from './buffered-response.ts'
import type { Context } from './context.ts'
import { ProviderFault, responseInvalid, unavailable } from './errors.ts'

/** Ten years, in seconds: a lifetime beyond that is one without an end. */
const longestLifetime = 315_360_000
/** In characters: several times what a server takes in a header. They are kept with grants and sessions. */
const longestToken = 65_536

/**
 * The answer of a token endpoint (RFC 6749 section 5), made regular where providers are not: members that are `null`
 * count as absent, errors sent with 200 become errors, and a lifetime may be a string of digits.
 * Without `idToken`, one that nobody asked for is left out.
 */
export async function regular (response: Response, { idToken }: { idToken: boolean }): Promise<Response> {
  if (response.status !== 200) return response
  const body: unknown = await response.json().catch(() => { throw unavailable(new ProviderFault('The answer is not JSON', { status: 200 })) })
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw unavailable(new ProviderFault('The answer is not a JSON object', { status: 200 }))
  const members: Record<string, unknown> = { ...body }
  for (const name in members) if (members[name] === null) delete members[name]
  if (!idToken) delete members['id_token']
  if (members['expires_in'] !== undefined) members['expires_in'] = lifetime(members['expires_in'])
  const status = typeof members['error'] === 'string' && members['access_token'] === undefined ? 400 : 200
  return new BufferedResponse(members, { status, headers: { 'content-type': 'application/json' } })
}

function lifetime (value: unknown): number {
  const seconds = typeof value === 'string' && /^\d{1,20}(\.\d{1,20})?$/.test(value.trim()) ? Number(value) : value
  if (typeof seconds !== 'number' || !(seconds >= 0)) throw responseInvalid('The expires_in of the answer is not a number from 0 on')
  return Math.min(Math.floor(seconds), longestLifetime)
}

/** The tokens in an answer that oauth4webapi accepted. */
export function tokenSet (body: TokenEndpointResponse, { scopeSeparator, dpop }: Pick<Context, 'scopeSeparator' | 'dpop'>): TokenSet {
  // One that is bound to a key needs ours, and with a key of ours one that is not bound is less than was asked for (RFC 9449 section 5).
  if (body.token_type !== (dpop === undefined ? 'bearer' : 'dpop')) throw responseInvalid(`The token_type is not ${dpop === undefined ? 'Bearer' : 'DPoP'}`)
  return {
    accessToken: token(body.access_token),
    tokenType: body.token_type,
    ...body.refresh_token !== undefined && { refreshToken: token(body.refresh_token) },
    ...body.expires_in !== undefined && { expiresIn: body.expires_in },
    ...body.scope !== undefined && { scopes: splitScopes(body.scope, scopeSeparator) },
    ...body.id_token !== undefined && { idToken: token(body.id_token) }
  }
}

/** RFC 6749 appendix A.12: printable ASCII; what else there is could break out of a header. */
function token (value: string): string {
  if (value.length > longestToken) throw responseInvalid(`A token has more than ${longestToken} characters`)
  if (!/^[\x20-\x7e]+$/.test(value)) throw responseInvalid('A token holds characters that tokens do not have')
  return value
}

/** No scope holds a space, so a provider that separates otherwise loses nothing by it. */
function splitScopes (scope: string, separator: string): string[] {
  const scopes = scope.split(separator).flatMap((part) => part.split(/\s/)).filter((part) => part !== '')
  if (!scopes.every((part) => /^\P{Cc}+$/u.test(part))) throw responseInvalid('The scope of the answer holds control characters')
  return [...new Set(scopes)]
}
