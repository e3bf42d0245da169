import type { RedirectProvider } from '@consentry/core'
import { define } from '../define.ts'
import type { PlainVendor, VendorOptions } from '../vendor.ts'

// https://developer.calendly.com/how-to-access-calendly-data-on-behalf-of-authenticated-users
// https://developer.calendly.com/api-docs/calendly-o-auth
const vendor: PlainVendor = {
  label: 'Calendly',
  authorizationEndpoint: 'https://auth.calendly.com/oauth/authorize',
  tokenEndpoint: 'https://auth.calendly.com/oauth/token',
  revocationEndpoint: 'https://auth.calendly.com/oauth/revoke',
  clientAuthentication: 'client_secret_post',
  defaultScopes: ['users:read'],
  recommendedScopes: ['users:read', 'event_types:read', 'scheduled_events:read'],
  // The person is a URI, which the token answer has, whatever the scopes.
  tokenAccount: { subject: 'owner', claims: { organization: 'organization' } }
}

/**
 * Calendly: <https://developer.calendly.com/how-to-access-calendly-data-on-behalf-of-authenticated-users>. Every refresh
 * gives a new refresh token and ends the old one.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function calendly (options: VendorOptions): RedirectProvider {
  return define(vendor, options)
}
