import { hash } from 'node:crypto'
import type { AuthorizationRequest } from '@consentry/core'
import type { Context } from './context.ts'
import { optionsInvalid } from './errors.ts'
import { scopesOption } from './options.ts'

/**
 * The URL to send the browser to (RFC 6749 section 4.1.1), with PKCE S256 (RFC 7636), and with `openid` as OpenID Connect
 * Core section 3.1.2.1 has it: with that scope and a nonce.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID` for a malformed verifier, state or scope
 */
export function authorizationRequest (
  context: Context, authorizationEndpoint: string, request: AuthorizationRequest, { openid }: { openid: boolean }
): URL {
  if (!/^[\w.~-]{43,128}$/.test(request.codeVerifier)) throw optionsInvalid('codeVerifier is not 43 to 128 unreserved characters')
  if (request.state === '') throw optionsInvalid('state is empty')
  const scopes = openid && !request.scopes.includes('openid') ? ['openid', ...request.scopes] : request.scopes
  const url = new URL(authorizationEndpoint)
  // Of its own: each change of `url.searchParams` would write the URL anew.
  const parameters = new URLSearchParams(url.search)
  const set = (name: string, value: string | undefined) => {
    if (value !== undefined && value !== '') parameters.set(name, value)
  }
  for (const [name, value] of context.authorizationParameters) set(name, value)
  set('prompt', request.prompt)
  set('login_hint', request.loginHint)
  set('max_age', request.maxAge?.toString())
  set('acr_values', request.acrValues?.join(' '))
  set('scope', scopesOption(scopes, context.scopeSeparator).join(context.scopeSeparator))
  if (openid) set('nonce', request.nonce)
  set('response_type', 'code')
  set('client_id', context.client.client_id)
  set('redirect_uri', request.redirectUri)
  set('state', request.state)
  // Not oauth4webapi's: the thread pool behind WebCrypto costs more than the hash.
  set('code_challenge', hash('sha256', request.codeVerifier, 'base64url'))
  set('code_challenge_method', 'S256')
  url.search = parameters.toString()
  return url
}
