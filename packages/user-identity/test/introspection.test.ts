import { consent, createBrowser, createClock, signIn, startLocalProvider } from '@consentry/testing'
import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { createIdentity, userId, type IntrospectionOptions } from '../src/index.ts'
import { json, testServer } from './server.ts'

const invalid = { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' }
const unavailable = { code: 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE' }
const issuer = 'https://issuer.example.com'
const good = { active: true, iss: issuer, sub: 'carol', aud: 'api', token_type: 'Bearer', username: 'carol@corp', scope: 'read write', client_id: 'app' }

async function setup (t: Parameters<typeof testServer>[0], more: Partial<IntrospectionOptions> = {}) {
  const server = await testServer(t, json(good))
  const clock = createClock()
  const introspection = { issuer, introspectionEndpoint: `${server.url}/introspect`, clientId: 'api', clientSecret: 'secret', audience: 'api', timeout: 300, ...more }
  const identity = createIdentity({ introspection, clock })
  const identify = async (token = randomBytes(8).toString('hex')) => (await identity.identify({ authorization: `Bearer ${token}` }))?.userInfo
  return { server, clock, identity, identify }
}

t.test('RFC 7662: an opaque token of a certified provider', async (t) => {
  const redirectUri = 'https://app.example/callback'
  const client = { clientId: 'app', clientSecret: 'a secret', redirectUris: [redirectUri] }
  const op = await startLocalProvider({ issuerHost: 'localhost', clients: [client] })
  t.teardown(() => op.close())
  const verifier = randomBytes(32).toString('base64url')
  const request = new URLSearchParams({
    response_type: 'code', client_id: client.clientId, redirect_uri: redirectUri, scope: 'openid email offline_access', prompt: 'consent',
    code_challenge_method: 'S256', code_challenge: createHash('sha256').update(verifier).digest('base64url')
  })
  const browser = createBrowser({ stopAt: ({ hostname }) => hostname === 'app.example' })
  const { next = '' } = await consent(await signIn(await browser.open(`${op.issuer}/authorize?${request.toString()}`), 'alice'), 'allow')
  const answer = await fetch(`${op.issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${client.clientId}:a+secret`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'authorization_code', code: new URL(next).searchParams.get('code') ?? '', redirect_uri: redirectUri, code_verifier: verifier })
  })
  const tokens = await answer.json() as { access_token: string, refresh_token: string }

  // This provider leaves `aud` out, and answers every client about its own tokens alone.
  const identity = createIdentity({
    introspection: { issuer: op.issuer, introspectionEndpoint: `${op.issuer}/introspect`, clientId: 'app', clientSecret: 'a secret', audience: 'app', allowMissingAudience: true }
  })
  const caller = await identity.identify({ authorization: `Bearer ${tokens.access_token}` })
  t.match(caller?.userInfo, { source: 'jwt', verified: true, issuer: op.issuer, clientId: 'app', scopes: ['openid', 'email', 'offline_access'] })
  t.equal(caller?.userInfo.userId, userId({ issuer: op.issuer, subject: String(caller?.userInfo.subject) }), 'the id that a session or a JWT of the same person has')
  await t.rejects(identity.identify({ authorization: `Bearer ${tokens.refresh_token}` }), invalid, 'a refresh token is active, and no bearer token')
  await t.rejects(identity.identify({ authorization: 'Bearer made-up' }), invalid)
  op.endAccessTokens()
  t.ok(await identity.identify({ authorization: `Bearer ${tokens.access_token}` }), 'remembered')
  identity.forget(caller?.userInfo.userId)
  await t.rejects(identity.identify({ authorization: `Bearer ${tokens.access_token}` }), invalid, 'T18: and forgotten')
})

t.test('what the server says becomes the user', async (t) => {
  const { identify } = await setup(t)
  t.match(await identify(), { issuer, subject: 'carol', preferredUsername: 'carol@corp', scopes: ['read', 'write'], audience: ['api'], clientId: 'app' })
})

t.test('T7: tokens that are not active, not for us or no bearer tokens are refused', async (t) => {
  const { server, identify } = await setup(t)
  const now = Math.floor(Date.now() / 1000)
  const { aud, token_type: type, sub, ...less } = good
  for (const [what, body] of Object.entries({
    'not active': { active: false },
    'not active, whatever else': { ...good, active: false },
    'another issuer': { ...good, iss: 'https://evil.example' },
    'another audience': { ...good, aud: ['billing'] },
    'no audience': { ...less, sub, token_type: type },
    'a DPoP token': { ...good, token_type: 'DPoP' },
    'bound to a key': { ...good, cnf: { jkt: 'x' } },
    'no type, as refresh tokens have': { ...less, sub, aud },
    'no subject, only an e-mail': { ...less, aud, token_type: type, email: 'carol@example.com' },
    expired: { ...good, exp: now - 1 }
  })) {
    server.answer = json(body)
    await t.rejects(identify(), invalid, what)
  }
})

t.test('a server that cannot tell makes nobody a stranger', async (t) => {
  const { server, identify } = await setup(t)
  for (const answer of [json({}, 500), json({ error: 'invalid_client' }, 401), json({ active: 'true' }), json([]), json({ ...good, padding: 'x'.repeat(1_048_576) }), () => {}]) {
    server.answer = answer
    await t.rejects(identify(), unavailable)
  }
  server.answer = (_request, response) => { response.writeHead(307, { location: '/elsewhere' }).end() }
  const { requests } = server
  await t.rejects(identify(), unavailable, 'T6: no redirect')
  t.equal(server.requests, requests + 1)
})

t.test('T18: asked once per token and lifetime, never beyond exp', async (t) => {
  const { server, clock, identify } = await setup(t)
  await Promise.all(Array.from({ length: 20 }, () => identify('token')))
  t.equal(server.requests, 1)
  await clock.advance(60_000)
  server.answer = json({ ...good, exp: Math.floor(clock.now() / 1000) + 10 })
  await identify('token')
  t.equal(server.requests, 2)
  await clock.advance(11_000)
  await t.rejects(identify('token'), invalid)
  t.equal(server.requests, 3)
})

t.test('how we say who we are', async (t) => {
  const { server, identify } = await setup(t, { clientAuthentication: 'client_secret_post', allowMissingTokenType: true })
  let body = ''
  server.answer = (request, response) => {
    request.setEncoding('utf8').on('data', (chunk: string) => { body += chunk })
    request.on('end', () => { response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(good)) })
  }
  await identify('token')
  t.same(Object.fromEntries(new URLSearchParams(body)), { token: 'token', token_type_hint: 'access_token', client_id: 'api', client_secret: 'secret' })
})

t.test('T17: options that make no sense are refused', async (t) => {
  const options = { issuer, introspectionEndpoint: 'https://issuer.example.com/introspect', clientId: 'api', clientSecret: 'secret', audience: 'api' }
  t.ok(createIdentity({ introspection: options }))
  for (const bad of [
    { introspectionEndpoint: 'http://issuer.example.com/introspect' }, { introspectionEndpoint: 'no URL' }, { introspectionEndpoint: 'https://user@issuer.example.com' }, { introspectionEndpoint: 'https://issuer.example.com/#x' },
    { issuer: '' }, { clientId: '' }, { clientSecret: '' }, { audience: [] }, { audience: '' }, { timeout: 0 }, { timeout: NaN }
  ]) t.throws(() => createIdentity({ introspection: { ...options, ...bad } }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' }, JSON.stringify(bad))
})
