// https://docs.gitlab.com/api/oauth2/
import { gitlab as create } from '../../src/index.ts'
import { client, standardFailures } from './case.ts'
import type { VendorCase } from './case.ts'

const tokens = ({ accessToken, refreshToken, idToken, scopes }: { accessToken: string, refreshToken?: string, idToken?: string, scopes: readonly string[] }) => ({
  access_token: accessToken, token_type: 'Bearer', expires_in: 7200, refresh_token: refreshToken, scope: scopes.join(' '), created_at: 1_607_635_748, id_token: idToken
})

export const gitlab: VendorCase = {
  page: 'https://docs.gitlab.com/integration/openid_connect_provider/',
  create,
  description: {
    client: client(),
    authorization: { url: 'https://gitlab.com/oauth/authorize', scope: { parameter: 'scope', separator: ' ' } },
    token: {
      url: 'https://gitlab.com/oauth/token', authentication: 'body', body: 'form', pkce: 'checked', rotation: 'always',
      answer: tokens, refreshed: tokens, failures: standardFailures
    },
    api: {
      'GET https://gitlab.com/oauth/userinfo': {
        answer: () => ({ body: { sub: '12345', name: 'Alice Example', nickname: 'alice', preferred_username: 'alice', email: 'alice@example.com', email_verified: true, groups: ['staff'] } })
      }
    },
    revocation: { route: 'POST https://gitlab.com/oauth/revoke', authentication: 'body', ends: 'token', answers: { done: { body: {} }, unknown: { body: {} } } },
    openid: {
      issuer: 'https://gitlab.com',
      discovery: {
        issuer: 'https://gitlab.com',
        authorization_endpoint: 'https://gitlab.com/oauth/authorize',
        token_endpoint: 'https://gitlab.com/oauth/token',
        revocation_endpoint: 'https://gitlab.com/oauth/revoke',
        introspection_endpoint: 'https://gitlab.com/oauth/introspect',
        userinfo_endpoint: 'https://gitlab.com/oauth/userinfo',
        jwks_uri: 'https://gitlab.com/oauth/discovery/keys',
        response_types_supported: ['code'],
        token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
        code_challenge_methods_supported: ['plain', 'S256']
      },
      claims: { sub: '12345', auth_time: 1_607_635_748 }
    }
  },
  label: 'GitLab',
  issuer: 'https://gitlab.com',
  defaultScopes: ['openid', 'profile', 'email'],
  request: { scope: 'openid profile email' },
  tokens: { expiresIn: 7200, scopes: ['openid', 'profile', 'email'], refreshToken: true },
  refresh: 'new refresh token',
  account: { subject: '12345', claims: { preferred_username: 'alice', email: 'alice@example.com', email_verified: true } },
  revoke: 'refresh and access token'
}
