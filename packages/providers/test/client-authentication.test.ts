import { decodeJwt, decodeProtectedHeader, generateKeyPair } from 'jose'
import t from 'tap'
import { hostile, obtain, openid, plain } from './helpers.ts'
import { oauth2 } from '../src/oauth2.ts'
import { oidc } from '../src/oidc.ts'

t.test('client_secret_basic when a secret is given', async (t) => {
  const op = await hostile(t)
  await obtain(openid(t, op, { clientSecret: 'p:ä +%' }))
  const [sent] = op.ledger.requests.token
  t.equal(sent?.headers.authorization, `Basic ${btoa('client:p%3A%C3%A4+%2B%25')}`, 'RFC 6749 appendix B')
  t.notOk(sent?.parameters.has('client_secret') || sent?.parameters.has('client_id'))
})

t.test('client_secret_post when asked for', async (t) => {
  const op = await hostile(t)
  await obtain(plain(t, op, { clientAuthentication: 'client_secret_post' }))
  const [sent] = op.ledger.requests.token
  t.match(Object.fromEntries(sent?.parameters ?? []), { client_id: 'client', client_secret: 'client-secret' })
  t.equal(sent?.headers.authorization, undefined)
})

t.test('none without a secret', async (t) => {
  const op = await hostile(t)
  const { origin } = new URL(op.issuer)
  for (const provider of [
    oidc({ issuer: op.issuer, clientId: 'public', allowInsecureLoopback: true }),
    oauth2({ authorizationEndpoint: `${origin}/authorize`, tokenEndpoint: `${origin}/token`, clientId: 'public', clientAuthentication: 'none', allowInsecureLoopback: true })
  ]) {
    await obtain(provider)
    const sent = op.ledger.requests.token.pop()
    t.equal(sent?.parameters.get('client_id'), 'public')
    t.equal(sent?.headers.authorization, undefined)
  }
})

t.test('private_key_jwt when a private key is given', async (t) => {
  const op = await hostile(t)
  const { origin } = new URL(op.issuer)
  const { privateKey } = await generateKeyPair('ES256')
  const assertion = async (provider: ReturnType<typeof oidc>) => {
    await obtain(provider)
    const sent = op.ledger.requests.token.pop()
    t.equal(sent?.parameters.get('client_assertion_type'), 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    const jwt = sent?.parameters.get('client_assertion') ?? ''
    return { ...decodeProtectedHeader(jwt), ...decodeJwt(jwt) }
  }
  const openId = oidc({ issuer: op.issuer, clientId: 'client', privateKey: { key: privateKey, kid: 'k1' }, allowInsecureLoopback: true })
  t.match(await assertion(openId), { alg: 'ES256', kid: 'k1', iss: 'client', sub: 'client', aud: op.issuer })
  const endpoints = { authorizationEndpoint: `${origin}/authorize`, tokenEndpoint: `${origin}/token`, clientId: 'client', privateKey, allowInsecureLoopback: true }
  t.match(await assertion(oauth2({ ...endpoints, issuer: op.issuer })), { aud: op.issuer })
  t.match(await assertion(oauth2(endpoints)), { aud: `${origin}/token` }, 'RFC 7523: no issuer')
})
