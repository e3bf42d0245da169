import type { RedirectProvider } from '@consentry/core'
import { define } from '../define.ts'
import { refusal } from '../vendor-api.ts'
import type { PlainVendor, VendorOptions } from '../vendor.ts'

// https://mailchimp.com/developer/marketing/guides/access-user-data-oauth-2/
const vendor: PlainVendor = {
  label: 'Mailchimp',
  authorizationEndpoint: 'https://login.mailchimp.com/oauth2/authorize',
  tokenEndpoint: 'https://login.mailchimp.com/oauth2/token',
  clientAuthentication: 'client_secret_post',
  scopeParameter: null,
  defaultScopes: [],
  // `expires_in` is 0 and there is no refresh token: the token holds until the person ends it.
  answer: { tokenType: 'bearer', lifetime: 'endless' },
  account: {
    // The first is the account, which several people may use.
    subject: ['user_id', 'login.login_id'],
    claims: { name: 'login.login_name', email: 'login.login_email' },
    async load (api, { accessToken }) {
      const answer = await api.object(await api.request('https://login.mailchimp.com/oauth2/metadata', {
        headers: { accept: 'application/json', authorization: `OAuth ${accessToken}` }
      }))
      // A token that does not hold is told with 200.
      if (answer['error'] !== undefined) throw refusal(200)
      return answer
    }
  }
}

/**
 * Mailchimp: <https://mailchimp.com/developer/marketing/guides/access-user-data-oauth-2/>. Tokens have no scopes and no
 * end. `account.claims` has `dc` and `api_endpoint`, where the API is for this account.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function mailchimp (options: VendorOptions): RedirectProvider {
  return define(vendor, options)
}
