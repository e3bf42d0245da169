import { inspect } from 'node:util'
import { ConsentryError } from '@consentry/core'
import type { AuthorizationResponse, ErrorCode, RedirectProvider, TokenSet } from '@consentry/core'
import { startHostileProvider } from '@consentry/testing'
import type { HostileOverride, HostileProvider } from '@consentry/testing'
import type { Test } from 'tap'
import { oauth2 } from '../src/oauth2.ts'
import type { OAuth2Options } from '../src/oauth2.ts'
import { oidc } from '../src/oidc.ts'
import type { OidcOptions } from '../src/oidc.ts'

export const redirectUri = 'https://app.example/auth/callback/op'
export const codeVerifier = 'verifier-'.repeat(6)
export const state = 'state-1'
export const nonce = 'nonce-1'

/** A hostile provider that ends with the test. */
export async function hostile (t: Test, options?: Parameters<typeof startHostileProvider>[0]): Promise<HostileProvider> {
  const op = await startHostileProvider(options)
  t.teardown(() => op.close())
  return op
}

/** `oidc()` against a hostile provider. */
export function openid (t: Test, op: HostileProvider, options: Partial<OidcOptions> = {}): RedirectProvider {
  const provider = oidc({ issuer: op.issuer, clientId: 'client', clientSecret: 'client-secret', allowInsecureLoopback: true, ...options })
  t.teardown(async () => provider.close?.())
  return provider
}

/** `oauth2()` against a hostile provider. */
export function plain (t: Test, op: HostileProvider, options: Partial<OAuth2Options> = {}): RedirectProvider {
  const { origin } = new URL(op.issuer)
  const provider = oauth2({
    authorizationEndpoint: `${origin}/authorize`, tokenEndpoint: `${origin}/token`, revocationEndpoint: `${origin}/revoke`,
    userinfoEndpoint: `${origin}/userinfo`, issuer: op.issuer, clientId: 'client', clientSecret: 'client-secret',
    scopes: ['read'], allowInsecureLoopback: true, ...options
  })
  t.teardown(async () => provider.close?.())
  return provider
}

/** Through the authorization endpoint, up to the parameters that come back. */
export async function authorize (provider: RedirectProvider, request: { maxAge?: number, scopes?: readonly string[] } = {}): Promise<URLSearchParams> {
  const url = await provider.authorizationUrl({ redirectUri, state, nonce, codeVerifier, scopes: provider.defaultScopes, ...request })
  const response = await fetch(url, { redirect: 'manual' })
  return new URL(response.headers.get('location') ?? '').searchParams
}

/** A checked response with a code. */
export async function answered (provider: RedirectProvider, request?: Parameters<typeof authorize>[1]): Promise<AuthorizationResponse> {
  return provider.authorizationResponse(await authorize(provider, request), { state })
}

/** The whole way to tokens. */
export async function obtain (provider: RedirectProvider, request: { maxAge?: number, scopes?: readonly string[] } = {}): Promise<TokenSet> {
  const { maxAge } = request
  return provider.exchange(await answered(provider, request), { redirectUri, codeVerifier, nonce, scopes: request.scopes ?? provider.defaultScopes, ...maxAge !== undefined && { maxAge } })
}

/** An override that changes the JSON that would have been answered. */
export function changing (change: (body: Record<string, unknown>) => Record<string, unknown>): HostileOverride {
  return async (_request, usual) => {
    const answer = await usual()
    return { ...answer, body: change({ ...answer.body as Record<string, unknown> }) }
  }
}

/** Rejects with this code, and shows nothing of `canaries` on the way to a log. */
export async function fails (t: Test, promise: Promise<unknown>, code: ErrorCode, name: string, canaries: readonly string[] = []): Promise<ConsentryError> {
  const error = await promise.then(() => undefined, (reason: unknown) => reason)
  if (!(error instanceof ConsentryError)) {
    t.fail(`${name}: ${error === undefined ? 'nothing was refused' : inspect(error)}`)
    throw new Error(name)
  }
  t.equal(error.code, code, name)
  const shown = JSON.stringify(error) + inspect(error, { depth: 9 }) + String(error.stack)
  for (const canary of ['client-secret', codeVerifier, 'at-', 'rt-', 'provider text', ...canaries]) {
    if (shown.includes(canary)) t.fail(`${name}: shows ${canary}: ${shown}`)
  }
  return error
}
