import t from 'tap'
import { changing, fails, hostile, obtain, openid, plain } from './helpers.ts'

const invalid = 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID'

t.test('new tokens for a refresh token, which stays when no new one comes', async (t) => {
  const op = await hostile(t)
  for (const provider of [openid(t, op), plain(t, op)]) {
    const rotated = await provider.refresh({ refreshToken: 'rt-1' })
    t.match(rotated, { accessToken: /^at-/, refreshToken: /^rt-./, expiresIn: 3600 })
    t.not(rotated.refreshToken, 'rt-1')
    for (const missing of [undefined, null]) {
      op.overrides.token = changing((body) => ({ ...body, refresh_token: missing }))
      t.equal((await provider.refresh({ refreshToken: 'rt-2' })).refreshToken, 'rt-2')
    }
    delete op.overrides.token
  }
  t.same(op.ledger.refreshTokens, ['rt-1', 'rt-2', 'rt-2', 'rt-1', 'rt-2', 'rt-2'])
})

t.test('B13: the ID token of a refresh is checked, and of the same account', async (t) => {
  const op = await hostile(t)
  const provider = openid(t, op)
  const { account, refreshToken = '' } = await obtain(provider)
  const request = { refreshToken, ...account !== undefined && { account } }
  t.same((await provider.refresh(request)).account?.subject, 'alice')
  for (const [name, claims] of Object.entries({
    'another account': { sub: 'bob' }, 'no account': { sub: '' }, 'another issuer': { iss: 'https://evil.example' }, 'another client': { aud: 'other' },
    expired: { exp: 1 }, 'issued long ago': { iat: 1 }, 'another access token': { at_hash: 'AAAA' }
  })) {
    op.idToken.claims = claims
    await fails(t, provider.refresh(request), invalid, name)
  }
  op.idToken.claims = {}
  await fails(t, provider.refresh({ refreshToken, account: { issuer: 'https://other.example', subject: 'alice' } }), invalid, 'the same sub of another issuer')
  op.idToken.header = { kid: 'unknown' }
  await fails(t, provider.refresh(request), invalid, 'a signature of nobody')
  op.overrides.token = changing((body) => ({ ...body, id_token: undefined }))
  const tokens = await provider.refresh(request)
  t.notOk('account' in tokens || 'idToken' in tokens, 'none is needed')
})

t.test('R14: only invalid_grant ends a grant', async (t) => {
  const op = await hostile(t)
  for (const provider of [openid(t, op), plain(t, op)]) {
    for (const [status, error, code] of [
      [400, 'invalid_grant', 'CONSENTRY_ERR_REAUTH_REQUIRED'],
      [401, 'invalid_grant', 'CONSENTRY_ERR_REAUTH_REQUIRED'],
      [200, 'invalid_grant', 'CONSENTRY_ERR_REAUTH_REQUIRED'],
      [500, 'invalid_grant', 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'],
      [429, 'invalid_grant', 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'],
      [400, 'temporarily_unavailable', 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'],
      [400, 'server_error', 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'],
      [400, 'slow_down', 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'],
      [401, 'invalid_client', 'CONSENTRY_ERR_PROVIDER_MISCONFIGURED'],
      [400, 'unauthorized_client', 'CONSENTRY_ERR_PROVIDER_MISCONFIGURED'],
      [400, 'invalid_scope', 'CONSENTRY_ERR_PROVIDER_REFUSED'],
      [400, 'INVALID_GRANT', 'CONSENTRY_ERR_PROVIDER_REFUSED'],
      [400, 'provider text', 'CONSENTRY_ERR_PROVIDER_REFUSED'],
      [403, undefined, 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE']
    ] as const) {
      op.overrides.token = () => ({ status, body: { error, error_description: 'provider text' } })
      await fails(t, provider.refresh({ refreshToken: 'rt-1' }), code, `${status} ${String(error)}`)
    }
  }
})
