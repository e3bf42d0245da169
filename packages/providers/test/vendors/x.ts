import { x as create } from '../../src/index.ts'
import { client } from './case.ts'
import type { VendorCase } from './case.ts'

const tokens = ({ accessToken, refreshToken, scopes }: { accessToken: string, refreshToken?: string, scopes: readonly string[] }) => ({
  token_type: 'bearer', expires_in: 7200, access_token: accessToken, scope: scopes.join(' '), ...scopes.includes('offline.access') && { refresh_token: refreshToken }
})
const error = (what: string) => ({ status: 400, body: { error: 'invalid_request', error_description: `Value passed for the ${what} was invalid.` } })

export const x: VendorCase = {
  page: 'https://docs.x.com/fundamentals/authentication/oauth-2-0/user-access-token',
  create,
  description: {
    client: client(),
    authorization: { url: 'https://x.com/i/oauth2/authorize', scope: { parameter: 'scope', separator: ' ' }, parameters: { code_challenge_method: 'S256' } },
    token: {
      url: 'https://api.x.com/2/oauth2/token',
      authentication: 'basic',
      body: 'form',
      pkce: 'checked',
      rotation: 'always',
      answer: tokens,
      refreshed: tokens,
      failures: { code: error('authorization code'), refreshToken: error('token'), client: { status: 401, body: { error: 'unauthorized_client', error_description: 'Missing valid authorization header' } } }
    },
    api: {
      'GET https://api.x.com/2/users/me': { answer: () => ({ body: { data: { id: '2244994945', name: 'Alice', username: 'alice' } } }), refused: { status: 401, body: { title: 'Unauthorized', type: 'about:blank', status: 401, detail: 'Unauthorized' } } }
    },
    revocation: { route: 'POST https://api.x.com/2/oauth2/revoke', authentication: 'basic', ends: 'token', answers: { done: { body: { revoked: true } }, unknown: { body: { revoked: true } } } }
  },
  label: 'X',
  issuer: 'https://x.com',
  defaultScopes: ['users.read', 'tweet.read'],
  request: { scope: 'users.read tweet.read offline.access' },
  tokens: { expiresIn: 7200, scopes: ['users.read', 'tweet.read', 'offline.access'], refreshToken: true },
  refresh: 'new refresh token',
  account: { subject: '2244994945', claims: { name: 'Alice', preferred_username: 'alice' } },
  revoke: 'refresh and access token'
}
