import { consent, createBrowser, signIn, startLocalProvider } from '@consentry/testing'
import t from 'tap'
import { github, google, microsoft, oidc } from '../src/index.ts'
import { changing, fails, hostile, openid, plain } from './helpers.ts'

const scopes = ['openid', 'calendar.read']

t.test('RFC 8628 with the local provider: pending, then tokens with a verified account', async (t) => {
  const op = await startLocalProvider({ issuerHost: 'localhost', clients: [{ clientId: 'tv', redirectUris: [], deviceFlow: true }] })
  t.teardown(() => op.close())
  const provider = oidc({ issuer: op.issuer, clientId: 'tv', allowInsecureLoopback: true })
  t.teardown(() => provider.close?.())
  const begun = await provider.deviceAuthorization?.({ scopes })
  if (begun === undefined) return t.fail('the provider has it')
  t.match(begun, { verificationUri: `${op.issuer}/device`, interval: 5, expiresIn: 600, userCode: /^\S{4}-\S{4}$/ })
  t.equal(begun.verificationUriComplete, `${op.issuer}/device?user_code=${begun.userCode}`)
  t.same(await begun.poll(), { status: 'pending', slower: false })

  const browser = createBrowser()
  const typed = await (await browser.open(begun.verificationUri)).submit({ user_code: begun.userCode }, { button: 'Continue' })
  t.match(typed.text, begun.userCode, 'people compare it with what their device shows')
  const asked = await signIn(await typed.submit({}, { button: 'Yes, continue' }), 'alice')
  t.match((await consent(asked, 'allow')).title, /^Your device is connected/)
  const answer = await begun.poll()
  if (answer.status !== 'granted') return t.fail(answer.status)
  t.match(answer.tokens, { tokenType: 'bearer', scopes: ['openid', 'calendar.read'], account: { issuer: op.issuer } })
  t.type(answer.tokens.refreshToken, 'string')
  for (const secret of op.ledger.secrets) t.notOk(JSON.stringify(begun).includes(secret), 'B17: the device code is not to be seen')
  await fails(t, begun.poll(), 'CONSENTRY_ERR_PROVIDER_REFUSED', 'a code that was used')
  t.same(op.ledger.errors, [])
})

t.test('a person who declines', async (t) => {
  const op = await startLocalProvider({ issuerHost: 'localhost', clients: [{ clientId: 'tv', redirectUris: [], deviceFlow: true }] })
  t.teardown(() => op.close())
  const provider = oidc({ issuer: op.issuer, clientId: 'tv', allowInsecureLoopback: true })
  t.teardown(() => provider.close?.())
  const begun = await provider.deviceAuthorization?.({ scopes })
  const page = await createBrowser().open(begun?.verificationUriComplete ?? '')
  await page.submit({}, { button: 'No' })
  t.same(await begun?.poll(), { status: 'denied' })
})

t.test('what the token endpoint may answer', async (t) => {
  const op = await hostile(t)
  for (const provider of [openid(t, op), plain(t, op, { deviceAuthorizationEndpoint: `${new URL(op.issuer).origin}/device` })]) {
    const begun = await provider.deviceAuthorization?.({ scopes: ['read'] })
    if (begun === undefined) return t.fail('begun')
    const told = (error: string, status = 400) => { op.overrides.token = () => ({ status, body: { error, error_description: 'provider text' } }) }
    for (const [error, answer] of Object.entries({
      authorization_pending: { status: 'pending', slower: false }, slow_down: { status: 'pending', slower: true }, access_denied: { status: 'denied' }, expired_token: { status: 'expired' }
    })) {
      told(error)
      t.same(await begun.poll(), answer, error)
      told(error, 200)
      t.same(await begun.poll(), answer, `${error} with status 200`)
    }
    told('constructor')
    await fails(t, begun.poll(), 'CONSENTRY_ERR_PROVIDER_REFUSED', 'a name of object members')
    told('invalid_client', 401)
    await fails(t, begun.poll(), 'CONSENTRY_ERR_PROVIDER_MISCONFIGURED', 'invalid_client')
    op.overrides.token = () => ({ status: 503, body: 'provider text' })
    await fails(t, begun.poll(), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE', 'an outage')
    delete op.overrides.token
    t.match(await begun.poll(), { status: 'granted', tokens: { tokenType: 'bearer' } })
  }
})

t.test('an ID token of another client, or of another issuer, is refused', async (t) => {
  const op = await hostile(t)
  for (const claims of [{ aud: 'another' }, { iss: 'https://evil.example' }, { sub: '' }]) {
    op.idToken.claims = claims
    const begun = await openid(t, op).deviceAuthorization?.({ scopes: ['read'] })
    await fails(t, begun?.poll() ?? Promise.reject(new Error('not begun')), 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID', JSON.stringify(claims))
  }
})

t.test('T14: people are sent to web addresses alone', async (t) => {
  const op = await hostile(t)
  for (const [name, value] of [['verification_uri', 'javascript:alert(1)'], ['verification_uri', 'file:///etc/passwd'], ['verification_uri_complete', 'ms-settings:'], ['user_code', 'A\u001b[2J']] as const) {
    op.overrides.device = changing((body) => ({ ...body, [name]: value }))
    await fails(t, openid(t, op).deviceAuthorization?.({ scopes: [] }) ?? Promise.resolve(), 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID', value)
  }
})

t.test('a provider without the endpoint has none', async (t) => {
  const op = await hostile(t)
  op.metadata['device_authorization_endpoint'] = undefined
  t.equal(await openid(t, op).deviceAuthorization?.({ scopes: [] }), undefined)
  t.equal(await plain(t, op).deviceAuthorization?.({ scopes: [] }), undefined)
  t.same(op.ledger.requests.device, [])
})

t.test('what vendors add holds here too: Google\'s domain, Microsoft\'s directory, GitHub\'s answers', async (t) => {
  const answers = (device: object, token: object) => async (url: string | URL): Promise<Response> => {
    const { pathname } = new URL(url)
    if (pathname.endsWith('openid-configuration')) return Response.json(discovery(String(url)))
    return Response.json(/device/.test(pathname) ? device : token)
  }
  const discovery = (url: string) => {
    const issuer = url.replace('/.well-known/openid-configuration', '')
    return { issuer, authorization_endpoint: `${issuer}/a`, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/k`, device_authorization_endpoint: `${issuer}/device` }
  }
  const begun = { device_code: 'd', user_code: 'A-B', verification_uri: 'https://example.com/device', expires_in: 900 }
  const idToken = (claims: object) => ['{"alg":"RS256"}', JSON.stringify(claims), 'x'].map((part) => Buffer.from(part).toString('base64url')).join('.')
  const tokens = { access_token: 'at-1', token_type: 'bearer', scope: 'repo,gist' }
  const hub = await github({ clientId: 'c', clientSecret: 's', fetch: answers(begun, tokens) }).deviceAuthorization?.({ scopes: ['repo'] })
  t.match(await hub?.poll(), { status: 'granted', tokens: { scopes: ['repo', 'gist'] } })
  const pending = await github({ clientId: 'c', clientSecret: 's', fetch: answers(begun, { error: 'authorization_pending' }) }).deviceAuthorization?.({ scopes: ['repo'] })
  t.match(await pending?.poll(), { status: 'pending' })

  const domain = await google({ clientId: 'c', clientSecret: 's', hostedDomain: 'example.com', fetch: answers(begun, { ...tokens, scope: 'openid' }) }).deviceAuthorization?.({ scopes: [] })
  await fails(t, domain?.poll() ?? Promise.resolve(), 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID', 'no ID token, so no domain')

  const tid = '11111111-1111-4111-8111-111111111111'
  const strange = idToken({ iss: `https://login.microsoftonline.com/${tid}/v2.0`, tid, sub: 's', aud: 'c', iat: 1, exp: 9e9 })
  const directory = microsoft({ tenant: '22222222-2222-4222-8222-222222222222', clientId: 'c', clientSecret: 's', fetch: answers(begun, { ...tokens, id_token: strange }) })
  await fails(t, (await directory.deviceAuthorization?.({ scopes: ['openid'] }))?.poll() ?? Promise.resolve(), 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID', 'another directory')
})
