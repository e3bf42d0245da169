import { generateKeyPair } from 'jose'
import t from 'tap'
import { fails, hostile, obtain, openid, plain } from './helpers.ts'

const invalid = 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID'
const unavailable = 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'
const jwt = (body: string) => ({ headers: { 'content-type': 'application/jwt' }, body })

t.test('B1: the sub of userinfo is that of the ID token', async (t) => {
  const op = await hostile(t)
  const provider = openid(t, op)
  const tokens = await obtain(provider)
  for (const body of [{ sub: 'bob' }, { sub: '' }, {}, { sub: 7 }, { sub: ['alice'] }, { sub: 'ALICE' }]) {
    op.overrides.userinfo = () => ({ body })
    await fails(t, provider.userInfo(tokens), invalid, JSON.stringify(body))
  }
  op.overrides.userinfo = () => ({ body: { sub: 'alice', name: 'Alice', iss: 'https://evil.example', aud: 'x', nonce: 'x', acr: 'high' } })
  const account = await provider.userInfo(tokens)
  t.match(account, { issuer: op.issuer, subject: 'alice', claims: { name: 'Alice', iss: op.issuer, aud: 'client' } })
  t.notOk('acr' in (account?.claims ?? {}), 'claims of the sign-in come from the ID token')
  t.equal(op.ledger.requests.userinfo[0]?.headers.authorization, `Bearer ${tokens.accessToken}`)
})

t.test('T7: a signed userinfo is verified', async (t) => {
  const op = await hostile(t)
  const provider = openid(t, op)
  const tokens = await obtain(provider)
  const claims = { iss: op.issuer, aud: 'client', sub: 'alice', name: 'Alice' }
  op.overrides.userinfo = async () => jwt(await op.sign(claims))
  t.match(await provider.userInfo(tokens), { subject: 'alice', claims: { name: 'Alice' } })
  const { privateKey } = await generateKeyPair('RS256')
  const forged: Record<string, string> = {
    'another account': await op.sign({ ...claims, sub: 'bob' }),
    'another audience': await op.sign({ ...claims, aud: 'other' }),
    'another issuer': await op.sign({ ...claims, iss: 'https://evil.example' }),
    'another key': await op.sign(claims, { key: privateKey }),
    'no algorithm': `${btoa('{"alg":"none"}')}.${btoa(JSON.stringify(claims))}.`,
    'no JWT': 'provider text'
  }
  for (const [name, body] of Object.entries(forged)) {
    op.overrides.userinfo = () => jwt(body)
    await fails(t, provider.userInfo(tokens), invalid, name)
  }
})

t.test('T15: no more is told of an account than can be kept', async (t) => {
  const op = await hostile(t)
  const most = 65_536 - '{"sub":"alice","much":""}'.length
  for (const provider of [openid(t, op), plain(t, op)]) {
    const tokens = await obtain(provider)
    const tell = (much: unknown) => { op.overrides.userinfo = () => ({ body: { sub: 'alice', much } }) }
    tell('x'.repeat(most))
    t.match(await provider.userInfo(tokens), { subject: 'alice', claims: { much: /^x+$/ } })
    for (const much of ['x'.repeat(most + 1), 'ä'.repeat(most / 2 + 1), Array.from({ length: 20_000 }, (_, index) => index)]) {
      tell(much)
      await fails(t, provider.userInfo(tokens), 'CONSENTRY_ERR_CLAIMS_OVERSIZE', typeof much)
    }
    tell(JSON.parse('['.repeat(100) + ']'.repeat(100)))
    await fails(t, provider.userInfo(tokens), invalid, 'nested')
  }
})

t.test('without an endpoint, the ID token tells', async (t) => {
  const op = await hostile(t)
  op.metadata.userinfo_endpoint = undefined
  const provider = openid(t, op)
  const tokens = await obtain(provider)
  t.same(await provider.userInfo(tokens), tokens.account)
})

t.test('a token that is refused, and an endpoint that is down', async (t) => {
  const op = await hostile(t)
  for (const provider of [openid(t, op), plain(t, op)]) {
    const tokens = await obtain(provider)
    for (const [name, answer, code] of [
      ['challenge', { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token", error_description="provider text"' } }, 'CONSENTRY_ERR_PROVIDER_REFUSED'],
      ['401', { status: 401, body: { error: 'provider text' } }, 'CONSENTRY_ERR_PROVIDER_REFUSED'],
      ['403', { status: 403, body: 'provider text' }, 'CONSENTRY_ERR_PROVIDER_REFUSED'],
      ['404', { status: 404, body: 'provider text' }, unavailable],
      ['500', { status: 500, body: 'provider text' }, unavailable],
      ['redirect', { status: 302, headers: { location: 'https://evil.example' } }, unavailable],
      ['a page', { body: '<html>provider text' }, unavailable],
      ['broken JSON', { body: '{"sub":"provider text', headers: { 'content-type': 'application/json' } }, unavailable],
      ['a list', { body: [] }, invalid]
    ] as const) {
      op.overrides.userinfo = () => answer
      await fails(t, provider.userInfo(tokens), code, name)
    }
    delete op.overrides.userinfo
  }
})

t.test('plain OAuth 2.0: the account by the claim that is configured', async (t) => {
  const op = await hostile(t)
  const provider = plain(t, op, { subjectClaim: 'id' })
  const tokens = await obtain(provider)
  t.notOk('account' in tokens)
  for (const [id, subject] of [[7, '7'], ['u-7', 'u-7'], [Number.MAX_SAFE_INTEGER, '9007199254740991']] as const) {
    op.account.id = id
    t.match(await provider.userInfo(tokens), { issuer: op.issuer, subject, claims: { id } })
  }
  for (const id of [undefined, null, '', 1.5, 2 ** 60, true, {}, 'a\nb']) {
    op.account.id = id
    await fails(t, provider.userInfo(tokens), invalid, JSON.stringify(id) ?? 'undefined')
  }
  op.account.id = 7
  await fails(t, provider.userInfo({ ...tokens, account: { issuer: op.issuer, subject: '8', claims: {} } }), invalid, 'B13: another account than before')
  Object.assign(op.account, { name: 'Alice', auth_time: 4_000_000_000, acr: 'strong', amr: ['otp'], sid: 'x', iss: 'https://evil.example', exp: 4_000_000_000 })
  t.same((await provider.userInfo(tokens))?.claims, { sub: 'alice', id: 7, name: 'Alice' }, 'no claims of a sign-in, of which it has nothing to say')
  await fails(t, plain(t, op, { subjectClaim: 'constructor' }).userInfo(tokens), invalid, 'T15: a member that every object has')
})
