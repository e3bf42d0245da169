import { createClock } from '@consentry/testing'
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

t.test('seed C: GenericOIDCProvider, B13: the ID token of a refresh is checked, and of the same account', async (t) => {
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
      [400, 'invalid_request', 'CONSENTRY_ERR_PROVIDER_REFUSED'],
      [400, 'INVALID_GRANT', 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'],
      [400, 'provider text', 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'],
      [403, undefined, 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE']
    ] as const) {
      op.overrides.token = () => ({ status, body: { error, error_description: 'provider text' } })
      await fails(t, provider.refresh({ refreshToken: 'rt-1' }), code, `${status} ${String(error)}`)
    }
  }
})

t.test('R14: what is transient says when to come back, where the provider does', async (t) => {
  const op = await hostile(t)
  const clock = createClock(Date.parse('2030-01-01T00:00:00Z'))
  for (const provider of [openid(t, op, { clock }), plain(t, op, { clock })]) {
    for (const [status, error, wait, milliseconds] of [
      [503, undefined, '7', 7000],
      [429, 'slow_down', '7', 7000],
      [400, 'temporarily_unavailable', '7', 7000],
      [400, 'some_error_of_theirs', 'Tue, 01 Jan 2030 00:01:00 GMT', 60_000],
      [403, undefined, '7', 7000],
      [400, 'server_error', 'soon', undefined],
      [400, 'server_error', undefined, undefined]
    ] as const) {
      op.overrides.token = () => ({ status, ...wait !== undefined && { headers: { 'retry-after': wait } }, body: { error } })
      const failed = await fails(t, provider.refresh({ refreshToken: 'rt-1' }), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE', `${status} ${String(error)}`)
      t.equal(failed.retryAfter, milliseconds, `${String(wait)} of ${status}`)
    }
    op.overrides.token = () => ({ status: 400, headers: { 'retry-after': '7' }, body: { error: 'invalid_grant' } })
    t.equal((await fails(t, provider.refresh({ refreshToken: 'rt-1' }), 'CONSENTRY_ERR_REAUTH_REQUIRED', 'ended')).retryAfter, undefined)
  }
})

t.test('R14: a provider with words of its own for invalid_grant', async (t) => {
  const op = await hostile(t)
  const provider = plain(t, op, { reauthErrors: ['bad_refresh_token', 'token expired'] })
  for (const [status, error] of [[400, 'bad_refresh_token'], [200, 'bad_refresh_token'], [401, 'token expired'], [400, 'invalid_grant']] as const) {
    op.overrides.token = () => ({ status, body: { error, error_description: 'provider text' } })
    const failed = await fails(t, provider.refresh({ refreshToken: 'rt-1' }), 'CONSENTRY_ERR_REAUTH_REQUIRED', `${error}, ${status}`)
    t.match(failed.cause, { error })
  }
  op.overrides.token = () => ({ status: 400, body: { error: 'bad_refresh_token' } })
  await fails(t, plain(t, op).refresh({ refreshToken: 'rt-1' }), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE', 'not configured')
  await fails(t, obtain(provider), 'CONSENTRY_ERR_PROVIDER_REFUSED', 'of a code')
  op.overrides.token = () => ({ status: 500, body: { error: 'bad_refresh_token' } })
  await fails(t, provider.refresh({ refreshToken: 'rt-1' }), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE', 'in an outage')
})

t.test('the ID token of a refresh is of the same sign-in', async (t) => {
  const op = await hostile(t)
  const provider = openid(t, op)
  const signedInAt = Math.floor(Date.now() / 1000) - 60
  op.idToken.claims = { auth_time: signedInAt }
  const { account, refreshToken = '' } = await obtain(provider)
  const request = { refreshToken, ...account !== undefined && { account } }
  for (const [name, claims] of Object.entries({
    'another nonce': { nonce: 'nonce-2' }
  })) {
    op.idToken.claims = claims
    await fails(t, provider.refresh(request), invalid, name)
  }
  for (const claims of [{ auth_time: signedInAt }, { auth_time: signedInAt + 30 }, { auth_time: undefined }, { nonce: 'nonce-1' }]) {
    op.idToken.claims = claims
    t.ok(await provider.refresh(request), JSON.stringify(claims))
  }
})
