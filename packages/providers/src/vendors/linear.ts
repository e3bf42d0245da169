import type { Claims, RedirectProvider } from '@consentry/core'
import { at } from '../account.ts'
import { define } from '../define.ts'
import type { PlainVendor, VendorOptions } from '../vendor.ts'

// https://linear.app/developers/oauth-2-0-authentication
const vendor: PlainVendor = {
  label: 'Linear',
  authorizationEndpoint: 'https://linear.app/oauth/authorize',
  tokenEndpoint: 'https://api.linear.app/oauth/token',
  revocationEndpoint: 'https://api.linear.app/oauth/revoke',
  clientAuthentication: 'client_secret_post',
  publicClients: true,
  defaultScopes: ['read'],
  identityScopes: ['read'],
  recommendedScopes: ['read', 'issues:create', 'comments:create'],
  coveredScopes: { write: ['issues:create', 'comments:create', 'timeSchedule:write'] },
  scopeSeparator: ',',
  account: {
    subject: 'id',
    load: async (api, { accessToken }) => {
      const answer = await api.request('https://api.linear.app/graphql', {
        method: 'POST',
        headers: { accept: 'application/json', 'content-type': 'application/json', authorization: `Bearer ${accessToken}` },
        body: JSON.stringify({ query: '{ viewer { id name email organization { id name urlKey } } }' })
      })
      return { ...at(await api.object(answer), 'data.viewer') as Claims }
    }
  },
  revokes: 'one'
}

/**
 * Linear: <https://linear.app/developers/oauth-2-0-authentication>. Access tokens hold for a day.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function linear (options: VendorOptions): RedirectProvider {
  return define(vendor, options)
}
