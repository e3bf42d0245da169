import type { RedirectProvider } from '@consentry/core'
import type { VendorAnswer, VendorDescription } from '@consentry/testing'
import type { VendorOptions } from '../../src/vendor.ts'

/** A vendor as its own pages describe it, and what follows from that for our provider. Nothing here is read from `src`. */
export interface VendorCase {
  /** Where the vendor describes it. */
  page: string
  create: (options: VendorOptions) => RedirectProvider
  description: VendorDescription
  label: string
  issuer: string
  defaultScopes: readonly string[]
  /** What the authorization request has beside the parameters of RFC 6749 section 4.1.1 and RFC 7636, when a refresh token is wanted. */
  request: Readonly<Record<string, string>>
  /** Of the answer to the code. */
  tokens: { expiresIn?: number, scopes?: readonly string[], refreshToken: boolean }
  refresh: 'new refresh token' | 'same refresh token' | 'none'
  account: { subject: string, claims: Readonly<Record<string, unknown>> }
  /** Which tokens are given to the vendor to end, and whether it says so. */
  revoke: 'refresh and access token' | 'refresh token' | 'access token' | 'none'
}

export const redirectUri = 'https://app.example/auth/callback/vendor'
export const client = (...scopes: string[]): VendorDescription['client'] => ({ id: '1f2e-client.id_7', secret: 'client-secret_~.7', redirectUri, scopes })

/** RFC 6749 section 5.2, as most have it. */
export const standardFailures: VendorDescription['token']['failures'] = {
  code: { status: 400, body: { error: 'invalid_grant', error_description: 'provider text' } },
  refreshToken: { status: 400, body: { error: 'invalid_grant', error_description: 'provider text' } },
  client: { status: 401, body: { error: 'invalid_client', error_description: 'provider text' } }
}

/** RFC 7009 section 2.2: a token that is not known is no error. */
export const standardRevocation: { done: VendorAnswer, unknown: VendorAnswer } = { done: { body: '' }, unknown: { body: '' } }
