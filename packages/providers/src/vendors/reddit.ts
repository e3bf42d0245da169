import type { RedirectProvider } from '@consentry/core'
import { define } from '../define.ts'
import { optionsInvalid } from '../errors.ts'
import type { PlainVendor, VendorOptions } from '../vendor.ts'

export interface RedditOptions extends VendorOptions {
  /** Tells your application from others, as Reddit asks: `web:com.example.app:v1.2.3 (by /u/name)`. */
  userAgent: string
}

// https://github.com/reddit-archive/reddit/wiki/OAuth2
// https://github.com/reddit-archive/reddit/wiki/API
// https://github.com/reddit-archive/reddit/blob/master/r2/r2/controllers/oauth2.py
const describe = (userAgent: string): PlainVendor => ({
  label: 'Reddit',
  authorizationEndpoint: 'https://www.reddit.com/api/v1/authorize',
  tokenEndpoint: 'https://www.reddit.com/api/v1/access_token',
  revocationEndpoint: 'https://www.reddit.com/api/v1/revoke_token',
  clientAuthentication: 'client_secret_basic',
  headers: { 'user-agent': userAgent },
  defaultScopes: ['identity'],
  identityScopes: ['identity'],
  recommendedScopes: ['identity', 'read', 'mysubreddits'],
  offlineParameters: { wanted: { duration: 'permanent' }, held: { duration: 'permanent' } },
  // A refresh token that is over is answered with 400 and this number.
  errors: { 400: 'invalid_grant', 401: 'invalid_client' },
  account: {
    endpoint: 'https://oauth.reddit.com/api/v1/me',
    subject: 'id',
    claims: { preferred_username: 'name' }
  }
})

/**
 * Reddit: <https://github.com/reddit-archive/reddit/wiki/OAuth2>. Requests carry your `userAgent`, those of the
 * application's `grant.fetch` too.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function reddit (options: RedditOptions): RedirectProvider {
  const { userAgent, ...rest } = options
  if (typeof userAgent !== 'string' || !/^[\x20-\x7e]{1,256}$/.test(userAgent)) throw optionsInvalid('userAgent is missing or malformed')
  return Object.freeze({
    ...define(describe(userAgent), rest),
    async resourceRequest ({ accessToken }, url, init, fetch) {
      const headers = new Headers(init.headers)
      headers.set('authorization', `Bearer ${accessToken}`)
      if (!headers.has('user-agent')) headers.set('user-agent', userAgent)
      return fetch(url, { ...init, headers })
    }
  } satisfies RedirectProvider)
}
