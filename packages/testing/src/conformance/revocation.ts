import { all, answering, codes, overriding, refusal } from './misbehaviour.ts'
import { revocationFaults } from './transport.ts'
import type { ConformanceChapter } from './types.ts'

const oauthError = (error: string, status = 400): { status: number, body: object } => ({ status, body: { error, error_description: 'provider text' } })

export const revocation: ConformanceChapter = {
  title: 'Disconnect',
  rules: ['T6'],
  about: 'RFC 7009. The grant is forgotten first, so it is gone here in any case, and the next run asks. The refresh token is given back, then the access token, each once.',
  journey: 'disconnect',
  protocols: ['oidc', 'oauth2'],
  cases: [
    ...all('accepted', [
      { name: 'revoke', does: 'an ordinary answer', misbehave: () => {} },
      { name: 'revoke-json', does: '200 with JSON that nobody asked for', misbehave: answering('revoke', { body: { active: true } }) },
      { name: 'revoke-invalid-token', does: 'says that the token is over already', misbehave: answering('revoke', oauthError('invalid_token')) },
      { name: 'revoke-no-access-token', does: 'takes refresh tokens alone', misbehave: overriding('revoke', () => ({ parameters }, usual) => parameters.get('token_type_hint') === 'access_token' ? oauthError('unsupported_token_type') : usual()) }
    ]),
    ...all(refusal(codes.misconfigured, 'session'), [
      { name: 'revoke-client', does: 'does not know the client', misbehave: answering('revoke', oauthError('invalid_client', 401)) }
    ]),
    ...all(refusal(codes.refused, 'session'), [
      { name: 'revoke-error', does: 'an error of OAuth', misbehave: answering('revoke', oauthError('invalid_request')) },
      { name: 'revoke-error-own', does: 'an error that is registered nowhere', misbehave: answering('revoke', oauthError('provider text')) }
    ]),
    ...revocationFaults
  ]
}
