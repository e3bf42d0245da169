import { calendly as create } from '../../src/index.ts'
import { client, standardFailures, standardRevocation } from './case.ts'
import type { VendorCase } from './case.ts'

const tokens = ({ accessToken, refreshToken, scopes }: { accessToken: string, refreshToken?: string, scopes: readonly string[] }) => ({
  token_type: 'Bearer',
  access_token: accessToken,
  refresh_token: refreshToken,
  scope: scopes.join(' '),
  created_at: 1_548_689_183,
  expires_in: 7200,
  owner: 'https://api.calendly.com/users/EBHAAFHDCAEQTSEZ',
  organization: 'https://api.calendly.com/organizations/EBHAAFHDCAEQTSEZ'
})

export const calendly: VendorCase = {
  page: 'https://developer.calendly.com/api-docs/calendly-o-auth/o-auth/post-oauth-token',
  create,
  description: {
    client: client(),
    authorization: { url: 'https://auth.calendly.com/oauth/authorize', scope: { parameter: 'scope', separator: ' ' } },
    token: {
      url: 'https://auth.calendly.com/oauth/token', authentication: 'body', body: 'form', pkce: 'checked', rotation: 'always',
      answer: tokens, refreshed: tokens, failures: standardFailures
    },
    revocation: { route: 'POST https://auth.calendly.com/oauth/revoke', authentication: 'body', ends: 'token', answers: standardRevocation }
  },
  label: 'Calendly',
  issuer: 'https://auth.calendly.com',
  defaultScopes: ['users:read'],
  request: { scope: 'users:read' },
  tokens: { expiresIn: 7200, scopes: ['users:read'], refreshToken: true },
  refresh: 'new refresh token',
  account: {
    subject: 'https://api.calendly.com/users/EBHAAFHDCAEQTSEZ',
    claims: { organization: 'https://api.calendly.com/organizations/EBHAAFHDCAEQTSEZ' }
  },
  revoke: 'refresh and access token'
}
