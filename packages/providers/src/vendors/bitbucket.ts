import type { Claims, RedirectProvider } from '@consentry/core'
import { define } from '../define.ts'
import type { PlainVendor, VendorOptions } from '../vendor.ts'

// https://developer.atlassian.com/cloud/bitbucket/oauth-2/
// https://developer.atlassian.com/cloud/bitbucket/rest/intro/#authentication
const vendor: PlainVendor = {
  label: 'Bitbucket',
  authorizationEndpoint: 'https://bitbucket.org/site/oauth2/authorize',
  tokenEndpoint: 'https://bitbucket.org/site/oauth2/access_token',
  clientAuthentication: 'client_secret_basic',
  // Scopes belong to the OAuth consumer; the parameter of single requests is not supported.
  scopeParameter: null,
  defaultScopes: ['account'],
  recommendedScopes: ['email', 'repository', 'pullrequest'],
  coveredScopes: {
    'account:write': ['account', 'email'],
    account: ['email'],
    project: ['repository'],
    'repository:write': ['repository'],
    pullrequest: ['repository'],
    'pullrequest:write': ['pullrequest', 'repository:write', 'repository'],
    'issue:write': ['issue'],
    'wiki:write': ['wiki']
  },
  answer: { scope: 'scopes' },
  account: {
    subject: 'uuid',
    claims: { name: 'display_name', preferred_username: 'nickname', email: 'email', email_verified: 'email_verified' },
    optional: true,
    async load (api, { accessToken, scopes }) {
      const user = await api.get('https://api.bitbucket.org/2.0/user', accessToken) as Claims
      if (scopes?.some((scope) => ['email', 'account', 'account:write'].includes(scope)) !== true) return user
      const emails = await api.get('https://api.bitbucket.org/2.0/user/emails', accessToken) as { values?: Array<{ email?: unknown, is_primary?: unknown, is_confirmed?: unknown }> }
      const primary = emails.values?.find((each) => each.is_primary === true && each.is_confirmed === true)
      return primary === undefined ? user : { ...user, email: primary.email, email_verified: true }
    }
  }
}

/**
 * Bitbucket Cloud: <https://developer.atlassian.com/cloud/bitbucket/oauth-2/>. What is granted is what the OAuth consumer
 * is registered for. Tokens cannot be revoked by the application.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function bitbucket (options: VendorOptions): RedirectProvider {
  return define(vendor, options)
}
