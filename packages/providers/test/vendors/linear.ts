import { linear as create } from '../../src/index.ts'
import { client, standardFailures } from './case.ts'
import type { VendorCase } from './case.ts'

const tokens = ({ accessToken, refreshToken, scopes }: { accessToken: string, refreshToken?: string, scopes: readonly string[] }) => ({
  access_token: accessToken, token_type: 'Bearer', expires_in: 86_399, scope: scopes.join(' '), refresh_token: refreshToken
})

export const linear: VendorCase = {
  page: 'https://linear.app/developers/oauth-2-0-authentication',
  create,
  description: {
    client: client(),
    authorization: { url: 'https://linear.app/oauth/authorize', scope: { parameter: 'scope', separator: ',' } },
    token: {
      url: 'https://api.linear.app/oauth/token', authentication: 'body', body: 'form', pkce: 'checked', rotation: 'always',
      answer: tokens, refreshed: tokens, failures: standardFailures
    },
    api: {
      'POST https://api.linear.app/graphql': {
        answer: (_grant, { parameters }) => parameters['query']?.startsWith('{ viewer {') === true
          ? { body: { data: { viewer: { id: '6f1d3b1e-1f6f-4a5a-b1c9-7f6f9a3f2c11', name: 'Alice Example', email: 'alice@example.com', organization: { id: 'o1', name: 'Acme', urlKey: 'acme' } } } } }
          : { status: 400, body: { errors: [{ message: 'provider text' }] } },
        refused: { status: 401, body: { errors: [{ message: 'Authentication required, not authenticated' }] } }
      }
    },
    revocation: {
      route: 'POST https://api.linear.app/oauth/revoke',
      authentication: 'none',
      ends: 'grant',
      answers: { done: { body: { success: true } }, unknown: { status: 400, body: { error: 'invalid_token' } } }
    }
  },
  label: 'Linear',
  issuer: 'https://linear.app',
  defaultScopes: ['read'],
  request: { scope: 'read' },
  tokens: { expiresIn: 86_399, scopes: ['read'], refreshToken: true },
  refresh: 'new refresh token',
  account: { subject: '6f1d3b1e-1f6f-4a5a-b1c9-7f6f9a3f2c11', claims: { name: 'Alice Example', email: 'alice@example.com' } },
  revoke: 'refresh token'
}
