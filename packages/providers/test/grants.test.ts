import { createFlows, createGrants, createWakeups, memoryState, memoryTokens, systemClock, systemRandomBytes } from '@consentry/core'
import type { Grant, Grants, Provider, TokenSet } from '@consentry/core'
import { generateKeyPair } from 'jose'
import t from 'tap'
import type { Test } from 'tap'
import { apiKey } from '../src/api-key.ts'
import { clientCredentials } from '../src/client-credentials.ts'
import { tokenExchange } from '../src/token-exchange.ts'
import { changing, fails, hostile, obtain, openid } from './helpers.ts'

const owner = { tenant: 'default', userId: 'alice' }

/** Grants of core over real providers, with what was obtained for `stored` already in the store. */
async function world (t: Test, providers: Record<string, Provider>, stored: Record<string, TokenSet> = {}): Promise<Grants> {
  const state = memoryState()
  const tokens = memoryTokens()
  const wakeups = createWakeups(state)
  const flows = createFlows({ state, wakeups, clock: systemClock, randomBytes: systemRandomBytes, lifetime: 60_000, redirectUri: () => 'https://app.example/cb' })
  for (const [provider, { expiresIn, scopes = [], ...given }] of Object.entries(stored)) {
    const now = Date.now()
    await tokens.save({ ...owner, provider, profile: 'default' }, {
      v: 1, ...given, scopes: [...scopes], requestedScopes: [...scopes], createdAt: now, updatedAt: now, ...expiresIn !== undefined && { expiresAt: now + expiresIn * 1000 }
    }, undefined)
  }
  return createGrants({ providers, tokens, flows, wakeups, clock: systemClock, fetch, refreshBuffer: 60_000, onError: (error) => { t.fail(String(error)) } })
}

async function grantOf (grants: Grants, provider: string): Promise<Grant> {
  const { key, requirement } = grants.requirement(owner, provider, {})
  const grant = await grants.available(key, requirement)
  if (grant === undefined) throw new Error(`no grant of ${provider}`)
  return grant
}

t.test('seed E: token forms: grant.fetch sends a key its way, to its host alone', async (t) => {
  const op = await hostile(t)
  const other = await hostile(t)
  const weather = apiKey({ label: 'Weather', probe: `${op.issuer}/userinfo`, header: 'x-api-key', allowInsecureLoopback: true })
  t.teardown(async () => weather.close?.())
  const grant = await grantOf(await world(t, { weather }, { weather: await weather.submit({ api_key: 'canary-key' }, { scopes: [] }) }), 'weather')
  t.equal((await grant.fetch(`${op.issuer}/userinfo`)).status, 200)
  t.match(op.ledger.requests.userinfo.at(-1)?.headers, { 'x-api-key': 'canary-key', authorization: undefined })
  await fails(t, grant.fetch(`${other.issuer}/userinfo`), 'CONSENTRY_ERR_HOST_REFUSED', 'another host', ['canary-key'])
  t.equal(other.ledger.requests.userinfo.length, 0)
})

t.test('RFC 8693: what is exchanged is the access token of the person\'s grant', async (t) => {
  const op = await hostile(t)
  const corp = openid(t, op)
  const client = { issuer: op.issuer, clientId: 'client', clientSecret: 'client-secret', allowInsecureLoopback: true }
  const orders = tokenExchange({ ...client, subject: { provider: 'corp' }, audience: 'orders' })
  const jobs = clientCredentials(client)
  t.teardown(async () => Promise.all([orders.close?.(), jobs.close?.()]))
  const tokens = await obtain(corp)
  const grants = await world(t, { corp, orders, jobs }, { corp: tokens })
  op.overrides.token = () => ({ body: { access_token: 'at-exchanged', token_type: 'Bearer', expires_in: 600, issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' } })
  t.equal(await (await grantOf(grants, 'orders')).accessToken(), 'at-exchanged')
  t.equal(op.ledger.requests.token.at(-1)?.parameters.get('subject_token'), tokens.accessToken)
  t.equal(await (await grantOf(grants, 'jobs')).accessToken(), 'at-exchanged')
  t.equal(op.ledger.requests.token.at(-1)?.parameters.get('grant_type'), 'client_credentials')
})

t.test('RFC 9449: grant.fetch proves the key, and again after a refresh', async (t) => {
  const op = await hostile(t)
  op.overrides.token = changing((body) => ({ ...body, token_type: 'DPoP' }))
  const corp = openid(t, op, { dpop: await generateKeyPair('ES256') })
  const tokens = await obtain(corp)
  const grant = await grantOf(await world(t, { corp }, { corp: tokens }), 'corp')
  op.overrides.userinfo = async ({ headers }, usual) => headers.authorization === `DPoP ${tokens.accessToken}` ? { status: 401, headers: { 'www-authenticate': 'DPoP error="invalid_token"' } } : usual()
  t.equal((await grant.fetch(`${op.issuer}/userinfo`)).status, 200)
  const [first, second] = op.ledger.requests.userinfo
  t.equal(first?.headers.authorization, `DPoP ${tokens.accessToken}`)
  t.match(second?.headers.authorization, /^DPoP at-/)
  t.ok(second?.headers['dpop'])
  t.same(op.ledger.refreshTokens, [tokens.refreshToken])
})
