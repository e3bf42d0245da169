import { linkedin as create } from '../../src/index.ts'
import { client } from './case.ts'
import type { VendorCase } from './case.ts'

const failure = { status: 400, body: { error: 'invalid_request', error_description: 'provider text' } }

export const linkedin: VendorCase = {
  page: 'https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow',
  create,
  description: {
    client: client(),
    authorization: { url: 'https://www.linkedin.com/oauth/v2/authorization', scope: { parameter: 'scope', separator: ' ' } },
    token: {
      url: 'https://www.linkedin.com/oauth/v2/accessToken',
      authentication: 'body',
      body: 'form',
      pkce: 'refused',
      rotation: 'never',
      answer: ({ accessToken, scopes }) => ({ access_token: accessToken, expires_in: 5_183_999, scope: scopes.toSorted().join(','), token_type: 'Bearer', id_token: 'eyJ6aXAi.without.nonce' }),
      failures: { code: failure, refreshToken: failure, client: { status: 401, body: { error: 'invalid_client', error_description: 'Client authentication failed' } } }
    },
    api: {
      'GET https://api.linkedin.com/v2/userinfo': {
        answer: () => ({ body: { sub: '782bbtaQ', name: 'Alice Example', given_name: 'Alice', family_name: 'Example', locale: { country: 'US', language: 'en' }, email: 'alice@example.com', email_verified: true } })
      }
    }
  },
  label: 'LinkedIn',
  issuer: 'https://www.linkedin.com',
  defaultScopes: ['openid', 'profile', 'email'],
  request: { scope: 'openid profile email' },
  tokens: { expiresIn: 5_183_999, scopes: ['email', 'openid', 'profile'], refreshToken: false },
  refresh: 'none',
  account: { subject: '782bbtaQ', claims: { name: 'Alice Example', email: 'alice@example.com', email_verified: true } },
  revoke: 'none'
}
