import { createHmac } from 'node:crypto'
import { facebook as create } from '../../src/index.ts'
import type { VendorDescription, VendorGrant, VendorRequest } from '@consentry/testing'
import { client } from './case.ts'
import type { VendorCase } from './case.ts'

const graph = 'https://graph.facebook.com/v25.0'
const error = (code: number, message: string) => ({ status: 400, body: { error: { message, type: 'OAuthException', code, fbtrace_id: 'A1' } } })

/** https://developers.facebook.com/docs/graph-api/guides/secure-requests */
const proven = (grant: VendorGrant | undefined, { url }: VendorRequest, body: unknown) =>
  url.searchParams.get('appsecret_proof') === createHmac('sha256', description.client.secret).update(grant?.accessToken ?? '').digest('hex')
    ? { body }
    : error(100, 'Invalid appsecret_proof provided in the API argument')

const description: VendorDescription = {
  client: client(),
  authorization: { url: 'https://www.facebook.com/v25.0/dialog/oauth', scope: { parameter: 'scope', separator: ',' } },
  token: {
    url: `${graph}/oauth/access_token`,
    authentication: 'body',
    body: 'form',
    pkce: 'ignored',
    rotation: 'never',
    answer: ({ accessToken }) => ({ access_token: accessToken, token_type: 'bearer', expires_in: 5400 }),
    // The other grant type of this endpoint: get-long-lived.
    exchanged: { grantType: 'fb_exchange_token', token: 'fb_exchange_token', answer: ({ accessToken }) => ({ access_token: accessToken, token_type: 'bearer', expires_in: 5_183_944 }) },
    failures: {
      code: error(100, 'Invalid verification code format.'),
      refreshToken: error(100, 'Invalid grant_type'),
      client: error(1, 'Error validating client secret.')
    }
  },
  api: {
    [`GET ${graph}/me`]: {
      answer: (grant, request) => proven(grant, request, { id: '10158', name: 'Alice Example', first_name: 'Alice', last_name: 'Example', email: 'alice@example.com' }),
      refused: error(190, 'Invalid OAuth access token.')
    },
    [`GET ${graph}/me/permissions`]: {
      answer: (grant, request) => proven(grant, request, { data: grant?.scopes.map((permission) => ({ permission, status: 'granted' })).concat({ permission: 'user_friends', status: 'declined' }) })
    }
  },
  revocation: {
    route: `DELETE ${graph}/me/permissions`,
    authentication: 'bearer',
    ends: 'grant',
    answers: { done: { body: { success: true } }, unknown: error(190, 'Invalid OAuth access token.') }
  }
}

export const facebook: VendorCase = {
  page: 'https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow',
  create,
  description,
  label: 'Facebook',
  issuer: 'https://www.facebook.com',
  defaultScopes: ['public_profile', 'email'],
  request: { scope: 'public_profile,email' },
  tokens: { expiresIn: 5_183_944, scopes: ['public_profile', 'email'], refreshToken: false },
  refresh: 'none',
  account: { subject: '10158', claims: { name: 'Alice Example', given_name: 'Alice', family_name: 'Example', email: 'alice@example.com' } },
  revoke: 'access token'
}
