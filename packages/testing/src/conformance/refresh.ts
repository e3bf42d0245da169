import type { HostileAnswer } from '../hostile-op/types.ts'
import { all, codes, overriding, refreshing, refusal, seconds } from './misbehaviour.ts'
import type { Misbehaviour } from './misbehaviour.ts'
import type { ConformanceChapter, Expected } from './types.ts'

const ended: HostileAnswer = { status: 400, body: { error: 'invalid_grant', error_description: 'provider text' } }
const stays = (code: string): Expected => refusal(code, 'userinfo', { keeps: true })

/** The same answer to every refresh. */
function answer (given: HostileAnswer): Misbehaviour {
  return overriding('token', () => ({ parameters }, usual) => parameters.get('grant_type') === 'refresh_token' ? given : usual())
}

/** Knows one refresh token at a time; `next` says which comes after an answer. */
function remembering (next: (presented: string, body: Record<string, unknown>) => { body: Record<string, unknown>, refreshToken: string }): Misbehaviour {
  return overriding('token', () => {
    let known: string | undefined
    return async ({ parameters }, usual) => {
      const given = await usual()
      const body = given.body as Record<string, unknown>
      if (parameters.get('grant_type') !== 'refresh_token') {
        known = String(body['refresh_token'])
        return given
      }
      const presented = parameters.get('refresh_token') ?? ''
      if (known !== undefined && presented !== known) {
        // Reuse: who else has it must not keep what came of it (RFC 9700 section 4.14.2).
        known = ''
        return ended
      }
      const { body: changed, refreshToken } = next(presented, body)
      known = refreshToken
      return { ...given, body: changed }
    }
  })
}

export const refresh: ConformanceChapter = {
  title: 'Refresh',
  about: 'RFC 6749 section 6 and RFC 9700 section 4.14. A sign-in is refreshed on request, a grant when a run needs it. Each accepted case refreshes twice, three callers at once each time. Only `invalid_grant` ends anything: a session, or a grant, for which the person is asked again.',
  journey: 'refresh',
  protocols: ['oidc', 'oauth2'],
  cases: [
    ...all('accepted', [
      { name: 'refresh', does: 'an ordinary answer', oidf: ['oidcc-client-test-refresh-token', 'fapi2-security-profile-final-client-refresh-token-test'], misbehave: () => {} },
      { name: 'refresh-rotates', does: 'a new refresh token each time; the old one used again ends everything', misbehave: remembering((_presented, body) => ({ body, refreshToken: String(body['refresh_token']) })) },
      { name: 'refresh-keeps', does: 'no new refresh token: the first goes on, and no other', misbehave: remembering((presented, { refresh_token: _none, ...body }) => ({ body, refreshToken: presented })) },
      { name: 'refresh-null', does: '`refresh_token` is `null`: the first goes on', misbehave: remembering((presented, body) => ({ body: { ...body, refresh_token: null }, refreshToken: presented })) },
      { name: 'refresh-scope-missing', does: 'no `scope`: nothing changes', misbehave: refreshing(({ scope: _none, ...body }) => body) }
    ]),
    ...all({ signIn: 'accepted', connect: 'asked again' }, [
      { name: 'refresh-scope-less', does: '`scope` lacks what the run needs', misbehave: refreshing((body) => ({ ...body, scope: 'openid' })) }
    ]),
    ...all({ signIn: refusal('CONSENTRY_ERR_AUTHENTICATION_REQUIRED', 'userinfo'), connect: 'asked again' }, [
      { name: 'refresh-ended', does: '`invalid_grant`', misbehave: answer(ended) },
      { name: 'refresh-ended-200', does: '`invalid_grant` with status 200', misbehave: answer({ ...ended, status: 200 }) },
      { name: 'refresh-ended-401', does: '`invalid_grant` with status 401', misbehave: answer({ ...ended, status: 401 }) }
    ]),
    ...all(stays(codes.invalid), [
      { name: 'refresh-type', does: '`token_type` is another', misbehave: refreshing((body) => ({ ...body, token_type: 'mac' })) },
      { name: 'refresh-token-missing-access', does: 'no `access_token`', misbehave: refreshing(({ access_token: _none, ...body }) => body) },
      { name: 'refresh-control', does: '`refresh_token` holds a line break', misbehave: refreshing((body) => ({ ...body, refresh_token: 'r\n' })) },
      { name: 'refresh-expires', does: '`expires_in` is negative', misbehave: refreshing((body) => ({ ...body, expires_in: -1 })) }
    ]),
    ...all(stays(codes.refused), [
      { name: 'refresh-scope-refused', does: '`invalid_scope`', misbehave: answer({ status: 400, body: { error: 'invalid_scope' } }) }
    ]),
    ...all(stays(codes.misconfigured), [
      { name: 'refresh-client-refused', does: '`invalid_client`', misbehave: answer({ status: 401, body: { error: 'invalid_client' } }) },
      { name: 'refresh-challenged', does: '401 with a challenge and no body', misbehave: answer({ status: 401, headers: { 'www-authenticate': 'Basic realm="provider text"' } }) }
    ]),
    ...all(stays(codes.unavailable), [
      { name: 'refresh-redirect', does: 'redirects with all that was sent (307)', misbehave: overriding('token', (op) => ({ parameters }, usual) => parameters.get('grant_type') === 'refresh_token' ? { status: 307, headers: { location: op.url('elsewhere') } } : usual()) },
      { name: 'refresh-503', does: '503 with `Retry-After`', misbehave: answer({ status: 503, headers: { 'retry-after': '7' }, body: 'provider text' }) },
      { name: 'refresh-ended-500', does: '`invalid_grant` with status 500', misbehave: answer({ ...ended, status: 500 }) },
      { name: 'refresh-ended-429', does: '`invalid_grant` with status 429', misbehave: answer({ ...ended, status: 429 }) },
      { name: 'refresh-ended-capitals', does: '`INVALID_GRANT`, which nobody registered', misbehave: answer({ status: 400, body: { error: 'INVALID_GRANT' } }) },
      { name: 'refresh-slow-down', does: '`slow_down`', misbehave: answer({ status: 400, body: { error: 'slow_down' } }) },
      { name: 'refresh-html', does: 'a page of HTML', misbehave: answer({ body: '<!doctype html><title>provider text</title>' }) },
      { name: 'refresh-cut', does: 'cuts the connection', misbehave: overriding('token', () => ({ parameters }, usual, response) => { if (parameters.get('grant_type') !== 'refresh_token') return usual(); response.destroy(); return undefined }) }
    ])
  ]
}

/** Claims of the ID tokens of refreshes alone. */
function refreshed (claims: () => Record<string, unknown>): Misbehaviour {
  return overriding('token', (op) => async ({ parameters }, usual) => {
    op.idToken.claims = parameters.get('grant_type') === 'refresh_token' ? claims() : {}
    return usual()
  })
}

export const refreshedIdToken: ConformanceChapter = {
  title: 'ID token of a refresh',
  rules: ['B13', 'T7'],
  about: 'OpenID Connect Core section 12.2: there need be none, and one that comes is about the same sign-in.',
  journey: 'refresh',
  protocols: ['oidc'],
  cases: [
    ...all('accepted', [
      { name: 'refresh-no-id-token', does: 'no ID token', misbehave: refreshing(({ id_token: _none, ...body }) => body) }
    ]),
    ...all(stays(codes.invalid), [
      { name: 'refresh-iss', does: '`iss` is another issuer', oidf: ['oidcc-client-test-refresh-token-invalid-issuer'], misbehave: refreshed(() => ({ iss: 'https://other.example' })) },
      { name: 'refresh-sub', does: '`sub` is another person', oidf: ['oidcc-client-test-refresh-token-invalid-sub'], misbehave: refreshed(() => ({ sub: 'mallory' })) },
      { name: 'refresh-logout-token', does: 'a logout token in its place', misbehave: overriding('token', (op) => async ({ parameters }, usual) => {
        const answer = await usual()
        return parameters.get('grant_type') === 'refresh_token' ? { ...answer, body: { ...answer.body as Record<string, unknown>, id_token: await op.issueLogoutToken('client') } } : answer
      }) },
      { name: 'refresh-sub-missing', does: 'no `sub`', misbehave: refreshed(() => ({ sub: undefined })) },
      { name: 'refresh-aud', does: '`aud` is another client', misbehave: refreshed(() => ({ aud: 'other' })) },
      { name: 'refresh-azp', does: '`azp` is another client', misbehave: refreshed(() => ({ azp: 'other' })) },
      { name: 'refresh-nonce', does: '`nonce` is another than that of the sign-in', misbehave: refreshed(() => ({ nonce: 'another' })) },
      { name: 'refresh-iat', does: '`iat` is two hours ago', misbehave: refreshed(() => ({ iat: seconds() - 7200 })) },
      { name: 'refresh-exp', does: '`exp` is a minute ago', misbehave: refreshed(() => ({ exp: seconds() - 60 })) },
      { name: 'refresh-at-hash', does: '`at_hash` is of another access token', misbehave: refreshed(() => ({ at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' })) },
      { name: 'refresh-signature', does: 'a signature of nobody', misbehave: refreshing((body) => ({ ...body, id_token: `${String(body['id_token']).slice(0, -8)}AAAAAAAA` })) },
      { name: 'refresh-id-token-number', does: '`id_token` is a number', misbehave: refreshing((body) => ({ ...body, id_token: 7 })) }
    ])
  ]
}
