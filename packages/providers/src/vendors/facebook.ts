import { createHmac } from 'node:crypto'
import type { RedirectProvider, TokenSet } from '@consentry/core'
import { define } from '../define.ts'
import { optionsInvalid } from '../errors.ts'
import type { PlainVendor, VendorOptions } from '../vendor.ts'
import type { VendorApi } from '../vendor-api.ts'

export interface FacebookOptions extends VendorOptions {
  /** The version of the Graph API. Default `v25.0`. */
  graphVersion?: string
}

// https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow
// https://developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived
const describe = (version: string): PlainVendor => {
  const graph = `https://graph.facebook.com/${version}`
  return {
    label: 'Facebook',
    authorizationEndpoint: `https://www.facebook.com/${version}/dialog/oauth`,
    tokenEndpoint: `${graph}/oauth/access_token`,
    clientAuthentication: 'client_secret_post',
    defaultScopes: ['public_profile', 'email'],
    revokesAll: true,
    recommendedScopes: ['public_profile', 'email', 'pages_show_list'],
    scopeSeparator: ',',
    // https://developers.facebook.com/docs/graph-api/guides/error-handling: 1 for a wrong secret, 101 for a wrong client.
    errorPath: 'error.code',
    errors: { 100: 'invalid_grant', 190: 'invalid_grant', 1: 'invalid_client', 101: 'invalid_client', 2: 'temporarily_unavailable', 4: 'temporarily_unavailable' },
    account: {
      subject: 'id',
      load: async (api, { accessToken }) => api.object(await api.request(signed(api, `${graph}/me?fields=id,name,email,first_name,last_name`, accessToken), bearer(accessToken))),
      claims: { given_name: 'first_name', family_name: 'last_name' }
    },
    async complete (api, tokens) {
      const longLived = await exchange(api, `${graph}/oauth/access_token`, tokens)
      // People may decline single permissions, and the token answer does not say which.
      const answer = await api.object(await api.request(signed(api, `${graph}/me/permissions`, longLived.accessToken), bearer(longLived.accessToken)))
      const permissions = Array.isArray(answer['data']) ? answer['data'] as Array<{ permission?: unknown, status?: unknown }> : []
      return { ...longLived, scopes: permissions.flatMap(({ permission, status }) => status === 'granted' && typeof permission === 'string' ? [permission] : []) }
    },
    async revoke (api, { accessToken }) {
      await api.request(signed(api, `${graph}/me/permissions`, accessToken), { ...bearer(accessToken), method: 'DELETE' })
      return true
    }
  }
}

/** The token of an hour or two for one of about 60 days. It is all that there is: refresh tokens are not given. */
async function exchange (api: VendorApi, url: string, tokens: TokenSet): Promise<TokenSet> {
  const body = new URLSearchParams({
    grant_type: 'fb_exchange_token', client_id: api.clientId, client_secret: api.clientSecret ?? '', fb_exchange_token: tokens.accessToken
  })
  const answer = await api.object(await api.request(url, { method: 'POST', body, headers: { accept: 'application/json' } }))
  const { access_token: accessToken, expires_in: expiresIn } = answer
  if (typeof accessToken !== 'string' || !/^[\x21-\x7e]+$/.test(accessToken)) return tokens
  const { expiresIn: _short, ...rest } = tokens
  return { ...rest, accessToken, ...typeof expiresIn === 'number' && expiresIn >= 0 && { expiresIn } }
}

/** https://developers.facebook.com/docs/graph-api/guides/secure-requests: shows that the caller has the app's secret. */
function signed (api: Pick<VendorApi, 'clientSecret'>, url: string, accessToken: string): string {
  const proven = new URL(url)
  proven.searchParams.set('appsecret_proof', createHmac('sha256', api.clientSecret ?? '').update(accessToken).digest('hex'))
  return proven.href
}

function bearer (accessToken: string): RequestInit {
  return { headers: { accept: 'application/json', authorization: `Bearer ${accessToken}` } }
}

/**
 * Facebook Login, with the long-lived token of about 60 days, and with the permissions that people left in:
 * <https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow>. Requests to `graph.facebook.com`
 * carry the `appsecret_proof`.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function facebook (options: FacebookOptions): RedirectProvider {
  const { graphVersion = 'v25.0', ...rest } = options
  if (typeof graphVersion !== 'string' || !/^v\d{1,3}\.\d{1,2}$/.test(graphVersion)) throw optionsInvalid('graphVersion is not a version such as v25.0')
  return Object.freeze({
    ...define(describe(graphVersion), rest),
    async resourceRequest ({ accessToken }, url, init, fetch) {
      const headers = new Headers(init.headers)
      headers.set('authorization', `Bearer ${accessToken}`)
      const target = url.hostname === 'graph.facebook.com' ? new URL(signed({ clientSecret: rest.clientSecret }, url.href, accessToken)) : url
      return fetch(target, { ...init, headers })
    }
  } satisfies RedirectProvider)
}
