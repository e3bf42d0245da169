import type { RedirectProvider } from '@consentry/core'
import { define } from '../define.ts'
import type { PlainVendor, VendorOptions } from '../vendor.ts'

// https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/
const vendor: PlainVendor = {
  label: 'Jira',
  authorizationEndpoint: 'https://auth.atlassian.com/authorize',
  tokenEndpoint: 'https://auth.atlassian.com/oauth/token',
  clientAuthentication: 'client_secret_post',
  requestBody: 'json',
  defaultScopes: ['read:me', 'read:jira-work', 'read:jira-user'],
  identityScopes: ['read:me'],
  offlineScopes: ['offline_access'],
  recommendedScopes: ['read:me', 'read:jira-work', 'read:jira-user', 'write:jira-work'],
  // Both are required: "the user will be prompted to grant access each time".
  authorizationParameters: { audience: 'api.atlassian.com', prompt: 'consent' },
  // The page's answer has no `token_type`.
  answer: { tokenType: 'bearer' },
  // A refresh token that is over, and a wrong secret.
  errors: { 'unauthorized_client: refresh_token is invalid': 'invalid_grant', 'access_denied: Unauthorized': 'invalid_client' },
  account: {
    // https://developer.atlassian.com/cloud/jira/platform/user-privacy-developer-guide/
    endpoint: 'https://api.atlassian.com/me',
    subject: 'account_id',
    claims: { name: 'name', email: 'email', picture: 'picture' }
  }
}

/**
 * Jira Cloud, by OAuth 2.0 (3LO): <https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/>. The sites that
 * were granted are at `https://api.atlassian.com/oauth/token/accessible-resources`. Every refresh gives a new refresh
 * token. Tokens cannot be revoked by the application.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function jira (options: VendorOptions): RedirectProvider {
  return define(vendor, options)
}
