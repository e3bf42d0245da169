import t from 'tap'
import { changing, fails, hostile, obtain, openid, plain } from './helpers.ts'

const invalid = 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID'
const unavailable = 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'

t.test('odd lifetimes', async (t) => {
  const op = await hostile(t)
  for (const provider of [openid(t, op), plain(t, op)]) {
    for (const [sent, seconds] of [
      [3600, 3600], ['3600', 3600], [' 3600 ', 3600], [3599.9, 3599], [0, 0], ['0', 0], [1e300, 315_360_000], ['99999999999999999999', 315_360_000],
      [undefined, undefined], [null, undefined]
    ]) {
      op.overrides.token = changing((body) => ({ ...body, expires_in: sent }))
      t.equal((await obtain(provider)).expiresIn, seconds, String(sent))
    }
    for (const sent of [-1, '-1', '1e3', '3600abc', 'soon', '', true, [3600], {}]) {
      op.overrides.token = changing((body) => ({ ...body, expires_in: sent }))
      await fails(t, obtain(provider), invalid, JSON.stringify(sent))
    }
  }
  op.overrides.token = async (_request, usual) => ({
    headers: { 'content-type': 'application/json' }, body: JSON.stringify((await usual()).body).replace('"expires_in":3600', '"expires_in":1e400')
  })
  t.equal((await obtain(plain(t, op))).expiresIn, 315_360_000, 'beyond what a number holds')
})

t.test('granted scopes are what the provider says, split its way', async (t) => {
  const op = await hostile(t)
  for (const [separator, sent, scopes] of [
    [' ', 'a b', ['a', 'b']], [' ', 'a  b a ', ['a', 'b']], [',', 'a,b', ['a', 'b']], [',', 'a, b', ['a', 'b']], [' ', 'a,b', ['a,b']],
    [' ', '', []], [' ', undefined, undefined], [' ', null, undefined]
  ] as const) {
    op.overrides.token = changing((body) => ({ ...body, scope: sent }))
    t.same((await obtain(plain(t, op, { scopeSeparator: separator }))).scopes, scopes, `${String(sent)} by "${separator}"`)
  }
  for (const sent of [['a'], 7, 'a\0b']) {
    op.overrides.token = changing((body) => ({ ...body, scope: sent }))
    await fails(t, obtain(plain(t, op)), invalid, JSON.stringify(sent))
  }
})

t.test('T9: tokens are printable ASCII, and bearer tokens', async (t) => {
  const op = await hostile(t)
  for (const provider of [openid(t, op), plain(t, op)]) {
    for (const change of [
      { access_token: 'a\r\nset-cookie: x' }, { access_token: 'a\0' }, { access_token: 'ä' }, { access_token: '' }, { access_token: undefined },
      { access_token: null }, { access_token: 7 }, { refresh_token: 'r\n' }, { refresh_token: '' }, { refresh_token: 7 },
      { token_type: undefined }, { token_type: 'mac' }, { token_type: 'DPoP' }, { token_type: 7 }, { token_type: '__proto__' }
    ]) {
      op.overrides.token = changing((body) => ({ ...body, id_token: undefined, ...change }))
      await fails(t, obtain(provider), invalid, JSON.stringify(change))
    }
  }
  for (const type of ['bearer', 'BEARER', 'bEaReR']) {
    op.overrides.token = changing((body) => ({ ...body, token_type: type }))
    t.equal((await obtain(plain(t, op))).tokenType, 'bearer', type)
  }
  op.overrides.token = changing((body) => ({ ...body, refresh_token: null }))
  t.notOk('refreshToken' in await obtain(plain(t, op)), 'null is absent')
})

t.test('what is no OAuth answer is an outage', async (t) => {
  const op = await hostile(t)
  for (const provider of [openid(t, op), plain(t, op)]) {
    for (const [name, answer] of Object.entries({
      'a page': { body: '<html>provider text' },
      'a page said to be JSON': { body: '<html>provider text', headers: { 'content-type': 'application/json' } },
      'a list': { body: ['provider text'] },
      nothing: { body: '' },
      'an error page': { status: 400, body: '<html>provider text' },
      'an error in another form': { status: 400, body: { message: 'provider text' } },
      'created': { status: 201, body: { access_token: 'at-1', token_type: 'bearer' } },
      'not found': { status: 404, body: 'provider text' },
      redirect: { status: 307, headers: { location: '/elsewhere' } },
      'too many': { status: 429, body: { error: 'invalid_grant' } },
      'server error': { status: 500, body: { error: 'invalid_grant', error_description: 'provider text' } },
      'an outage said with 400': { status: 400, body: { error: 'temporarily_unavailable' } }
    })) {
      op.overrides.token = () => answer
      await fails(t, obtain(provider), unavailable, name)
    }
    op.overrides.token = (_request, _usual, response) => { response.destroy(); return undefined }
    await fails(t, obtain(provider), unavailable, 'cut off')
  }
})

t.test('OAuth errors by what they are about', async (t) => {
  const op = await hostile(t)
  for (const provider of [openid(t, op), plain(t, op)]) {
    for (const [error, code] of Object.entries({
      invalid_grant: 'CONSENTRY_ERR_PROVIDER_REFUSED',
      invalid_request: 'CONSENTRY_ERR_PROVIDER_REFUSED',
      unsupported_grant_type: 'CONSENTRY_ERR_PROVIDER_REFUSED',
      'provider text': 'CONSENTRY_ERR_PROVIDER_REFUSED',
      invalid_client: 'CONSENTRY_ERR_PROVIDER_MISCONFIGURED',
      unauthorized_client: 'CONSENTRY_ERR_PROVIDER_MISCONFIGURED'
    } as const)) {
      for (const answer of [{ status: 400 }, { status: 401 }, { status: 401, headers: { 'www-authenticate': 'Basic realm="provider text"' } }, { status: 200 }]) {
        op.overrides.token = () => ({ ...answer, body: { error, error_description: 'provider text', error_uri: 'https://provider.example/provider text' } })
        const failed = await fails(t, obtain(provider), code, `${error}, ${answer.status}`)
        t.match(failed.cause, { name: 'ProviderFault', error: error === 'provider text' ? undefined : error })
      }
    }
    op.overrides.token = () => ({ status: 401, headers: { 'www-authenticate': 'Basic realm="provider text"' } })
    await fails(t, obtain(provider), 'CONSENTRY_ERR_PROVIDER_MISCONFIGURED', 'a challenge alone')
  }
})

t.test('T15: members named like those of objects do nothing', async (t) => {
  const op = await hostile(t)
  op.overrides.token = async (_request, usual) => ({
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify((await usual()).body).replace('{', '{"__proto__":{"polluted":1,"refresh_token":"rt-proto"},"constructor":"x",')
  })
  const tokens = await obtain(openid(t, op))
  t.match(tokens.refreshToken, /^rt-(?!proto)/)
  t.notOk('polluted' in {})
})
