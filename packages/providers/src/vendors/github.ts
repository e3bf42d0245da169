import type { Claims, RedirectProvider } from '@consentry/core'
import { ConsentryError } from '@consentry/core'
import { define } from '../define.ts'
import { ProviderFault } from '../errors.ts'
import { originOf } from '../host.ts'
import { basicAuthorization } from '../vendor-api.ts'
import type { PlainVendor, VendorOptions } from '../vendor.ts'

export interface GitHubOptions extends VendorOptions {
  /** The host of a GitHub Enterprise Server, or `<name>.ghe.com`. Default `github.com`. */
  host?: string
}

// https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
// https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens
const describe = (host: string): PlainVendor => {
  const web = originOf('host', host)
  // https://docs.github.com/en/enterprise-server/rest/using-the-rest-api/getting-started-with-the-rest-api
  const api = host === 'github.com' || host.endsWith('.ghe.com') ? originOf('host', `api.${host}`) : `${web}/api/v3`
  return {
    label: 'GitHub',
    authorizationEndpoint: `${web}/login/oauth/authorize`,
    tokenEndpoint: `${web}/login/oauth/access_token`,
    // https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#device-flow, to be enabled in the app's settings.
    deviceAuthorizationEndpoint: `${web}/login/device/code`,
    clientAuthentication: 'client_secret_post',
    defaultScopes: ['read:user', 'user:email'],
    recommendedScopes: ['read:user', 'user:email', 'repo'],
    // What contains what: the table of scopes-for-oauth-apps.
    coveredScopes: {
      repo: ['repo:status', 'repo_deployment', 'public_repo', 'repo:invite', 'security_events'],
      'admin:repo_hook': ['write:repo_hook', 'read:repo_hook'],
      'write:repo_hook': ['read:repo_hook'],
      'admin:org': ['write:org', 'read:org'],
      'write:org': ['read:org'],
      'admin:public_key': ['write:public_key', 'read:public_key'],
      'write:public_key': ['read:public_key'],
      user: ['read:user', 'user:email', 'user:follow'],
      project: ['read:project'],
      'write:packages': ['read:packages'],
      'admin:gpg_key': ['write:gpg_key', 'read:gpg_key'],
      'write:gpg_key': ['read:gpg_key']
    },
    loginHint: { parameter: 'login', claim: 'login' },
    // Asked for with spaces, granted with commas.
    answer: { scopeSeparator: ',' },
    // https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors, all with 200.
    errors: { incorrect_client_credentials: 'invalid_client', bad_verification_code: 'invalid_grant', bad_refresh_token: 'invalid_grant' },
    account: {
      subject: 'id',
      claims: { preferred_username: 'login', picture: 'avatar_url', profile: 'html_url' },
      async load (github, { accessToken }) {
        const user = await github.get(`${api}/user`, accessToken, versioned) as Claims
        const emails = await github.get(`${api}/user/emails`, accessToken, versioned).catch(unlessForbidden)
        const primary = Array.isArray(emails) ? (emails as Email[]).find((each) => each.primary === true && each.verified === true) : undefined
        return { ...user, ...primary !== undefined && { email: primary.email, email_verified: true } }
      }
    },
    // https://docs.github.com/en/rest/apps/oauth-applications: 204, and 404 for a token that is over.
    // 422 may mean anything else, and is none.
    async revoke (github, { accessToken }) {
      const { clientId, clientSecret = '' } = github
      await github.request(`${api}/applications/${encodeURIComponent(clientId)}/token`, {
        method: 'DELETE',
        headers: { ...versioned, 'content-type': 'application/json', authorization: basicAuthorization(clientId, clientSecret) },
        body: JSON.stringify({ access_token: accessToken })
      }).catch((error: unknown) => { if (statusOf(error) !== 404) throw error })
      return true
    }
  }
}

interface Email { email?: unknown, primary?: unknown, verified?: unknown }

const versioned = { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' }

/** The list needs `user:email`, or the permission of a GitHub App; without it, the account is known all the same. */
function unlessForbidden (error: unknown): undefined {
  if (![403, 404].includes(statusOf(error) ?? 0)) throw error
}

function statusOf (error: unknown): number | undefined {
  return ConsentryError.is(error) && error.cause instanceof ProviderFault ? error.cause.status : undefined
}

/**
 * GitHub, for OAuth apps and the user tokens of GitHub Apps:
 * <https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps>. Tokens of OAuth apps do not
 * expire; those of GitHub Apps may, with a refresh token, and know no scopes: give them `scopes: []`.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function github (options: GitHubOptions): RedirectProvider {
  const { host = 'github.com', ...rest } = options
  return define(describe(host), rest)
}
