import type { AuthorizationRequest, RedirectProvider, TokenSet } from '@consentry/core'
import { startVendor } from '@consentry/testing'
import type { LocalVendor, VendorDescription } from '@consentry/testing'
import type { Test } from 'tap'
import type { VendorOptions } from '../../src/vendor.ts'
import { codeVerifier, nonce, state } from '../helpers.ts'
import { redirectUri } from './case.ts'
import type { VendorCase } from './case.ts'

/** A running vendor and our provider for it; they end with the test. */
export async function start (
  t: Test, vendor: Pick<VendorCase, 'create' | 'description'>, options: Partial<VendorOptions> = {}
): Promise<{ local: LocalVendor, provider: RedirectProvider }> {
  const local = await startVendor(vendor.description)
  t.teardown(() => local.close())
  const { id: clientId, secret: clientSecret } = vendor.description.client
  return { local, provider: vendor.create({ clientId, clientSecret, fetch: local.fetch, ...options }) }
}

/** Where the browser is sent. */
export async function asking (provider: RedirectProvider, request: Partial<AuthorizationRequest> = {}): Promise<URL> {
  return provider.authorizationUrl({ redirectUri, state, nonce, codeVerifier, scopes: provider.defaultScopes, ...request })
}

/** The whole way to tokens. */
export async function connect (local: LocalVendor, provider: RedirectProvider, scopes: readonly string[] = provider.defaultScopes): Promise<TokenSet> {
  const url = await asking(provider, { scopes, refreshToken: 'wanted' })
  const response = await provider.authorizationResponse(await local.authorize(url), { state })
  return provider.exchange(response, { redirectUri, codeVerifier, nonce, scopes })
}

/** The same vendor with another token endpoint, or more. */
export function changed (vendor: VendorCase, token: Partial<VendorDescription['token']>, rest: Partial<VendorDescription> = {}): Pick<VendorCase, 'create' | 'description'> {
  const { create, description } = vendor
  return { create, description: { ...description, ...rest, token: { ...description.token, ...token } } }
}
