import type { RedirectProvider } from '@consentry/core'
import { define } from '../define.ts'
import type { PlainVendor, VendorOptions } from '../vendor.ts'

// https://developer.spotify.com/documentation/web-api/tutorials/code-flow
// https://developer.spotify.com/documentation/web-api/tutorials/refreshing-tokens
const vendor: PlainVendor = {
  label: 'Spotify',
  authorizationEndpoint: 'https://accounts.spotify.com/authorize',
  tokenEndpoint: 'https://accounts.spotify.com/api/token',
  clientAuthentication: 'client_secret_basic',
  publicClients: true,
  defaultScopes: ['user-read-private', 'user-read-email'],
  recommendedScopes: ['user-read-private', 'user-read-email', 'playlist-read-private'],
  account: {
    endpoint: 'https://api.spotify.com/v1/me',
    subject: 'id',
    // The e-mail address is unverified: https://developer.spotify.com/documentation/web-api/reference/get-current-users-profile
    claims: { name: 'display_name' }
  }
}

/**
 * Spotify: <https://developer.spotify.com/documentation/web-api/tutorials/code-flow>. A refresh gives a new refresh token
 * only at times; the old one stays otherwise. Tokens cannot be revoked by the application.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function spotify (options: VendorOptions): RedirectProvider {
  return define(vendor, options)
}
