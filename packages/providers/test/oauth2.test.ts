import t from 'tap'
import { codeVerifier, fails, hostile, nonce, obtain, plain, redirectUri, state } from './helpers.ts'
import { oauth2 } from '../src/oauth2.ts'

const request = { redirectUri, state, nonce, codeVerifier, scopes: ['read', 'write'] }

t.test('from the redirect to the tokens and the account', async (t) => {
  const op = await hostile(t)
  const provider = plain(t, op, { label: 'Files' })
  t.match(provider, { label: 'Files', issuer: op.issuer, host: new URL(op.issuer).host, defaultScopes: ['read'] })
  const tokens = await obtain(provider)
  t.match(tokens, { accessToken: /^at-/, refreshToken: /^rt-/, tokenType: 'bearer', expiresIn: 3600, scopes: ['read'] })
  t.notOk('idToken' in tokens || 'account' in tokens, 'an ID token that nobody asked for is left unread')
  t.match(await provider.userInfo(tokens), { issuer: op.issuer, subject: 'alice' })
  t.equal(op.ledger.requests.token[0]?.parameters.get('code_verifier'), codeVerifier)
  t.equal(op.ledger.requests.discovery.length + op.ledger.requests.jwks.length, 0)
})

t.test('T8, seed C: PKCEChallenge: S256 always, a nonce never', async (t) => {
  const op = await hostile(t)
  const url = await plain(t, op, { scopeSeparator: ',', authorizationParameters: { access_type: 'offline' } }).authorizationUrl(request)
  t.match(Object.fromEntries(url.searchParams), { scope: 'read,write', code_challenge_method: 'S256', access_type: 'offline', state, response_type: 'code' })
  t.notOk(url.searchParams.has('nonce'))
  t.notOk((await plain(t, op).authorizationUrl({ ...request, scopes: [] })).searchParams.has('scope'))
})

t.test('without an issuer, the origin of the authorization endpoint vouches', async (t) => {
  const provider = oauth2({ authorizationEndpoint: 'https://login.example:8443/oauth/authorize', tokenEndpoint: 'https://api.example/token', clientId: 'c' })
  t.match(provider, { issuer: 'https://login.example:8443', host: 'login.example:8443', label: 'login.example:8443' })
  t.equal(await provider.userInfo({ accessToken: 'a', tokenType: 'bearer' }), undefined)
  const parameters = new URLSearchParams({ code: 'c', state, iss: 'https://login.example' })
  await fails(t, provider.authorizationResponse(parameters, { state }), 'CONSENTRY_ERR_ISSUER_MISMATCH', 'B10')
})
