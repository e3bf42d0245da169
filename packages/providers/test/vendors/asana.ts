import { asana as create } from '../../src/index.ts'
import { client, standardFailures } from './case.ts'
import type { VendorCase } from './case.ts'

const data = { id: 4673218951, gid: '4673218951', name: 'Alice Example', email: 'alice@example.com' }

export const asana: VendorCase = {
  page: 'https://developers.asana.com/docs/oauth',
  create,
  description: {
    client: client(),
    authorization: { url: 'https://app.asana.com/-/oauth_authorize', scope: { parameter: 'scope', separator: ' ' } },
    token: {
      url: 'https://app.asana.com/-/oauth_token',
      authentication: 'body',
      body: 'form',
      pkce: 'checked',
      rotation: 'never',
      answer: ({ accessToken, refreshToken }) => ({ access_token: accessToken, expires_in: 3600, token_type: 'bearer', data, refresh_token: refreshToken }),
      refreshed: ({ accessToken }) => ({ access_token: accessToken, expires_in: 3600, token_type: 'bearer', data }),
      failures: standardFailures
    },
    revocation: {
      route: 'POST https://app.asana.com/-/oauth_revoke',
      authentication: 'body',
      kinds: ['refresh_token'],
      ends: 'grant',
      answers: { done: { body: {} }, unknown: { status: 400, body: { error: 'invalid_request' } } }
    }
  },
  label: 'Asana',
  issuer: 'https://app.asana.com',
  defaultScopes: [],
  request: {},
  tokens: { expiresIn: 3600, refreshToken: true },
  refresh: 'same refresh token',
  account: { subject: '4673218951', claims: { name: 'Alice Example', email: 'alice@example.com' } },
  revoke: 'refresh token'
}
