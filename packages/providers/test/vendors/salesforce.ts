import { salesforce as create } from '../../src/index.ts'
import { client, standardFailures } from './case.ts'
import type { VendorCase } from './case.ts'

const tokens = ({ accessToken, refreshToken, scopes }: { accessToken: string, refreshToken?: string, scopes: readonly string[] }) => ({
  access_token: accessToken,
  refresh_token: refreshToken,
  signature: 'SSSbLO/gBhmmyNUvN18ODBDFYHzakxOMgqYtu+hDPsc=',
  scope: scopes.join(' '),
  instance_url: 'https://acme.my.salesforce.com',
  id: 'https://login.salesforce.com/id/00D50000000IZ3ZEAW/00550000001fg5OAAQ',
  token_type: 'Bearer',
  issued_at: '1558553873237'
})

export const salesforce: VendorCase = {
  page: 'https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_web_server_flow.htm',
  create,
  description: {
    client: client(),
    authorization: { url: 'https://login.salesforce.com/services/oauth2/authorize', scope: { parameter: 'scope', separator: ' ' } },
    token: {
      url: 'https://login.salesforce.com/services/oauth2/token',
      authentication: 'body',
      body: 'form',
      pkce: 'checked',
      rotation: 'never',
      answer: tokens,
      refreshed: ({ accessToken, scopes }) => ({ ...tokens({ accessToken, scopes }), refresh_token: undefined }),
      failures: { ...standardFailures, client: { status: 400, body: { error: 'invalid_client_id', error_description: 'client identifier invalid' } } }
    },
    api: {
      'GET https://login.salesforce.com/services/oauth2/userinfo': {
        answer: () => ({
          body: {
            sub: 'https://acme.my.salesforce.com/id/00D50000000IZ3ZEAW/00550000001fg5OAAQ', user_id: '00550000001fg5OAAQ', organization_id: '00D50000000IZ3ZEAW',
            preferred_username: 'alice@example.com', name: 'Alice Example', email: 'alice@example.com', email_verified: true
          }
        }),
        refused: { status: 403, body: 'Bad_OAuth_Token' }
      }
    },
    revocation: {
      route: 'POST https://login.salesforce.com/services/oauth2/revoke',
      authentication: 'none',
      ends: 'grant',
      answers: { done: { body: '' }, unknown: { status: 400, body: { error: 'unsupported_token_type', error_description: 'this token type is not supported' } } }
    }
  },
  label: 'Salesforce',
  issuer: 'https://login.salesforce.com',
  defaultScopes: ['openid', 'api'],
  request: { scope: 'openid api refresh_token' },
  tokens: { expiresIn: 7200, scopes: ['openid', 'api', 'refresh_token'], refreshToken: true },
  refresh: 'same refresh token',
  account: {
    subject: '00D50000000IZ3ZEAW:00550000001fg5OAAQ',
    claims: { name: 'Alice Example', email: 'alice@example.com', instance_url: 'https://acme.my.salesforce.com' }
  },
  revoke: 'refresh token'
}
