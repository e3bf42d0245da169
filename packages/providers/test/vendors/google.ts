// https://developers.google.com/identity/protocols/oauth2/web-server
import { google as create } from '../../src/index.ts'
import { client, standardFailures } from './case.ts'
import type { VendorCase } from './case.ts'

/** The short names are granted by their long ones. */
const long = (scopes: readonly string[]) => scopes.map((scope) => ['email', 'profile'].includes(scope) ? `https://www.googleapis.com/auth/userinfo.${scope}` : scope).join(' ')

export const google: VendorCase = {
  page: 'https://developers.google.com/identity/openid-connect/openid-connect',
  create,
  description: {
    client: client(),
    authorization: { url: 'https://accounts.google.com/o/oauth2/v2/auth', scope: { parameter: 'scope', separator: ' ' } },
    token: {
      url: 'https://oauth2.googleapis.com/token',
      authentication: 'body',
      body: 'form',
      pkce: 'checked',
      rotation: 'never',
      answer: ({ accessToken, refreshToken, idToken, scopes }) => ({ access_token: accessToken, expires_in: 3599, refresh_token: refreshToken, scope: long(scopes), token_type: 'Bearer', id_token: idToken }),
      refreshed: ({ accessToken, idToken, scopes }) => ({ access_token: accessToken, expires_in: 3599, scope: long(scopes), token_type: 'Bearer', id_token: idToken }),
      failures: standardFailures
    },
    api: {
      'GET https://openidconnect.googleapis.com/v1/userinfo': {
        answer: () => ({ body: { sub: '110169484474386276334', name: 'Alice Example', given_name: 'Alice', family_name: 'Example', email: 'alice@example.com', email_verified: true, hd: 'example.com' } })
      }
    },
    revocation: {
      route: 'POST https://oauth2.googleapis.com/revoke',
      authentication: 'none',
      ends: 'grant',
      answers: { done: { body: {} }, unknown: { status: 400, body: { error: 'invalid_token', error_description: 'Token expired or revoked' } } }
    },
    openid: {
      issuer: 'https://accounts.google.com',
      discovery: {
        issuer: 'https://accounts.google.com',
        authorization_endpoint: 'https://accounts.google.com/o/oauth2/v2/auth',
        token_endpoint: 'https://oauth2.googleapis.com/token',
        userinfo_endpoint: 'https://openidconnect.googleapis.com/v1/userinfo',
        revocation_endpoint: 'https://oauth2.googleapis.com/revoke',
        jwks_uri: 'https://www.googleapis.com/oauth2/v3/certs',
        response_types_supported: ['code', 'token', 'id_token'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
        token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
        code_challenge_methods_supported: ['plain', 'S256']
      },
      claims: { sub: '110169484474386276334', email: 'alice@example.com', email_verified: true, hd: 'example.com' }
    }
  },
  label: 'Google',
  issuer: 'https://accounts.google.com',
  defaultScopes: ['openid', 'email', 'profile'],
  request: { scope: 'openid email profile', access_type: 'offline', prompt: 'consent', include_granted_scopes: 'true' },
  tokens: {
    expiresIn: 3599,
    scopes: ['openid', 'https://www.googleapis.com/auth/userinfo.email', 'https://www.googleapis.com/auth/userinfo.profile'],
    refreshToken: true
  },
  refresh: 'same refresh token',
  account: { subject: '110169484474386276334', claims: { name: 'Alice Example', email: 'alice@example.com', email_verified: true, hd: 'example.com' } },
  revoke: 'refresh token'
}
