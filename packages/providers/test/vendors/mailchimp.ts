import { mailchimp as create } from '../../src/index.ts'
import { client, standardFailures } from './case.ts'
import type { VendorCase } from './case.ts'

export const mailchimp: VendorCase = {
  page: 'https://mailchimp.com/developer/marketing/guides/access-user-data-oauth-2/',
  create,
  description: {
    client: client(),
    authorization: { url: 'https://login.mailchimp.com/oauth2/authorize' },
    token: {
      url: 'https://login.mailchimp.com/oauth2/token',
      authentication: 'body',
      body: 'form',
      pkce: 'ignored',
      rotation: 'never',
      answer: ({ accessToken }) => ({ access_token: accessToken, expires_in: 0, scope: null }),
      failures: standardFailures
    },
    api: {
      'GET https://login.mailchimp.com/oauth2/metadata': {
        scheme: 'OAuth',
        answer: () => ({
          body: {
            dc: 'us6', role: 'owner', accountname: 'Acme', user_id: 1234567,
            login: { email: 'alice@example.com', avatar: null, login_id: 7654321, login_name: 'alice', login_email: 'alice@example.com' },
            login_url: 'https://login.mailchimp.com', api_endpoint: 'https://us6.api.mailchimp.com'
          }
        }),
        // An invalid token is told with 200.
        refused: { status: 200, body: { error: 'invalid_token' } }
      }
    }
  },
  label: 'Mailchimp',
  issuer: 'https://login.mailchimp.com',
  defaultScopes: [],
  request: {},
  tokens: { refreshToken: false },
  refresh: 'none',
  account: { subject: '1234567:7654321', claims: { name: 'alice', email: 'alice@example.com', dc: 'us6', api_endpoint: 'https://us6.api.mailchimp.com' } },
  revoke: 'none'
}
