import { createClock } from '@consentry/testing'
import t from 'tap'
import { authorize, codeVerifier, fails, hostile, nonce, obtain, openid, redirectUri, state } from './helpers.ts'

const invalid = 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID'
const unavailable = 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'
const request = { redirectUri, state, nonce, codeVerifier, scopes: ['openid'] }

t.test('seed C: GenericOIDCProvider: an issuer is enough to get from the redirect to the tokens and the account', async (t) => {
  const op = await hostile(t)
  const provider = openid(t, op, { label: 'Corp' })
  t.match(provider, { label: 'Corp', host: new URL(op.issuer).host, issuer: op.issuer, defaultScopes: ['openid', 'profile', 'email'] })
  t.ok(Object.isFrozen(provider))
  op.account.email = 'alice@example.com'
  const tokens = await obtain(provider)
  t.match(tokens, {
    accessToken: /^at-/, refreshToken: /^rt-/, tokenType: 'bearer', expiresIn: 3600, scopes: ['openid', 'profile', 'email'],
    account: { issuer: op.issuer, subject: 'alice', claims: { sub: 'alice', nonce } }
  })
  t.match(await provider.userInfo(tokens), { issuer: op.issuer, subject: 'alice', claims: { email: 'alice@example.com', nonce } })
  const [sent] = op.ledger.requests.token
  t.equal(sent?.parameters.get('code_verifier'), codeVerifier)
  t.equal(sent?.parameters.get('redirect_uri'), redirectUri)
  t.equal(op.ledger.requests.discovery.length, 1)
  t.equal(op.ledger.requests.jwks.length, 1)
})

t.test('T8: the request carries PKCE S256, state and nonce, and openid always', async (t) => {
  const op = await hostile(t)
  op.metadata.authorization_endpoint = `${op.issuer}/authorize?tenant=1&state=theirs&scope=theirs`
  const provider = openid(t, op, { authorizationParameters: { audience: 'api', prompt: 'consent' } })
  // RFC 7636 appendix B.
  const vector = { codeVerifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk', challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM' }
  const url = await provider.authorizationUrl({ ...request, codeVerifier: vector.codeVerifier, scopes: ['calendar', 'mail'], prompt: 'login', loginHint: 'alice', maxAge: 0 })
  t.same([...url.searchParams].sort(([one], [other]) => one < other ? -1 : 1), [
    ['audience', 'api'], ['client_id', 'client'], ['code_challenge', vector.challenge], ['code_challenge_method', 'S256'],
    ['login_hint', 'alice'], ['max_age', '0'], ['nonce', nonce], ['prompt', 'login'], ['redirect_uri', redirectUri],
    ['response_type', 'code'], ['scope', 'openid calendar mail'], ['state', state], ['tenant', '1']
  ])
  for (const odd of [{ codeVerifier: 'v'.repeat(42) }, { codeVerifier: 'v'.repeat(129) }, { codeVerifier: `${codeVerifier}%` }, { state: '' }, { scopes: ['a b'] }]) {
    await fails(t, provider.authorizationUrl({ ...request, ...odd }), 'CONSENTRY_ERR_OPTIONS_INVALID', JSON.stringify(odd))
  }
})

t.test('T8: a provider that offers PKCE plain alone is refused', async (t) => {
  const op = await hostile(t)
  for (const methods of [['plain'], ['plain', 's256'], ['S512']]) {
    op.metadata.code_challenge_methods_supported = methods
    await fails(t, openid(t, op).authorizationUrl(request), invalid, methods.join())
  }
  for (const methods of [undefined, [], ['plain', 'S256']]) {
    op.metadata.code_challenge_methods_supported = methods
    t.ok(await openid(t, op).authorizationUrl(request))
  }
})

t.test('seed C: GenericOIDCProvider: issuers with and without a trailing slash, compared as they are configured', async (t) => {
  for (const path of ['', '/', '/tenant', '/tenant/']) {
    const op = await hostile(t, { path })
    const tokens = await obtain(openid(t, op))
    t.equal(tokens.account?.issuer, op.issuer, `"${path}" works`)
    const other = path.endsWith('/') ? op.issuer.slice(0, -1) : `${op.issuer}/`
    await fails(t, openid(t, op, { issuer: other }).authorizationUrl(request), invalid, `"${path}" is not ${other}`)
  }
  const op = await hostile(t)
  for (const issuer of ['https://evil.example', 'not a url', '', 7, null, undefined]) {
    op.metadata.issuer = issuer
    await fails(t, openid(t, op).authorizationUrl(request), invalid, String(issuer))
  }
})

t.test('T6: endpoints of the document are checked when it is loaded', async (t) => {
  const op = await hostile(t)
  const names = ['authorization_endpoint', 'token_endpoint', 'jwks_uri', 'userinfo_endpoint', 'revocation_endpoint', 'end_session_endpoint']
  const odd = [
    'http://provider.example/x', 'https://10.0.0.1/x', 'https://169.254.169.254/x', 'https://[fd00::1]/x', 'javascript:alert(1)',
    'file:///etc/passwd', '/relative', '', 7, {}, 'https://user:pass@provider.example/', 'https://provider.example/#fragment'
  ]
  for (const name of names) {
    for (const value of odd) {
      op.metadata[name] = value
      await fails(t, openid(t, op).authorizationUrl(request), invalid, `${name}: ${JSON.stringify(value)}`)
    }
    op.metadata[name] = undefined
    const optional = !['authorization_endpoint', 'token_endpoint', 'jwks_uri'].includes(name)
    if (optional) t.ok(await openid(t, op).authorizationUrl(request), `without ${name}`)
    else await fails(t, openid(t, op).authorizationUrl(request), invalid, `without ${name}`)
    Reflect.deleteProperty(op.metadata, name)
  }
  op.metadata.token_endpoint = 'https://10.0.0.1/token'
  t.ok(await openid(t, op, { allowPrivateAddresses: true }).authorizationUrl(request), 'private, when allowed')
})

t.test('a document of another kind is no discovery document', async (t) => {
  const op = await hostile(t)
  for (const [name, answer, code] of [
    ['HTML', { body: '<html>provider text' }, unavailable],
    ['broken JSON', { headers: { 'content-type': 'application/json' }, body: '{"provider text' }, unavailable],
    ['not found', { status: 404, body: 'provider text' }, unavailable],
    ['moved', { status: 302, headers: { location: `${op.issuer}/other` } }, unavailable],
    ['an outage', { status: 503, body: 'provider text', headers: { 'retry-after': '3' } }, unavailable],
    ['too large', { body: { issuer: op.issuer, filler: 'x'.repeat(2 ** 20) } }, unavailable],
    ['a list', { body: ['provider text'] }, invalid]
  ] as const) {
    op.overrides.discovery = () => answer
    await fails(t, openid(t, op).authorizationUrl(request), code, name)
  }
})

t.test('R14: discovery is lazy, once, and tried again after a failure', async (t) => {
  const op = await hostile(t)
  const clock = createClock()
  const provider = openid(t, op, { clock })
  t.equal(op.ledger.requests.discovery.length, 0)
  op.overrides.discovery = () => ({ status: 503, headers: { 'retry-after': '3' } })
  const failed = await Promise.allSettled(Array.from({ length: 20 }, () => provider.authorizationUrl(request)))
  t.ok(failed.every(({ status }) => status === 'rejected'))
  const error = await fails(t, provider.authorizationUrl(request), unavailable, 'cooling down')
  t.equal(error.retryAfter, 3000)
  t.equal(op.ledger.requests.discovery.length, 1)
  delete op.overrides.discovery
  await clock.advance(1000)
  await Promise.all(Array.from({ length: 20 }, () => provider.authorizationUrl(request)))
  t.equal(op.ledger.requests.discovery.length, 2)
})

t.test('R14: a provider that hangs or drips is cut', async (t) => {
  const op = await hostile(t)
  op.overrides.discovery = () => undefined
  await fails(t, openid(t, op, { timeout: 100 }).authorizationUrl(request), unavailable, 'hangs')
  delete op.overrides.discovery
  const provider = openid(t, op, { timeout: 200 })
  const parameters = await authorize(provider)
  op.overrides.token = (_request, _usual, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const drip = setInterval(() => response.write(' '), 20)
    response.on('close', () => clearInterval(drip))
    return undefined
  }
  const started = performance.now()
  await fails(t, provider.exchange(await provider.authorizationResponse(parameters, { state }), { redirectUri, codeVerifier, nonce, scopes: [] }), unavailable, 'drips')
  t.ok(performance.now() - started < 1000)
})

t.test('a fetch of the application makes every request', async (t) => {
  const op = await hostile(t)
  const seen: string[] = []
  const provider = openid(t, op, { fetch: async (input, init) => { seen.push(new URL(input).pathname); return fetch(input, init) } })
  const tokens = await obtain(provider)
  await provider.userInfo(tokens)
  await provider.revoke(tokens)
  t.same(seen, ['/.well-known/openid-configuration', '/token', '/jwks', '/userinfo', '/revoke', '/revoke'])
})

t.test('people see the host of the authorization endpoint', async (t) => {
  const op = await hostile(t)
  const provider = openid(t, op, { authorizationEndpoint: 'https://login.example/authorize' })
  t.match(provider, { host: 'login.example', label: 'login.example' })
  t.equal((await provider.authorizationUrl(request)).host, 'login.example')
})

t.test('signing out at the provider', async (t) => {
  const op = await hostile(t)
  const url = await openid(t, op).endSessionUrl?.({ idToken: 'it', postLogoutRedirectUri: 'https://app.example/', state: 's' })
  t.equal(url?.href, `${op.issuer}/logout?client_id=client&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2F&state=s`)
  const hinting = await openid(t, op, { idTokenHintInUrl: true }).endSessionUrl?.({ idToken: 'it', postLogoutRedirectUri: 'https://app.example/', state: 's' })
  t.equal(hinting?.searchParams.get('id_token_hint'), 'it')
  op.metadata.end_session_endpoint = undefined
  t.equal(await openid(t, op).endSessionUrl?.({ postLogoutRedirectUri: 'https://app.example/', state: 's' }), undefined)
})
