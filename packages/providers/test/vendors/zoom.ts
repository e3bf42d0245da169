import { zoom as create } from '../../src/index.ts'
import { client } from './case.ts'
import type { VendorCase } from './case.ts'

const tokens = ({ accessToken, refreshToken, scopes }: { accessToken: string, refreshToken?: string, scopes: readonly string[] }) => ({
  access_token: accessToken, token_type: 'bearer', refresh_token: refreshToken, expires_in: 3600, scope: scopes.join(' '), api_url: 'https://api.zoom.us'
})

export const zoom: VendorCase = {
  page: 'https://developers.zoom.us/docs/integrations/oauth/',
  create,
  description: {
    client: client('user:read:user', 'meeting:read:meeting'),
    authorization: { url: 'https://zoom.us/oauth/authorize' },
    token: {
      url: 'https://zoom.us/oauth/token',
      authentication: 'basic',
      body: 'form',
      pkce: 'checked',
      rotation: 'always',
      answer: tokens,
      refreshed: tokens,
      failures: {
        code: { status: 400, body: { reason: 'Invalid authorization code', error: 'invalid_request' } },
        refreshToken: { status: 401, body: { reason: 'Invalid Token!', error: 'invalid_request' } },
        client: { status: 401, body: { reason: 'Invalid client_id or client_secret', error: 'invalid_client' } }
      }
    },
    api: {
      'GET https://api.zoom.us/v2/users/me': {
        answer: () => ({ body: { id: 'zJKyaiAyTNC-MWjiWC18KQ', first_name: 'Alice', last_name: 'Example', display_name: 'Alice Example', email: 'alice@example.com', type: 1, verified: 1, account_id: 'y-1' } }),
        refused: { status: 401, body: { code: 124, message: 'Invalid access token.' } }
      }
    },
    revocation: {
      route: 'POST https://zoom.us/oauth/revoke',
      authentication: 'basic',
      kinds: ['access_token'],
      ends: 'grant',
      answers: { done: { body: { status: 'success' } }, unknown: { status: 400, body: { reason: 'Invalid Token!', error: 'invalid_request' } } }
    }
  },
  label: 'Zoom',
  issuer: 'https://zoom.us',
  defaultScopes: [],
  request: {},
  tokens: { expiresIn: 3600, scopes: ['user:read:user', 'meeting:read:meeting'], refreshToken: true },
  refresh: 'new refresh token',
  account: { subject: 'zJKyaiAyTNC-MWjiWC18KQ', claims: { name: 'Alice Example', given_name: 'Alice', email: 'alice@example.com' } },
  revoke: 'access token'
}
