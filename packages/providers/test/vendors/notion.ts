import { notion as create } from '../../src/index.ts'
import { client, standardFailures } from './case.ts'
import type { VendorCase } from './case.ts'

const tokens = ({ accessToken, refreshToken }: { accessToken: string, refreshToken?: string }) => ({
  access_token: accessToken,
  token_type: 'bearer',
  refresh_token: refreshToken,
  bot_id: 'b3414d65-1224-5ty6-6ffr-cc9d8773drt601288f',
  workspace_icon: null,
  workspace_name: 'Acme',
  workspace_id: 'j565j4d7x3-2882-61bs-564a-jj9d9ui-c36hxfr7x',
  owner: { type: 'user', user: { object: 'user', id: 'f6ed4cbd-1d74-46dd-a1a0-7a25ae9c3f1e', name: 'Alice Example', avatar_url: null, type: 'person', person: { email: 'alice@example.com' } } },
  duplicated_template_id: null,
  request_id: '1'
})

export const notion: VendorCase = {
  page: 'https://developers.notion.com/reference/create-a-token',
  create,
  description: {
    client: client(),
    authorization: { url: 'https://api.notion.com/v1/oauth/authorize', parameters: { owner: 'user' } },
    token: {
      url: 'https://api.notion.com/v1/oauth/token', authentication: 'basic', body: 'json', pkce: 'ignored', rotation: 'always',
      answer: tokens, refreshed: tokens, failures: standardFailures
    },
    revocation: {
      route: 'POST https://api.notion.com/v1/oauth/revoke',
      authentication: 'basic',
      kinds: ['access_token'],
      ends: 'grant',
      answers: { done: { body: { request_id: '1' } }, unknown: { status: 400, body: { error: 'invalid_request' } } }
    }
  },
  label: 'Notion',
  issuer: 'https://api.notion.com',
  defaultScopes: [],
  request: { owner: 'user' },
  tokens: { refreshToken: true },
  refresh: 'new refresh token',
  account: {
    subject: 'j565j4d7x3-2882-61bs-564a-jj9d9ui-c36hxfr7x:f6ed4cbd-1d74-46dd-a1a0-7a25ae9c3f1e',
    claims: { name: 'Alice Example', email: 'alice@example.com', bot_id: 'b3414d65-1224-5ty6-6ffr-cc9d8773drt601288f', workspace_name: 'Acme' }
  },
  revoke: 'access token'
}
