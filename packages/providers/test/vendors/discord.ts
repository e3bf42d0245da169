import { discord as create } from '../../src/index.ts'
import { client, standardFailures, standardRevocation } from './case.ts'
import type { VendorCase } from './case.ts'

const tokens = ({ accessToken, refreshToken, scopes }: { accessToken: string, refreshToken?: string, scopes: readonly string[] }) => ({
  access_token: accessToken, token_type: 'Bearer', expires_in: 604_800, refresh_token: refreshToken, scope: scopes.join(' ')
})

export const discord: VendorCase = {
  page: 'https://discord.com/developers/docs/topics/oauth2',
  create,
  description: {
    client: client(),
    authorization: { url: 'https://discord.com/oauth2/authorize', scope: { parameter: 'scope', separator: ' ' } },
    token: {
      url: 'https://discord.com/api/oauth2/token', authentication: 'basic', body: 'form', pkce: 'checked', rotation: 'always',
      answer: tokens, refreshed: tokens, failures: standardFailures
    },
    api: {
      'GET https://discord.com/api/v10/users/@me': {
        answer: () => ({
          body: { id: '80351110224678912', username: 'alice', discriminator: '0', global_name: 'Alice', email: 'alice@example.com', verified: true, flags: 64 }
        })
      }
    },
    revocation: { route: 'POST https://discord.com/api/oauth2/token/revoke', authentication: 'basic', ends: 'grant', answers: standardRevocation }
  },
  label: 'Discord',
  issuer: 'https://discord.com',
  defaultScopes: ['identify'],
  request: { scope: 'identify' },
  tokens: { expiresIn: 604_800, scopes: ['identify'], refreshToken: true },
  refresh: 'new refresh token',
  account: {
    subject: '80351110224678912',
    claims: { name: 'Alice', preferred_username: 'alice', email: 'alice@example.com', email_verified: true }
  },
  revoke: 'refresh token'
}
