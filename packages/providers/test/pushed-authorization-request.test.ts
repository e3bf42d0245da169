import t from 'tap'
import { codeVerifier, fails, hostile, nonce, obtain, openid, plain, redirectUri, state } from './helpers.ts'

const request = { redirectUri, state, nonce, codeVerifier, scopes: ['openid'] }

t.test('RFC 9126: what was asked goes to the provider, and its name through the browser', async (t) => {
  const op = await hostile(t)
  const { origin } = new URL(op.issuer)
  op.metadata.authorization_endpoint = `${origin}/authorize?tenant=1&state=theirs`
  for (const provider of [
    openid(t, op, { pushedAuthorizationRequests: true }),
    plain(t, op, { authorizationEndpoint: `${origin}/authorize?tenant=1&state=theirs`, pushedAuthorizationRequestEndpoint: `${origin}/par` })
  ]) {
    const url = await provider.authorizationUrl(request)
    t.same([...url.searchParams.keys()].sort(), ['client_id', 'request_uri', 'tenant'])
    t.equal(url.pathname, '/authorize')
    const sent = op.ledger.requests.par.pop()
    t.match(Object.fromEntries(sent?.parameters ?? []), { client_id: 'client', redirect_uri: redirectUri, state, response_type: 'code', code_challenge_method: 'S256', scope: 'openid' })
    t.notOk(sent?.parameters.has('tenant'))
    t.equal(sent?.headers.authorization, `Basic ${btoa('client:client%2Dsecret')}`)
    t.ok(await obtain(provider))
  }
})

t.test('RFC 9126: by itself where the provider requires it, and only there', async (t) => {
  const op = await hostile(t)
  t.notOk((await openid(t, op).authorizationUrl(request)).searchParams.has('request_uri'))
  op.metadata.require_pushed_authorization_requests = true
  t.ok((await openid(t, op).authorizationUrl(request)).searchParams.has('request_uri'))
  op.metadata.pushed_authorization_request_endpoint = undefined
  await fails(t, openid(t, op).authorizationUrl(request), 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID', 'required, and nowhere to send it')
  op.metadata.pushed_authorization_request_endpoint = 'https://10.0.0.1/par'
  await fails(t, openid(t, op).authorizationUrl(request), 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID', 'T6: in a private network')
})

t.test('answers to a pushed request', async (t) => {
  const op = await hostile(t)
  const provider = openid(t, op, { pushedAuthorizationRequests: true })
  for (const [name, answer, code] of [
    ['an unknown client', { status: 401, body: { error: 'invalid_client', error_description: 'provider text' } }, 'CONSENTRY_ERR_PROVIDER_MISCONFIGURED'],
    ['a wrong request', { status: 400, body: { error: 'invalid_request', error_description: 'provider text' } }, 'CONSENTRY_ERR_PROVIDER_REFUSED'],
    ['an outage', { status: 503, body: 'provider text' }, 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'],
    ['a page', { status: 201, body: '<html>provider text' }, 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'],
    ['200', { status: 200, body: { request_uri: 'urn:x', expires_in: 60 } }, 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'],
    ['no request_uri', { status: 201, body: { expires_in: 60 } }, 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID'],
    ['no lifetime', { status: 201, body: { request_uri: 'urn:x' } }, 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID']
  ] as const) {
    op.overrides.par = () => answer
    await fails(t, provider.authorizationUrl(request), code, name)
  }
})
