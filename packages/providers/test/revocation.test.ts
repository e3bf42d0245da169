import t from 'tap'
import { fails, hostile, openid, plain } from './helpers.ts'

const tokens = { accessToken: 'at-1', refreshToken: 'rt-1' }

t.test('the refresh token first, with client authentication', async (t) => {
  const op = await hostile(t)
  for (const provider of [openid(t, op), plain(t, op)]) {
    t.equal(await provider.revoke(tokens), true)
    t.same(op.ledger.revoked.splice(0), ['rt-1', 'at-1'])
  }
  const [first, second] = op.ledger.requests.revoke
  t.equal(first?.headers.authorization, `Basic ${btoa('client:client%2Dsecret')}`)
  t.equal(first?.parameters.get('token_type_hint'), 'refresh_token')
  t.equal(second?.parameters.get('token_type_hint'), 'access_token')
  t.equal(await openid(t, op).revoke({ accessToken: 'at-2' }), true)
  t.same(op.ledger.revoked, ['at-2'])
})

t.test('no endpoint, nothing done', async (t) => {
  const op = await hostile(t)
  op.metadata.revocation_endpoint = undefined
  t.equal(await openid(t, op).revoke(tokens), false)
  const { origin } = new URL(op.issuer)
  const { oauth2 } = await import('../src/oauth2.ts')
  t.equal(await oauth2({ authorizationEndpoint: `${origin}/authorize`, tokenEndpoint: `${origin}/token`, clientId: 'c', allowInsecureLoopback: true }).revoke(tokens), false)
  t.equal(op.ledger.requests.revoke.length, 0)
})

t.test('both are tried, and a kind that cannot be revoked is no failure', async (t) => {
  const op = await hostile(t)
  const provider = openid(t, op)
  const unsupported = { status: 400, body: { error: 'unsupported_token_type', error_description: 'provider text' } }
  op.overrides.revoke = ({ parameters }) => parameters.get('token') === 'at-1' ? unsupported : { body: '' }
  t.equal(await provider.revoke(tokens), true)
  op.overrides.revoke = () => unsupported
  t.equal(await provider.revoke(tokens), false)
  op.overrides.revoke = () => ({ status: 400, body: { error: 'invalid_token' } })
  t.equal(await provider.revoke(tokens), true, 'what is over already is ended')
  op.ledger.revoked.length = 0
  for (const [answer, code] of [
    [{ status: 503, body: 'provider text', headers: { 'retry-after': '5' } }, 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'],
    [{ status: 401, body: { error: 'invalid_client' } }, 'CONSENTRY_ERR_PROVIDER_MISCONFIGURED'],
    [{ status: 400, body: { error: 'invalid_request' } }, 'CONSENTRY_ERR_PROVIDER_REFUSED']
  ] as const) {
    op.overrides.revoke = ({ parameters }) => parameters.get('token') === 'rt-1' ? answer : { body: '' }
    await fails(t, provider.revoke(tokens), code, code)
    t.same(op.ledger.revoked.splice(0), ['rt-1', 'at-1'], 'the access token all the same')
  }
})
