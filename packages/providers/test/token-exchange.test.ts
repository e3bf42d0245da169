import { generateKeyPair } from 'jose'
import t from 'tap'
import type { Test } from 'tap'
import type { HostileProvider } from '@consentry/testing'
import { tokenExchange } from '../src/token-exchange.ts'
import type { TokenExchangeOptions } from '../src/token-exchange.ts'
import { fails, hostile } from './helpers.ts'

const accessToken = 'urn:ietf:params:oauth:token-type:access_token'
const subjectToken = 'canary-subject'
const request = { scopes: ['orders'], subjectToken }

function exchanging (t: Test, op: HostileProvider, options: Partial<TokenExchangeOptions> = {}) {
  const provider = tokenExchange({
    issuer: op.issuer, clientId: 'client', clientSecret: 'client-secret', subject: { provider: 'corp', scopes: ['openid'] }, audience: 'orders-api',
    allowInsecureLoopback: true, ...options
  })
  t.teardown(async () => provider.close?.())
  return provider
}

t.test('RFC 8693: the access token of a grant for one of another audience', async (t) => {
  const op = await hostile(t)
  op.overrides.token = () => ({ body: { access_token: 'at-1', token_type: 'Bearer', issued_token_type: accessToken, expires_in: 60, scope: 'orders', refresh_token: 'rt-1' } })
  const provider = exchanging(t, op, { resource: 'https://orders.example/' })
  t.match(provider, { kind: 'direct', subject: { provider: 'corp', scopes: ['openid'] } })
  t.same(await provider.obtain(request), { accessToken: 'at-1', tokenType: 'bearer', expiresIn: 60, scopes: ['orders'] })
  t.same(Object.fromEntries(op.ledger.requests.token[0]?.parameters ?? []), {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token: subjectToken, subject_token_type: accessToken, requested_token_type: accessToken,
    audience: 'orders-api', resource: 'https://orders.example/', scope: 'orders'
  })
  t.match(op.ledger.requests.token[0]?.headers.authorization, /^Basic /)
})

t.test('RFC 8693: with tokens bound to a key', async (t) => {
  const op = await hostile(t)
  const provider = exchanging(t, op, { dpop: await generateKeyPair('ES256') })
  op.overrides.token = () => ({ body: { access_token: 'at-1', token_type: 'DPoP', issued_token_type: accessToken } })
  t.equal((await provider.obtain(request)).tokenType, 'dpop')
  t.ok(op.ledger.requests.token[0]?.headers['dpop'])
})

t.test('RFC 8693 section 2.2.1: what was issued is an access token', async (t) => {
  const op = await hostile(t)
  const provider = exchanging(t, op)
  for (const issued of [undefined, null, 7, 'urn:ietf:params:oauth:token-type:id_token', 'urn:ietf:params:oauth:token-type:refresh_token', 'access_token']) {
    op.overrides.token = () => ({ body: { access_token: 'at-1', token_type: 'Bearer', issued_token_type: issued } })
    await fails(t, provider.obtain(request), 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID', String(issued), [subjectToken])
  }
  op.overrides.token = () => ({ body: { access_token: 'at-1', token_type: 'N_A', issued_token_type: accessToken } })
  await fails(t, provider.obtain(request), 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID', 'one that is none', [subjectToken])
  for (const [error, code] of [
    ['invalid_request', 'CONSENTRY_ERR_PROVIDER_REFUSED'], ['invalid_target', 'CONSENTRY_ERR_PROVIDER_REFUSED'], ['unauthorized_client', 'CONSENTRY_ERR_PROVIDER_MISCONFIGURED']
  ] as const) {
    op.overrides.token = () => ({ status: 400, body: { error, error_description: `provider text ${subjectToken}` } })
    await fails(t, provider.obtain(request), code, error, [subjectToken])
  }
})

t.test('T17: a subject is needed', async (t) => {
  const op = await hostile(t)
  const create = (subject: unknown) => () => exchanging(t, op, { subject: subject as TokenExchangeOptions['subject'] })
  for (const subject of [undefined, {}, { provider: '' }, { provider: 'corp', scopes: ['a b'] }, 'corp']) {
    t.throws(create(subject), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' }, JSON.stringify(subject) ?? 'undefined')
  }
  await fails(t, exchanging(t, op).obtain({ scopes: [] }), 'CONSENTRY_ERR_OPTIONS_INVALID', 'no token of the person')
})
