import { createHmac } from 'node:crypto'
import t from 'tap'
import { facebook as createFacebook, github as createGitHub, gitlab as createGitLab, google as createGoogle, salesforce as createSalesforce } from '../src/index.ts'
import { fails } from './helpers.ts'
import { vendors } from './vendors/all.ts'
import { discord } from './vendors/discord.ts'
import { facebook } from './vendors/facebook.ts'
import { github } from './vendors/github.ts'
import { gitlab } from './vendors/gitlab.ts'
import { google } from './vendors/google.ts'
import { jira } from './vendors/jira.ts'
import { linkedin } from './vendors/linkedin.ts'
import { reddit, userAgent } from './vendors/reddit.ts'
import { asking, changed, connect, start } from './vendors/run.ts'
import { salesforce } from './vendors/salesforce.ts'
import { slack } from './vendors/slack.ts'
import { spotify } from './vendors/spotify.ts'
import { x } from './vendors/x.ts'
import { zoom } from './vendors/zoom.ts'

const client = { clientId: 'c', clientSecret: 's' }
const scopesOf = (url: URL) => url.searchParams.get('scope')?.split(' ')

t.test('scopes of a requirement come with those that tell whose the grant is', async (t) => {
  const { provider } = await start(t, discord)
  t.same(scopesOf(await asking(provider, { scopes: ['guilds'] })), ['guilds', 'identify'])
  t.same(scopesOf(await asking(provider, { scopes: ['identify', 'guilds'] })), ['identify', 'guilds'], 'once')
})

t.test('a refresh token is asked for in the vendor\'s way, when one is wanted or goes on', async (t) => {
  const { provider } = await start(t, x)
  t.same(scopesOf(await asking(provider)), ['users.read', 'tweet.read'])
  for (const refreshToken of ['wanted', 'held'] as const) t.same(scopesOf(await asking(provider, { refreshToken })), ['users.read', 'tweet.read', 'offline.access'])
})

t.test('scopes that are not listed count when the refresh token shows them', async (t) => {
  const scopes = ['read:me', 'offline_access']
  const { local, provider } = await start(t, jira, { scopes })
  const tokens = await connect(local, provider)
  t.same(tokens.scopes, scopes)
  t.same((await provider.refresh({ refreshToken: tokens.refreshToken ?? '', scopes })).scopes, scopes)
  const without = await start(t, changed(jira, { answer: ({ accessToken }) => ({ access_token: accessToken, scope: 'read:me' }) }), { scopes })
  t.same((await connect(without.local, without.provider)).scopes, ['read:me'], 'not without one')
})

t.test('the expected account, for those who understand it', async (t) => {
  for (const [vendor, loginHint, claim, parameter] of [[github, 'alice', 'login', 'login'], [google, 'alice@example.com', 'email', 'login_hint'], [discord, 'alice@example.com', undefined, undefined]] as const) {
    const { provider } = await start(t, vendor)
    t.equal(provider.loginHintClaim, claim)
    const { searchParams } = await asking(provider, { loginHint })
    t.equal(searchParams.get(parameter ?? 'login_hint'), parameter === undefined ? null : loginHint, 'nobody else is told')
    if (parameter === 'login') t.notOk(searchParams.has('login_hint'))
  }
})

t.test('parameters of the application take the place of the vendor\'s', async (t) => {
  const { provider } = await start(t, google, { authorizationParameters: { prompt: 'select_account', include_granted_scopes: 'false' } })
  const { searchParams } = await asking(provider, { refreshToken: 'wanted' })
  t.equal(searchParams.get('prompt'), 'select_account')
  t.equal(searchParams.get('include_granted_scopes'), 'false')
})

t.test('clients without a secret, where the vendor has them', async (t) => {
  for (const [name, { create }] of Object.entries(vendors)) {
    const open = ['discord', 'gitlab', 'linear', 'salesforce', 'slack', 'spotify', 'x', 'zoom'].includes(name)
    if (open) t.doesNotThrow(() => create({ clientId: 'c' }), name)
    else t.throws(() => create({ clientId: 'c' }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID', cause: { message: 'clientSecret is missing' } }, name)
    for (const clientSecret of ['', 'line\n']) t.throws(() => create({ clientId: 'c', clientSecret }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' }, name)
  }
  const { local } = await start(t, x)
  const open = x.create({ clientId: 'c', fetch: local.fetch })
  await fails(t, open.refresh({ refreshToken: 'rt-1' }), 'CONSENTRY_ERR_PROVIDER_MISCONFIGURED', 'this client has a secret')
  t.equal(local.requests.at(-1)?.parameters['client_id'], 'c')
  t.equal(local.requests.at(-1)?.headers.authorization, undefined)
})

t.test('hosts of one\'s own', async (t) => {
  const urlOf = async (provider: ReturnType<typeof createGitHub>) => (await asking(provider)).origin
  t.equal(await urlOf(createGitHub({ ...client, host: 'git.example.com:8443' })), 'https://git.example.com:8443')
  t.equal(createGitHub({ ...client, host: 'acme.ghe.com' }).issuer, 'https://acme.ghe.com')
  t.equal(createGitLab({ ...client, host: 'gitlab.example.com' }).issuer, 'https://gitlab.example.com')
  t.equal(createSalesforce({ ...client, host: 'test.salesforce.com' }).issuer, 'https://test.salesforce.com')
  for (const host of ['', 'https://git.example.com', 'git.example.com/path', 'a b', 'user@git.example.com', 'GIT.example.com', 'git.example.com?x']) {
    for (const create of [createGitHub, createGitLab, createSalesforce]) t.throws(() => create({ ...client, host }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' }, host)
  }
  for (const [host, api] of [['git.example.com', 'https://git.example.com/api/v3'], ['acme.ghe.com', 'https://api.acme.ghe.com']] as const) {
    const { local } = await start(t, github)
    await createGitHub({ ...client, host, fetch: local.fetch }).userInfo({ accessToken: 'at-1', tokenType: 'bearer' }).catch(() => {})
    t.equal(local.strays[0]?.url.href, `${api}/user`)
  }
})

t.test('B1: Google: an account of another domain is refused, whatever the parameter did', async (t) => {
  const { local, provider } = await start(t, { ...google, create: (options) => createGoogle({ ...options, hostedDomain: 'example.com' }) })
  t.equal((await asking(provider)).searchParams.get('hd'), 'example.com')
  t.match(await connect(local, provider), { account: { claims: { hd: 'example.com' } } })
  for (const hd of [undefined, 'evil.example', '']) {
    const { openid } = google.description
    if (openid === undefined) throw new Error('no OpenID')
    const other = await start(t, { ...changed(google, {}, { openid: { ...openid, claims: { sub: '1', hd } } }), create: (options) => createGoogle({ ...options, hostedDomain: 'example.com' }) })
    await fails(t, connect(other.local, other.provider), 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID', String(hd))
  }
})

t.test('Slack: the tokens are the person\'s, not the bot\'s', async (t) => {
  const { local, provider } = await start(t, changed(slack, {
    answer: (grant) => ({ ...slack.description.token.answer(grant), access_token: 'xoxb-bot', refresh_token: 'xoxe-bot', scope: 'commands', token_type: 'bot' })
  }))
  const tokens = await connect(local, provider)
  t.ok(local.accessTokens.has(tokens.accessToken))
  t.ok(local.refreshTokens.has(tokens.refreshToken ?? ''))
  t.same(tokens.scopes, ['users:read'])
})

t.test('Slack: without rotation there is no end and no refresh token', async (t) => {
  const { local, provider } = await start(t, changed(slack, {
    answer: ({ accessToken, scopes }) => ({ ok: true, authed_user: { id: 'U1', scope: scopes.join(','), access_token: accessToken, token_type: 'user' }, team: { id: 'T1' } })
  }))
  t.strictSame(await connect(local, provider), { accessToken: [...local.accessTokens.keys()][0], tokenType: 'bearer', scopes: ['users:read'] })
})

t.test('Slack: being busy is an outage, told with 200', async (t) => {
  const busy = { status: 200, body: { ok: false, error: 'ratelimited' } }
  const { provider } = await start(t, changed(slack, { failures: { code: busy, refreshToken: busy, client: busy } }))
  await fails(t, provider.refresh({ refreshToken: 'rt-1' }), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE', 'R14: no end of the grant')
})

t.test('Spotify: a new refresh token takes the place of the old one, when one comes', async (t) => {
  const { local, provider } = await start(t, changed(spotify, { rotation: 'always', refreshed: spotify.description.token.answer }))
  const { refreshToken } = await connect(local, provider)
  const fresh = await provider.refresh({ refreshToken: refreshToken ?? '' })
  t.not(fresh.refreshToken, refreshToken)
  t.ok(local.refreshTokens.has(fresh.refreshToken ?? ''))
})

t.test('LinkedIn: takes no verifier, and gets none', async (t) => {
  const { local, provider } = await start(t, linkedin)
  await connect(local, provider)
  t.notOk(local.requests.some(({ url, parameters }) => url.searchParams.has('code_challenge') || 'code_verifier' in parameters))
  for (const [name, { create }] of Object.entries(vendors)) {
    if (name === 'linkedin' || name === 'gitlab' || name === 'google') continue
    t.equal((await asking(create(client))).searchParams.get('code_challenge_method'), 'S256', `T8: ${name}`)
  }
})

t.test('Facebook: the short token becomes a long one, and requests to the Graph API are proven', async (t) => {
  const { local, provider } = await start(t, facebook)
  const tokens = await connect(local, provider)
  t.equal(local.accessTokens.size, 1, 'the short one does not hold any more')
  const sent: URL[] = []
  const fetch: typeof globalThis.fetch = async (input) => {
    sent.push(new URL(input instanceof Request ? input.url : input))
    return new Response()
  }
  for (const url of ['https://graph.facebook.com/v25.0/me/accounts?fields=id', 'https://other.example/x']) await provider.resourceRequest?.(tokens, new URL(url), {}, fetch)
  const proof = createHmac('sha256', facebook.description.client.secret).update(tokens.accessToken).digest('hex')
  t.same(sent.map((url) => url.searchParams.get('appsecret_proof')), [proof, null])
  for (const graphVersion of ['25', 'v25', 'v25.0/../x', '']) t.throws(() => createFacebook({ ...client, graphVersion }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' }, graphVersion)
})

t.test('Reddit: requests of the application say whose they are', async (t) => {
  const { provider } = await start(t, reddit)
  const seen: Array<string | null> = []
  const fetch: typeof globalThis.fetch = async (_input, init) => {
    const headers = new Headers(init?.headers)
    seen.push(headers.get('user-agent'), headers.get('authorization'))
    return new Response()
  }
  for (const headers of [{}, { 'user-agent': 'own' }]) await provider.resourceRequest?.({ accessToken: 'at-1', tokenType: 'bearer' }, new URL('https://oauth.reddit.com/api/v1/me'), { headers }, fetch)
  t.same(seen, [userAgent, 'Bearer at-1', 'own', 'Bearer at-1'])
})

t.test('an application that is not registered to see the account works without', async (t) => {
  const api = { 'GET https://api.zoom.us/v2/users/me': { answer: () => ({ status: 403, body: { code: 4711, message: 'Invalid access token, does not contain scopes' } }) } }
  const { local, provider } = await start(t, changed(zoom, {}, { api }))
  t.equal(await provider.userInfo(await connect(local, provider)), undefined)
  await fails(t, provider.userInfo({ accessToken: 'at-over', tokenType: 'bearer' }), 'CONSENTRY_ERR_PROVIDER_REFUSED', 'a token that is over is another thing')
})

t.test('GitHub: a token that is over needs no ending; an outage keeps it', async (t) => {
  const { provider } = await start(t, github)
  t.equal(await provider.revoke({ accessToken: 'at-over' }), true)
  const { revocation } = github.description
  if (revocation === undefined) throw new Error('no revocation')
  const down = await start(t, changed(github, {}, { revocation: { ...revocation, answers: { ...revocation.answers, unknown: { status: 503, body: '' } } } }))
  await fails(t, down.provider.revoke({ accessToken: 'at-1' }), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE', 'an outage')
})

t.test('B13: the answer to a refresh is of the same account', async (t) => {
  for (const name of ['asana', 'notion', 'calendly', 'salesforce']) {
    const vendor = vendors[name]
    if (vendor === undefined) throw new Error(name)
    const { local, provider } = await start(t, vendor)
    const { refreshToken = '' } = await connect(local, provider)
    await fails(t, provider.refresh({ refreshToken, account: { issuer: vendor.issuer, subject: 'another' } }), 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID', name)
  }
})

t.test('B13: what the endpoint tells is of the account of the token answer', async (t) => {
  const { local, provider } = await start(t, salesforce)
  const tokens = await connect(local, provider)
  t.match(tokens.account, { subject: salesforce.account.subject, claims: { instance_url: 'https://acme.my.salesforce.com' } })
  await fails(t, provider.userInfo({ ...tokens, account: { issuer: salesforce.issuer, subject: 'another', claims: {} } }), 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID', 'another account')
})

t.test('what an endpoint tells has no say in the sign-in', async (t) => {
  const api = { 'GET https://discord.com/api/v10/users/@me': { answer: () => ({ body: { id: '1', username: 'alice', acr: 'high', amr: ['mfa'], auth_time: 1, iss: 'https://evil.example' } }) } }
  const { local, provider } = await start(t, changed(discord, {}, { api }))
  t.strictSame((await provider.userInfo(await connect(local, provider)))?.claims, { id: '1', username: 'alice', preferred_username: 'alice' })
})

t.test('Google: a token that is over needs no ending', async (t) => {
  const { local, provider } = await start(t, google)
  const tokens = await connect(local, provider)
  t.equal(await provider.revoke(tokens), true)
  t.equal(await provider.revoke(tokens), true, 'told as invalid_token, with 400')
})

t.test('GitLab: found where it is', async (t) => {
  const { local, provider } = await start(t, gitlab)
  await connect(local, provider)
  t.ok(local.requests.some(({ url }) => url.href === 'https://gitlab.com/.well-known/openid-configuration'))
})

t.test('a body that is no JSON is an outage', async (t) => {
  for (const body of ['<html>provider text', '[]', '"provider text"', '']) {
    const failure = { status: 400, headers: { 'content-type': 'application/json' }, body }
    const { provider } = await start(t, changed(discord, { failures: { code: failure, refreshToken: failure, client: failure } }))
    await fails(t, provider.refresh({ refreshToken: 'rt-1' }), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE', body)
  }
})
