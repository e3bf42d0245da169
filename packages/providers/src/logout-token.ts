import type { LogoutToken } from '@consentry/core'
import { decodeJwt } from 'jose'
import type { Context } from './context.ts'
import { responseInvalid } from './errors.ts'
import { isSubject } from './id-token.ts'
import type { Keys } from './keys.ts'

const event = 'http://schemas.openid.net/event/backchannel-logout'
/** The oldest logout token that is taken, in seconds; section 2.4 recommends at most two minutes. */
const oldest = 120

/**
 * The checks of OpenID Connect Back-Channel Logout 1.0 section 2.6, the signature first.
 *
 * @throws ConsentryError `CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID`
 */
export async function verifyLogoutToken (context: Context, keys: Keys, issuer: string, token: string): Promise<LogoutToken> {
  const { typ } = await keys.verify(token, issuer)
  // An ID token or an access token of the same issuer is none.
  if (typ !== undefined && !/^(application\/)?(logout\+)?jwt$/i.test(typ)) throw responseInvalid('The typ of the logout token is another')
  const claims = decodeJwt(token)
  const now = context.clock.now() / 1000
  const { iss, aud, iat, exp, jti, sub, sid, nonce, events } = claims
  if (iss !== issuer) throw responseInvalid('The iss of the logout token is another')
  if (![aud].flat().includes(context.client.client_id)) throw responseInvalid('The aud of the logout token is another client')
  if (typeof iat !== 'number' || iat > now + context.clockTolerance || iat < now - oldest - context.clockTolerance) throw responseInvalid('The iat of the logout token is not now')
  if (exp !== undefined && (typeof exp !== 'number' || exp <= now - context.clockTolerance)) throw responseInvalid('The logout token has expired')
  if (typeof jti !== 'string' || jti === '') throw responseInvalid('The logout token has no jti')
  if (nonce !== undefined) throw responseInvalid('The logout token has a nonce')
  if (!isLogoutEvent(events)) throw responseInvalid('The logout token is of no logout')
  if (sub === undefined && sid === undefined) throw responseInvalid('The logout token names nobody')
  if ((sub !== undefined && !isSubject(sub)) || (sid !== undefined && !isSubject(sid))) throw responseInvalid('The sub or sid of the logout token is malformed')
  return { id: jti, issuer, ...sub !== undefined && { subject: sub }, ...sid !== undefined && { sessionId: sid } }
}

function isLogoutEvent (events: unknown): boolean {
  if (typeof events !== 'object' || events === null || !Object.hasOwn(events, event)) return false
  const value = (events as Record<string, unknown>)[event]
  return typeof value === 'object' && value !== null
}
