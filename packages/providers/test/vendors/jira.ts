import { jira as create } from '../../src/index.ts'
import { client } from './case.ts'
import type { VendorCase } from './case.ts'

const tokens = ({ accessToken, refreshToken, scopes }: { accessToken: string, refreshToken?: string, scopes: readonly string[] }) => ({
  access_token: accessToken, refresh_token: refreshToken, expires_in: 3600, scope: scopes.filter((scope) => scope !== 'offline_access').join(' ')
})

export const jira: VendorCase = {
  page: 'https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/',
  create,
  description: {
    client: client(),
    authorization: {
      url: 'https://auth.atlassian.com/authorize',
      scope: { parameter: 'scope', separator: ' ' },
      parameters: { audience: 'api.atlassian.com', prompt: 'consent' }
    },
    token: {
      url: 'https://auth.atlassian.com/oauth/token',
      authentication: 'body',
      body: 'json',
      pkce: 'ignored',
      rotation: 'always',
      answer: tokens,
      refreshed: tokens,
      failures: {
        code: { status: 403, body: { error: 'invalid_grant', error_description: 'provider text' } },
        refreshToken: { status: 403, body: { error: 'unauthorized_client', error_description: 'refresh_token is invalid' } },
        client: { status: 401, body: { error: 'access_denied', error_description: 'Unauthorized' } }
      }
    },
    api: {
      'GET https://api.atlassian.com/me': {
        answer: () => ({
          body: { account_type: 'atlassian', account_id: '112233aa-bb11-cc22-33dd-445566abcabc', email: 'alice@example.com', name: 'Alice Example', picture: 'https://avatar.example/1', account_status: 'active', nickname: 'alice' }
        })
      }
    }
  },
  label: 'Jira',
  issuer: 'https://auth.atlassian.com',
  defaultScopes: ['read:me', 'read:jira-work', 'read:jira-user'],
  request: { scope: 'read:me read:jira-work read:jira-user offline_access', audience: 'api.atlassian.com', prompt: 'consent' },
  tokens: { expiresIn: 3600, scopes: ['read:me', 'read:jira-work', 'read:jira-user'], refreshToken: true },
  refresh: 'new refresh token',
  account: { subject: '112233aa-bb11-cc22-33dd-445566abcabc', claims: { name: 'Alice Example', email: 'alice@example.com' } },
  revoke: 'none'
}
