// https://docs.slack.dev/authentication/using-token-rotation
import { slack as create } from '../../src/index.ts'
import { client } from './case.ts'
import type { VendorCase } from './case.ts'

const error = (code: string) => ({ status: 200, body: { ok: false, error: code } })

export const slack: VendorCase = {
  page: 'https://docs.slack.dev/reference/methods/oauth.v2.access',
  create,
  description: {
    client: client(),
    authorization: { url: 'https://slack.com/oauth/v2/authorize', scope: { parameter: 'user_scope', separator: ',' } },
    token: {
      url: 'https://slack.com/api/oauth.v2.access',
      authentication: 'basic',
      body: 'form',
      pkce: 'checked',
      rotation: 'always',
      answer: ({ accessToken, refreshToken, scopes }) => ({
        ok: true, app_id: 'A0118NQPZZC',
        authed_user: { id: 'U065VRX1T0', scope: scopes.join(','), access_token: accessToken, expires_in: 43_200, refresh_token: refreshToken, token_type: 'user' },
        team: { id: 'T024BE7LD', name: 'Acme' }, enterprise: null, is_enterprise_install: false
      }),
      refreshed: ({ accessToken, refreshToken, scopes }) => ({
        ok: true, app_id: 'A0118NQPZZC', access_token: accessToken, expires_in: 43_200, refresh_token: refreshToken, token_type: 'user', scope: scopes.join(','),
        authed_user: { id: 'U065VRX1T0' }, team: { id: 'T024BE7LD', name: 'Acme' }, enterprise: null, is_enterprise_install: false
      }),
      failures: { code: error('invalid_code'), refreshToken: error('invalid_refresh_token'), client: error('bad_client_secret') }
    },
    api: {
      'POST https://slack.com/api/auth.test': {
        answer: () => ({ body: { ok: true, url: 'https://acme.slack.com/', team: 'Acme', user: 'alice', team_id: 'T024BE7LD', user_id: 'U065VRX1T0', is_enterprise_install: false } }),
        refused: error('invalid_auth')
      }
    },
    revocation: { route: 'POST https://slack.com/api/auth.revoke', authentication: 'bearer', ends: 'grant', answers: { done: { body: { ok: true, revoked: true } }, unknown: error('invalid_auth') } }
  },
  label: 'Slack',
  issuer: 'https://slack.com',
  defaultScopes: ['users:read'],
  request: { user_scope: 'users:read' },
  tokens: { expiresIn: 43_200, scopes: ['users:read'], refreshToken: true },
  refresh: 'new refresh token',
  account: { subject: 'T024BE7LD:U065VRX1T0', claims: { preferred_username: 'alice', team: 'Acme' } },
  revoke: 'access token'
}
