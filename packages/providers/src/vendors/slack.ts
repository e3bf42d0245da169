import type { RedirectProvider } from '@consentry/core'
import { define } from '../define.ts'
import type { PlainVendor, VendorOptions } from '../vendor.ts'
import { refusal } from '../vendor-api.ts'
import type { VendorApi } from '../vendor-api.ts'

// https://docs.slack.dev/authentication/installing-with-oauth
// https://docs.slack.dev/reference/methods/oauth.v2.access
// https://docs.slack.dev/authentication/using-token-rotation
const vendor: PlainVendor = {
  label: 'Slack',
  authorizationEndpoint: 'https://slack.com/oauth/v2/authorize',
  tokenEndpoint: 'https://slack.com/api/oauth.v2.access',
  clientAuthentication: 'client_secret_basic',
  publicClients: true,
  // `scope` would be the bot's.
  scopeParameter: 'user_scope',
  scopeSeparator: ',',
  defaultScopes: ['users:read'],
  recommendedScopes: ['users:read', 'channels:read', 'chat:write'],
  // What the person granted is in `authed_user`; on top are the bot's tokens, or those of a refresh.
  answer: { within: 'authed_user', tokenType: 'bearer' },
  // With 200 and `"ok": false`: https://docs.slack.dev/reference/methods/oauth.v2.access#errors
  errors: {
    invalid_code: 'invalid_grant', code_already_used: 'invalid_grant', invalid_refresh_token: 'invalid_grant', token_revoked: 'invalid_grant',
    bad_client_secret: 'invalid_client', invalid_client_id: 'invalid_client',
    ratelimited: 'temporarily_unavailable', service_unavailable: 'temporarily_unavailable', internal_error: 'temporarily_unavailable', fatal_error: 'temporarily_unavailable'
  },
  account: {
    // A person is known by the workspace and an id in it.
    subject: ['team_id', 'user_id'],
    claims: { preferred_username: 'user' },
    load: async (api, { accessToken }) => call(api, 'auth.test', accessToken)
  },
  async revoke (api, { accessToken }) {
    await call(api, 'auth.revoke', accessToken, ['token_revoked', 'invalid_auth'])
    return true
  }
}

/** A method of the Web API, which tells its errors with 200 (https://docs.slack.dev/apis/web-api/#responses); `fine` ones are none. */
async function call (api: VendorApi, method: string, accessToken: string, fine: readonly string[] = []): Promise<Record<string, unknown>> {
  const answer = await api.object(await api.request(`https://slack.com/api/${method}`, {
    method: 'POST', headers: { accept: 'application/json', authorization: `Bearer ${accessToken}` }, body: new URLSearchParams()
  }))
  if (answer['ok'] !== true && !fine.includes(String(answer['error']))) throw refusal(200)
  return answer
}

/**
 * Slack, on behalf of a person: the scopes are user scopes, and the tokens are the person's
 * (<https://docs.slack.dev/authentication/installing-with-oauth>). They expire only when token rotation is on, and then
 * come with a refresh token.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function slack (options: VendorOptions): RedirectProvider {
  return define(vendor, options)
}
