import type { RedirectProvider } from '@consentry/core'
import { define } from '../define.ts'
import type { PlainVendor, VendorOptions } from '../vendor.ts'

// https://developers.notion.com/guides/get-started/authorization
// https://developers.notion.com/reference/create-a-token
const vendor: PlainVendor = {
  label: 'Notion',
  authorizationEndpoint: 'https://api.notion.com/v1/oauth/authorize',
  tokenEndpoint: 'https://api.notion.com/v1/oauth/token',
  revocationEndpoint: 'https://api.notion.com/v1/oauth/revoke',
  clientAuthentication: 'client_secret_basic',
  requestBody: 'json',
  // What may be read and written is chosen at registration, and which pages by the person.
  scopeParameter: null,
  defaultScopes: [],
  authorizationParameters: { owner: 'user' },
  // A grant is for one workspace, of the many that a person may be in.
  tokenAccount: {
    subject: ['workspace_id', 'owner.user.id'],
    claims: {
      name: 'owner.user.name', email: 'owner.user.person.email', picture: 'owner.user.avatar_url',
      bot_id: 'bot_id', workspace_id: 'workspace_id', workspace_name: 'workspace_name'
    }
  },
  revokes: 'access_token'
}

/**
 * Notion: <https://developers.notion.com/guides/get-started/authorization>. Tokens have no scopes, and none need expire.
 * `account.claims` has `workspace_id` and `bot_id`.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function notion (options: VendorOptions): RedirectProvider {
  return define(vendor, options)
}
