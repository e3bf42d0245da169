import type { RedirectProvider } from '@consentry/core'
import { define } from '../define.ts'
import type { PlainVendor, VendorOptions } from '../vendor.ts'

// https://developers.zoom.us/docs/integrations/oauth/
const vendor: PlainVendor = {
  label: 'Zoom',
  authorizationEndpoint: 'https://zoom.us/oauth/authorize',
  tokenEndpoint: 'https://zoom.us/oauth/token',
  revocationEndpoint: 'https://zoom.us/oauth/revoke',
  clientAuthentication: 'client_secret_basic',
  publicClients: true,
  // Without a scope parameter: all that the application is registered for.
  defaultScopes: [],
  recommendedScopes: ['user:read:user', 'meeting:read:list_meetings'],
  errors: { 'invalid_request: Invalid Token!': 'invalid_grant' },
  account: {
    endpoint: 'https://api.zoom.us/v2/users/me',
    subject: 'id',
    claims: { name: 'display_name', given_name: 'first_name', family_name: 'last_name', picture: 'pic_url' },
    optional: true
  },
  revokes: 'access_token'
}

/**
 * Zoom, for user-managed applications: <https://developers.zoom.us/docs/integrations/oauth/>. Every refresh gives a new
 * refresh token. The account is known when the application is registered for `user:read:user`.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function zoom (options: VendorOptions): RedirectProvider {
  return define(vendor, options)
}
