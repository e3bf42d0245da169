import type { RedirectProvider } from '@consentry/core'
import { define } from '../define.ts'
import { refusal } from '../vendor-api.ts'
import type { PlainVendor, VendorOptions } from '../vendor.ts'

const token = 'https://api.hubapi.com/oauth/2026-03/token'

// https://developers.hubspot.com/docs/api-reference/latest/authentication/manage-oauth-tokens
// https://developers.hubspot.com/docs/api-reference/legacy/authentication/oauth-tokens/v1/migration-guide
const vendor: PlainVendor = {
  label: 'HubSpot',
  authorizationEndpoint: 'https://app.hubspot.com/oauth/authorize',
  tokenEndpoint: token,
  revocationEndpoint: `${token}/revoke`,
  clientAuthentication: 'client_secret_post',
  defaultScopes: ['oauth'],
  identityScopes: ['oauth'],
  recommendedScopes: ['oauth', 'crm.objects.contacts.read'],
  answer: { scope: 'scopes' },
  account: {
    // A grant is for one HubSpot account (a hub), of the many that a person may be in.
    subject: ['hub_id', 'user_id'],
    claims: { email: 'user' },
    load: async (api, { accessToken }) => {
      const body = new URLSearchParams({ client_id: api.clientId, client_secret: api.clientSecret ?? '', token: accessToken, token_type_hint: 'access_token' })
      const { active, hub_id, user_id, user, hub_domain } = await api.object(await api.request(`${token}/introspect`, { method: 'POST', body, headers: { accept: 'application/json' } }))
      if (active !== true) throw refusal(200)
      return { hub_id, user_id, user, hub_domain }
    }
  }
}

/**
 * HubSpot, by the endpoints of 2026-03:
 * <https://developers.hubspot.com/docs/api-reference/latest/authentication/manage-oauth-tokens>. Access tokens hold for
 * half an hour.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function hubspot (options: VendorOptions): RedirectProvider {
  return define(vendor, options)
}
