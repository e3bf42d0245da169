import type { RedirectProvider } from '@consentry/core'
import { define } from '../define.ts'
import type { PlainVendor, VendorOptions } from '../vendor.ts'

// https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code
// https://docs.x.com/fundamentals/authentication/oauth-2-0/user-access-token
const vendor: PlainVendor = {
  label: 'X',
  authorizationEndpoint: 'https://x.com/i/oauth2/authorize',
  tokenEndpoint: 'https://api.x.com/2/oauth2/token',
  revocationEndpoint: 'https://api.x.com/2/oauth2/revoke',
  clientAuthentication: 'client_secret_basic',
  publicClients: true,
  defaultScopes: ['users.read', 'tweet.read'],
  // `GET /2/users/me` needs both.
  identityScopes: ['users.read', 'tweet.read'],
  offlineScopes: ['offline.access'],
  recommendedScopes: ['users.read', 'tweet.read', 'tweet.write'],
  // So are a code and a refresh token answered that are over.
  errors: {
    'invalid_request: Value passed for the authorization code was invalid.': 'invalid_grant',
    'invalid_request: Value passed for the token was invalid.': 'invalid_grant'
  },
  account: {
    endpoint: 'https://api.x.com/2/users/me',
    subject: 'data.id',
    claims: { name: 'data.name', preferred_username: 'data.username' }
  }
}

/**
 * X: <https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code>. Access tokens hold for two hours, and
 * every refresh gives a new refresh token.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function x (options: VendorOptions): RedirectProvider {
  return define(vendor, options)
}
