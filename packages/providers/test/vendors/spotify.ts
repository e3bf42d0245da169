import { spotify as create } from '../../src/index.ts'
import { client, standardFailures } from './case.ts'
import type { VendorCase } from './case.ts'

export const spotify: VendorCase = {
  page: 'https://developer.spotify.com/documentation/web-api/tutorials/code-flow',
  create,
  description: {
    client: client(),
    authorization: { url: 'https://accounts.spotify.com/authorize', scope: { parameter: 'scope', separator: ' ' } },
    token: {
      url: 'https://accounts.spotify.com/api/token',
      authentication: 'basic',
      body: 'form',
      pkce: 'checked',
      rotation: 'never',
      answer: ({ accessToken, refreshToken, scopes }) => ({ access_token: accessToken, token_type: 'Bearer', scope: scopes.join(' '), expires_in: 3600, refresh_token: refreshToken }),
      refreshed: ({ accessToken, scopes }) => ({ access_token: accessToken, token_type: 'Bearer', scope: scopes.join(' '), expires_in: 3600 }),
      failures: { ...standardFailures, client: { status: 400, body: { error: 'invalid_client', error_description: 'Invalid client secret' } } }
    },
    api: {
      'GET https://api.spotify.com/v1/me': {
        answer: () => ({ body: { display_name: 'Alice', id: 'smedjan', email: 'alice@example.com', country: 'SE', product: 'premium', type: 'user', uri: 'spotify:user:smedjan' } }),
        refused: { status: 401, body: { error: { status: 401, message: 'The access token expired' } } }
      }
    }
  },
  label: 'Spotify',
  issuer: 'https://accounts.spotify.com',
  defaultScopes: ['user-read-private', 'user-read-email'],
  request: { scope: 'user-read-private user-read-email' },
  tokens: { expiresIn: 3600, scopes: ['user-read-private', 'user-read-email'], refreshToken: true },
  refresh: 'same refresh token',
  account: { subject: 'smedjan', claims: { name: 'Alice', email: 'alice@example.com' } },
  revoke: 'none'
}
