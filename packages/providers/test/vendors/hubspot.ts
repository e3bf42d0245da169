import { hubspot as create } from '../../src/index.ts'
import { client, standardFailures, standardRevocation } from './case.ts'
import type { VendorCase } from './case.ts'

const tokens = ({ accessToken, refreshToken, scopes }: { accessToken: string, refreshToken?: string, scopes: readonly string[] }) => ({
  token_type: 'bearer', refresh_token: refreshToken, access_token: accessToken, hub_id: 1234567, scopes, expires_in: 1800, user_id: 456
})
const { client: _own, ...failures } = standardFailures

export const hubspot: VendorCase = {
  page: 'https://developers.hubspot.com/docs/api-reference/latest/authentication/manage-oauth-tokens',
  create,
  description: {
    client: client(),
    authorization: { url: 'https://app.hubspot.com/oauth/authorize', scope: { parameter: 'scope', separator: ' ' } },
    token: {
      url: 'https://api.hubapi.com/oauth/2026-03/token',
      authentication: 'body',
      body: 'form',
      pkce: 'checked',
      rotation: 'never',
      answer: tokens,
      refreshed: tokens,
      failures: { ...failures, client: { status: 400, body: { error: 'invalid_client', error_description: 'provider text', status: 'BAD_CLIENT_SECRET', message: 'provider text' } } }
    },
    api: {
      'POST https://api.hubapi.com/oauth/2026-03/token/introspect': {
        scheme: 'client',
        answer: (grant, { parameters }) => grant === undefined
          ? { body: { active: false } }
          : { body: { active: true, token_use: 'access_token', token: parameters['token'], client_id: '1', hub_id: 1234567, user_id: 456, user: 'alice@example.com', hub_domain: 'demo.hubspot.com', scopes: grant.scopes, expires_in: 1799 } }
      }
    },
    revocation: { route: 'POST https://api.hubapi.com/oauth/2026-03/token/revoke', authentication: 'body', ends: 'token', answers: standardRevocation }
  },
  label: 'HubSpot',
  issuer: 'https://app.hubspot.com',
  defaultScopes: ['oauth'],
  request: { scope: 'oauth' },
  tokens: { expiresIn: 1800, scopes: ['oauth'], refreshToken: true },
  refresh: 'same refresh token',
  account: { subject: '1234567:456', claims: { email: 'alice@example.com', hub_domain: 'demo.hubspot.com' } },
  revoke: 'refresh and access token'
}
