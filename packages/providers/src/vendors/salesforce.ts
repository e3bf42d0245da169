import type { RedirectProvider } from '@consentry/core'
import { at } from '../account.ts'
import { define } from '../define.ts'
import { originOf } from '../host.ts'
import type { PlainVendor, VendorOptions } from '../vendor.ts'

export interface SalesforceOptions extends VendorOptions {
  /** `test.salesforce.com` for sandboxes, or a My Domain. Default `login.salesforce.com`. */
  host?: string
}

// https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_web_server_flow.htm
// https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_tokens_scopes.htm
const describe = (host: string): PlainVendor => {
  const oauth2 = `${originOf('host', host)}/services/oauth2`
  return {
    label: 'Salesforce',
    authorizationEndpoint: `${oauth2}/authorize`,
    tokenEndpoint: `${oauth2}/token`,
    revocationEndpoint: `${oauth2}/revoke`,
    clientAuthentication: 'client_secret_post',
    publicClients: true,
    defaultScopes: ['openid', 'api'],
    identityScopes: ['openid'],
    offlineScopes: ['refresh_token'],
    recommendedScopes: ['openid', 'api'],
    coveredScopes: {
      full: ['api', 'chatter_api', 'id', 'profile', 'email', 'address', 'phone', 'web'],
      api: ['chatter_api'],
      id: ['profile', 'email', 'address', 'phone']
    },
    loginHint: { parameter: 'login_hint', claim: 'preferred_username' },
    // The answer has no lifetime. Sessions end after two hours of rest unless the organisation chose otherwise:
    // https://help.salesforce.com/s/articleView?id=xcloud.admin_sessions.htm
    answer: { lifetime: 7200 },
    errors: { invalid_client_id: 'invalid_client' },
    // Not `oidc()`: the issuer is that of the person's organisation, not the one that was asked.
    account: {
      endpoint: `${oauth2}/userinfo`,
      // `sub` is a URL that changes with the host.
      subject: ['organization_id', 'user_id']
    },
    // The `id` of the token answer is https://login.salesforce.com/id/<organization_id>/<user_id>.
    tokenAccount: { subject: (answer) => String(at(answer, 'id')).split('/').slice(-2), claims: { instance_url: 'instance_url' } },
    revokes: 'one'
  }
}

/**
 * Salesforce: <https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_web_server_flow.htm>.
 * `account.claims.instance_url` is where the API is for this account.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function salesforce (options: SalesforceOptions): RedirectProvider {
  const { host = 'login.salesforce.com', ...rest } = options
  return define(describe(host), rest)
}
