import { bitbucket as create } from '../../src/index.ts'
import { client, standardFailures } from './case.ts'
import type { VendorCase } from './case.ts'

const tokens = ({ accessToken, refreshToken, scopes }: { accessToken: string, refreshToken?: string, scopes: readonly string[] }) => ({
  access_token: accessToken, scopes: scopes.join(' '), token_type: 'bearer', expires_in: 7200, state: 'authorization_code', refresh_token: refreshToken
})

export const bitbucket: VendorCase = {
  page: 'https://developer.atlassian.com/cloud/bitbucket/oauth-2/',
  create,
  description: {
    client: client('account', 'pullrequest'),
    authorization: { url: 'https://bitbucket.org/site/oauth2/authorize' },
    token: {
      url: 'https://bitbucket.org/site/oauth2/access_token',
      authentication: 'basic',
      body: 'form',
      pkce: 'ignored',
      rotation: 'never',
      answer: tokens,
      refreshed: tokens,
      failures: standardFailures
    },
    api: {
      'GET https://api.bitbucket.org/2.0/user': {
        answer: () => ({ body: { type: 'user', uuid: '{a54f16da-24e9-4d7f-a3a7-b1ba2cd98aa3}', account_id: '557058:1', display_name: 'Alice Example', nickname: 'alice' } })
      },
      'GET https://api.bitbucket.org/2.0/user/emails': {
        answer: () => ({
          body: {
            pagelen: 10,
            values: [
              { email: 'old@example.com', is_primary: false, is_confirmed: true, type: 'email' },
              { email: 'alice@example.com', is_primary: true, is_confirmed: true, type: 'email' }
            ]
          }
        })
      }
    }
  },
  label: 'Bitbucket',
  issuer: 'https://bitbucket.org',
  defaultScopes: ['account'],
  request: {},
  tokens: { expiresIn: 7200, scopes: ['account', 'pullrequest'], refreshToken: true },
  refresh: 'same refresh token',
  account: {
    subject: '{a54f16da-24e9-4d7f-a3a7-b1ba2cd98aa3}',
    claims: { name: 'Alice Example', preferred_username: 'alice', email: 'alice@example.com', email_verified: true }
  },
  revoke: 'none'
}
