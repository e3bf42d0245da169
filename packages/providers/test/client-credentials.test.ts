import { startLocalProvider } from '@consentry/testing'
import type { HostileProvider } from '@consentry/testing'
import { decodeJwt, exportJWK, generateKeyPair } from 'jose'
import t from 'tap'
import type { Test } from 'tap'
import { clientCredentials } from '../src/client-credentials.ts'
import type { ClientCredentialsOptions } from '../src/client-credentials.ts'
import { changing, fails, hostile } from './helpers.ts'

const client = { clientId: 'client', clientSecret: 'client-secret', allowInsecureLoopback: true }
const request = { scopes: ['calendar.read'] }

function direct (t: Test, op: HostileProvider, options: Partial<ClientCredentialsOptions> = {}) {
  const provider = clientCredentials({ ...client, issuer: op.issuer, ...options })
  t.teardown(async () => provider.close?.())
  return provider
}

/** A hostile provider that gives a client what it asks for. */
async function giving (t: Test): Promise<HostileProvider> {
  const op = await hostile(t)
  op.overrides.token = () => ({ body: { access_token: 'at-1', token_type: 'Bearer', expires_in: 60 } })
  return op
}

t.test('RFC 6749 section 4.4: at a certified provider, with every way to prove who the client is', async (t) => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const keys = await generateKeyPair('ES256')
  const op = await startLocalProvider({ issuerHost: 'localhost', requireDpopNonce: true })
  t.teardown(() => op.close())
  const secret = { clientSecret: 'client-secret' }
  for (const [registered, options, tokenType] of [
    [secret, secret, 'bearer'],
    [{ ...secret, authMethod: 'client_secret_post' }, { ...secret, clientAuthentication: 'client_secret_post' }, 'bearer'],
    [{ authMethod: 'private_key_jwt', keys: [{ ...await exportJWK(publicKey), kid: 'k1' }] }, { privateKey: { key: privateKey, kid: 'k1' } }, 'bearer'],
    [secret, { ...secret, dpop: keys }, 'dpop']
  ] as const) {
    op.addClient({ clientId: 'client', redirectUris: [], refreshTokens: false, clientCredentials: true, ...registered })
    const provider = clientCredentials({ issuer: op.issuer, clientId: 'client', allowInsecureLoopback: true, ...options })
    t.match(provider, { kind: 'direct', issuer: op.issuer, host: new URL(op.issuer).host })
    const tokens = await provider.obtain(request)
    t.match(tokens, { tokenType, expiresIn: Number, scopes: ['calendar.read'] })
    t.notOk('refreshToken' in tokens)
    t.equal(await provider.revoke(tokens), true)
    t.equal(await provider.userInfo(tokens), undefined)
    await provider.close?.()
  }
  t.same(op.ledger.errors, [])
})

t.test('RFC 6749 section 4.4: the request', async (t) => {
  const op = await giving(t)
  const provider = direct(t, op, { audience: ['api', 'other'], resource: 'https://api.example/' })
  t.same(await provider.obtain(request), { accessToken: 'at-1', tokenType: 'bearer', expiresIn: 60 })
  await provider.obtain({ scopes: [] })
  t.equal(op.ledger.requests.discovery.length, 1)
  const [first, second] = op.ledger.requests.token
  t.same([...first?.parameters ?? []], [['audience', 'api'], ['audience', 'other'], ['resource', 'https://api.example/'], ['scope', 'calendar.read'], ['grant_type', 'client_credentials']])
  t.notOk(second?.parameters.has('scope'))
})

t.test('RFC 6749 section 4.4: without discovery', async (t) => {
  const op = await giving(t)
  const { origin } = new URL(op.issuer)
  const { privateKey } = await generateKeyPair('ES256')
  const provider = clientCredentials({ clientId: 'client', privateKey, tokenEndpoint: `${origin}/token`, allowInsecureLoopback: true, scopes: ['read'] })
  t.match(provider, { issuer: origin, defaultScopes: ['read'] })
  await provider.obtain(request)
  t.equal(decodeJwt(op.ledger.requests.token[0]?.parameters.get('client_assertion') ?? '').aud, `${origin}/token`)
  t.equal(await provider.revoke({ accessToken: 'at-1' }), false)
  t.equal(op.ledger.requests.discovery.length, 0)
  await provider.close?.()
})

t.test('RFC 8414: discovery of a server that is no OpenID provider', async (t) => {
  const op = await giving(t)
  let asked = ''
  const provider = direct(t, op, {
    discovery: 'oauth2',
    fetch: async (input, init) => {
      const url = new URL(input)
      if (!url.pathname.startsWith('/.well-known/')) return fetch(input, init)
      asked = url.pathname
      return Response.json({ issuer: op.issuer, token_endpoint: `${op.issuer}/token` })
    }
  })
  t.ok(await provider.obtain(request))
  t.equal(asked, '/.well-known/oauth-authorization-server')
})

t.test('what the provider may answer', async (t) => {
  const op = await giving(t)
  const provider = direct(t, op)
  for (const [name, answer, code] of [
    ['an unknown client', { status: 401, body: { error: 'invalid_client', error_description: 'provider text' } }, 'CONSENTRY_ERR_PROVIDER_MISCONFIGURED'],
    ['a client that may not', { status: 400, body: { error: 'unauthorized_client' } }, 'CONSENTRY_ERR_PROVIDER_MISCONFIGURED'],
    ['a scope that it may not', { status: 400, body: { error: 'invalid_scope' } }, 'CONSENTRY_ERR_PROVIDER_REFUSED'],
    ['invalid_grant ends no grant of a person', { status: 400, body: { error: 'invalid_grant' } }, 'CONSENTRY_ERR_PROVIDER_REFUSED'],
    ['an outage', { status: 503, body: 'provider text', headers: { 'retry-after': '3' } }, 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'],
    ['a page', { body: '<html>provider text' }, 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'],
    ['a bound token', { body: { access_token: 'at-1', token_type: 'DPoP' } }, 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID'],
    ['no token', { body: { token_type: 'Bearer' } }, 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID']
  ] as const) {
    op.overrides.token = () => answer
    await fails(t, provider.obtain(request), code, name)
  }
  delete op.overrides.token
  op.metadata.issuer = 'https://evil.example'
  await fails(t, direct(t, op).obtain(request), 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID', 'T6: a document of another issuer')
  op.metadata.issuer = op.issuer
  op.metadata.token_endpoint = 'https://10.0.0.1/token'
  await fails(t, direct(t, op).obtain(request), 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID', 'T6: an endpoint in a private network')
})

t.test('a refresh token is left out', async (t) => {
  const op = await hostile(t)
  op.overrides.token = async (given, _usual, response) => changing((body) => ({ ...body, refresh_token: 'rt-1' }))(given, async () => ({ body: { access_token: 'at-1', token_type: 'Bearer' } }), response)
  t.notOk('refreshToken' in await direct(t, op).obtain(request))
})

t.test('T17: options of a direct provider', (t) => {
  const create = (options: Record<string, unknown>) => () => clientCredentials({ issuer: 'https://idp.example', clientId: 'c', clientSecret: 's', ...options })
  t.ok(create({})())
  for (const options of [
    { clientSecret: undefined }, { clientAuthentication: 'none' }, { issuer: undefined }, { issuer: 'http://idp.example' }, { tokenEndpoint: 'https://10.0.0.1/' },
    { revocationEndpoint: 'https://idp.example/r' }, { discovery: 'other' }, { audience: '' }, { audience: [7] }, { resource: 'api' }, { resource: 'https://api.example/#x' }
  ]) {
    t.throws(create(options), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' }, JSON.stringify(options))
  }
  t.end()
})
