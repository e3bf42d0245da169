// https://docs.github.com/en/rest/apps/oauth-applications#delete-an-app-token
import { github as create } from '../../src/index.ts'
import type { VendorGrant, VendorRequest } from '@consentry/testing'
import { client } from './case.ts'
import type { VendorCase } from './case.ts'

const page = 'https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/'
const error = (code: string) => ({ status: 200, body: { error: code, error_description: 'provider text', error_uri: page } })

/** https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#user-agent */
const named = ({ headers }: VendorRequest, body: unknown) => headers['user-agent'] === undefined
  ? { status: 403, body: 'Request forbidden by administrative rules. Please make sure your request has a User-Agent header.' }
  : { body }

const registered = client()

export const github: VendorCase = {
  page: 'https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps',
  create,
  description: {
    client: registered,
    authorization: { url: 'https://github.com/login/oauth/authorize', scope: { parameter: 'scope', separator: ' ' } },
    token: {
      url: 'https://github.com/login/oauth/access_token',
      authentication: 'body',
      body: 'form',
      form: 'unless-asked',
      pkce: 'checked',
      rotation: 'never',
      answer: ({ accessToken, scopes }) => ({ access_token: accessToken, scope: scopes.join(','), token_type: 'bearer' }),
      failures: { code: error('bad_verification_code'), refreshToken: error('bad_refresh_token'), client: error('incorrect_client_credentials') }
    },
    api: {
      'GET https://api.github.com/user': {
        answer: (_grant: VendorGrant | undefined, request) => named(request, {
          login: 'alice', id: 583231, node_id: 'MDQ6', avatar_url: 'https://avatars.example/u/583231', html_url: 'https://github.com/alice', type: 'User', name: 'Alice Example', email: null
        })
      },
      'GET https://api.github.com/user/emails': {
        answer: (_grant, request) => named(request, [
          { email: 'new@example.com', primary: false, verified: false, visibility: null },
          { email: 'alice@example.com', primary: true, verified: true, visibility: 'private' }
        ])
      }
    },
    revocation: {
      route: `DELETE https://api.github.com/applications/${registered.id}/token`,
      authentication: 'basic',
      token: 'access_token',
      kinds: ['access_token'],
      ends: 'token',
      body: 'json',
      answers: { done: { status: 204 }, unknown: { status: 404, body: { message: 'Not Found', status: '404' } } }
    }
  },
  label: 'GitHub',
  issuer: 'https://github.com',
  defaultScopes: ['read:user', 'user:email'],
  request: { scope: 'read:user user:email' },
  tokens: { scopes: ['read:user', 'user:email'], refreshToken: false },
  refresh: 'none',
  account: {
    subject: '583231',
    claims: { name: 'Alice Example', preferred_username: 'alice', login: 'alice', email: 'alice@example.com', email_verified: true }
  },
  revoke: 'access token'
}
