import type { RedirectProvider } from '@consentry/core'
import { define } from '../define.ts'
import type { PlainVendor, VendorOptions } from '../vendor.ts'

// https://discord.com/developers/docs/topics/oauth2
// https://discord.com/developers/docs/resources/user
const vendor: PlainVendor = {
  label: 'Discord',
  authorizationEndpoint: 'https://discord.com/oauth2/authorize',
  tokenEndpoint: 'https://discord.com/api/oauth2/token',
  revocationEndpoint: 'https://discord.com/api/oauth2/token/revoke',
  clientAuthentication: 'client_secret_basic',
  publicClients: true,
  defaultScopes: ['identify'],
  identityScopes: ['identify'],
  recommendedScopes: ['identify', 'email', 'guilds'],
  account: {
    endpoint: 'https://discord.com/api/v10/users/@me',
    subject: 'id',
    claims: { name: 'global_name', preferred_username: 'username', email_verified: 'verified' }
  },
  // Any token ends all that belong to the same authorization.
  revokes: 'one',
  revokesAll: true
}

/**
 * Discord: <https://discord.com/developers/docs/topics/oauth2>.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function discord (options: VendorOptions): RedirectProvider {
  return define(vendor, options)
}
