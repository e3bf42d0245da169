import type { RedirectProvider } from '@consentry/core'
import { define } from '../define.ts'
import { originOf } from '../host.ts'
import type { OpenIdVendor, VendorOptions } from '../vendor.ts'

export interface GitLabOptions extends VendorOptions {
  /** The host of a self-managed GitLab. Default `gitlab.com`. */
  host?: string
}

// https://docs.gitlab.com/integration/openid_connect_provider/
// https://docs.gitlab.com/api/oauth2/
const describe = (host: string): OpenIdVendor => ({
  label: 'GitLab',
  issuer: originOf('host', host),
  clientAuthentication: 'client_secret_post',
  publicClients: true,
  defaultScopes: ['openid', 'profile', 'email'],
  recommendedScopes: ['openid', 'profile', 'email', 'read_api'],
  coveredScopes: {
    api: ['read_api', 'read_user'],
    read_api: ['read_user'],
    write_repository: ['read_repository'],
    write_registry: ['read_registry']
  }
})

/**
 * GitLab, an OpenID provider: <https://docs.gitlab.com/integration/openid_connect_provider/>. Access tokens hold for two
 * hours, and every refresh gives a new refresh token.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function gitlab (options: GitLabOptions): RedirectProvider {
  const { host = 'gitlab.com', ...rest } = options
  return define(describe(host), rest)
}
