import type { RedirectProvider } from '@consentry/core'
import { define } from '../define.ts'
import type { PlainVendor, VendorOptions } from '../vendor.ts'

// https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow
// https://learn.microsoft.com/en-us/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2
const vendor: PlainVendor = {
  label: 'LinkedIn',
  authorizationEndpoint: 'https://www.linkedin.com/oauth/v2/authorization',
  tokenEndpoint: 'https://www.linkedin.com/oauth/v2/accessToken',
  clientAuthentication: 'client_secret_post',
  // Only native clients have PKCE, at other endpoints; here a verifier is answered with `invalid_client`:
  // https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow-native
  pkce: 'refused',
  defaultScopes: ['openid', 'profile', 'email'],
  identityScopes: ['openid', 'profile'],
  recommendedScopes: ['openid', 'profile', 'email', 'w_member_social'],
  answer: { scopeSeparator: ',' },
  // Not `oidc()`: the ID token carries no nonce.
  account: { endpoint: 'https://api.linkedin.com/v2/userinfo', subject: 'sub' }
}

/**
 * LinkedIn: <https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow>. The only provider
 * without PKCE, which it refuses. Access tokens hold for 60 days; refresh tokens are for chosen partners. Tokens cannot
 * be revoked by the application.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function linkedin (options: VendorOptions): RedirectProvider {
  return define(vendor, options)
}
