import { reddit as create } from '../../src/index.ts'
import { client } from './case.ts'
import type { VendorCase } from './case.ts'

export const userAgent = 'web:com.example.app:v1.0.0 (by /u/example)'

export const reddit: VendorCase = {
  page: 'https://github.com/reddit-archive/reddit/wiki/OAuth2',
  create: (options) => create({ userAgent, ...options }),
  description: {
    client: client(),
    authorization: { url: 'https://www.reddit.com/api/v1/authorize', scope: { parameter: 'scope', separator: ' ' }, parameters: { duration: 'permanent' } },
    token: {
      url: 'https://www.reddit.com/api/v1/access_token',
      authentication: 'basic',
      body: 'form',
      pkce: 'ignored',
      rotation: 'never',
      answer: ({ accessToken, refreshToken, scopes }) => ({ access_token: accessToken, token_type: 'bearer', expires_in: 3600, refresh_token: refreshToken, scope: scopes.join(' ') }),
      refreshed: ({ accessToken, scopes }) => ({ access_token: accessToken, token_type: 'bearer', expires_in: 3600, scope: scopes.join(' ') }),
      failures: {
        code: { status: 200, body: { error: 'invalid_grant' } },
        refreshToken: { status: 400, body: { message: 'Bad Request', error: 400 } },
        client: { status: 401, body: { message: 'Unauthorized', error: 401 } }
      }
    },
    api: {
      'GET https://oauth.reddit.com/api/v1/me': {
        answer: (_grant, { headers }) => headers['user-agent'] === userAgent ? { body: { id: '4hyxqp', name: 'alice', total_karma: 7, has_verified_email: true } } : { status: 429, body: '' }
      }
    },
    revocation: {
      route: 'POST https://www.reddit.com/api/v1/revoke_token',
      authentication: 'basic',
      ends: 'grant',
      answers: { done: { status: 204 }, unknown: { status: 204 } }
    }
  },
  label: 'Reddit',
  issuer: 'https://www.reddit.com',
  defaultScopes: ['identity'],
  request: { scope: 'identity', duration: 'permanent' },
  tokens: { expiresIn: 3600, scopes: ['identity'], refreshToken: true },
  refresh: 'same refresh token',
  account: { subject: '4hyxqp', claims: { preferred_username: 'alice' } },
  revoke: 'refresh and access token'
}
