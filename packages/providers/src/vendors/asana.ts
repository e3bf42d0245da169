import type { RedirectProvider } from '@consentry/core'
import { define } from '../define.ts'
import type { PlainVendor, VendorOptions } from '../vendor.ts'

// https://developers.asana.com/docs/oauth
// https://developers.asana.com/docs/oauth-scopes
const vendor: PlainVendor = {
  label: 'Asana',
  authorizationEndpoint: 'https://app.asana.com/-/oauth_authorize',
  tokenEndpoint: 'https://app.asana.com/-/oauth_token',
  revocationEndpoint: 'https://app.asana.com/-/oauth_revoke',
  clientAuthentication: 'client_secret_post',
  // Without a scope parameter it is `default`: all that the registration of the application allows.
  defaultScopes: [],
  recommendedScopes: ['tasks:read', 'projects:read', 'users:read'],
  // The token answer tells of the person, whatever the scopes.
  tokenAccount: { subject: 'data.gid', claims: { name: 'data.name', email: 'data.email' } },
  // "Bearer tokens will be rejected" at the revocation endpoint.
  revokes: 'refresh_token'
}

/**
 * Asana, with expiring access tokens and a refresh token that stays: <https://developers.asana.com/docs/oauth>.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function asana (options: VendorOptions): RedirectProvider {
  return define(vendor, options)
}
