import { createHash } from 'node:crypto'
import t from 'tap'
import { startVendor } from '../src/index.ts'
import type { VendorDescription } from '../src/index.ts'

const redirectUri = 'https://app.example/callback'
const failures = {
  code: { status: 400, body: { error: 'invalid_grant' } },
  refreshToken: { status: 400, body: { error: 'invalid_grant' } },
  client: { status: 401, body: { error: 'invalid_client' } }
}
const description: VendorDescription = {
  client: { id: 'client', secret: 'secret', redirectUri, scopes: [] },
  authorization: { url: 'https://v.example/authorize', scope: { parameter: 'scope', separator: ' ' }, parameters: { audience: 'api' } },
  token: {
    url: 'https://v.example/token', authentication: 'basic', body: 'form', pkce: 'checked', rotation: 'always', failures,
    answer: ({ accessToken, refreshToken, scopes }) => ({ access_token: accessToken, refresh_token: refreshToken, scope: scopes.join(',') }),
    refreshed: ({ accessToken, refreshToken }) => ({ access_token: accessToken, refresh_token: refreshToken })
  },
  api: { 'GET https://api.v.example/me': { answer: (grant) => ({ body: { scopes: grant?.scopes } }) } },
  revocation: { route: 'POST https://v.example/revoke', authentication: 'none', ends: 'grant', answers: { done: { status: 204 }, unknown: { status: 400, body: { error: 'unknown' } } } }
}
const verifier = 'verifier-'.repeat(6)
const query = {
  client_id: 'client', redirect_uri: redirectUri, response_type: 'code', state: 's', scope: 'a b', audience: 'api',
  code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256'
}
const basic = { authorization: `Basic ${btoa('client:secret')}` }
const form = (fields: Record<string, string>, headers: Record<string, string> = basic): RequestInit => ({ method: 'POST', headers, body: new URLSearchParams(fields) })
const urlOf = (parameters: Record<string, string>) => new URL(`https://v.example/authorize?${new URLSearchParams(parameters).toString()}`)

async function vendor (t: { teardown: (run: () => Promise<void>) => void }, changes: Partial<VendorDescription['token']> = {}) {
  const local = await startVendor({ ...description, token: { ...description.token, ...changes } })
  t.teardown(() => local.close())
  const code = async (parameters: Record<string, string> = query) => (await local.authorize(urlOf(parameters))).get('code') ?? ''
  const token = async (fields: Record<string, string>, headers?: Record<string, string>) => (await local.fetch('https://v.example/token', form(fields, headers))).json() as Promise<Record<string, string>>
  const exchange = async (fields: Record<string, string> = {}, headers?: Record<string, string>) =>
    token({ grant_type: 'authorization_code', code: await code(), redirect_uri: redirectUri, code_verifier: verifier, ...fields }, headers)
  return { local, code, token, exchange }
}

t.test('a vendor refuses what its page forbids', async (t) => {
  const { local, code, exchange, token } = await vendor(t)
  for (const change of [{ client_id: 'other' }, { redirect_uri: 'https://evil.example/' }, { response_type: 'token' }, { audience: '' }]) {
    await t.rejects(local.authorize(urlOf({ ...query, ...change })), JSON.stringify(change))
  }
  for (const [name, fields, headers, error] of [
    ['another verifier', { code_verifier: 'x' }, basic, 'invalid_grant'],
    ['another redirect URI', { redirect_uri: 'https://evil.example/' }, basic, 'invalid_grant'],
    ['another code', { code: 'x' }, basic, 'invalid_grant'],
    ['no secret', {}, {}, 'invalid_client'],
    ['the secret elsewhere', { client_id: 'client', client_secret: 'secret' }, {}, 'invalid_client'],
    ['another secret', {}, { authorization: `Basic ${btoa('client:other')}` }, 'invalid_client']
  ] as const) {
    t.equal((await exchange({ ...fields }, { ...headers })).error, error, name)
  }
  const once = await code()
  t.ok((await exchange({ code: once })).access_token)
  t.equal((await exchange({ code: once })).error, 'invalid_grant', 'a code twice')
  const { code_challenge: _challenge, ...without } = query
  t.equal((await exchange({ code: await code(without) })).error, 'invalid_grant', 'without a challenge')
  const { refresh_token: spent = '' } = await exchange()
  t.ok((await token({ grant_type: 'refresh_token', refresh_token: spent })).access_token)
  t.equal((await token({ grant_type: 'refresh_token', refresh_token: spent })).error, 'invalid_grant', 'a refresh token twice')
})

t.test('the true addresses are seen, and an unknown one is a stray', async (t) => {
  const { local, exchange } = await vendor(t)
  const { access_token: accessToken = '' } = await exchange()
  const me = async (token: string, host = 'api') => local.fetch(`https://${host}.v.example/me`, { headers: { authorization: `Bearer ${token}` } })
  t.same(await (await me(accessToken)).json(), { scopes: ['a', 'b'] })
  t.equal((await me('other')).status, 401)
  t.equal((await me(accessToken, 'other')).status, 404)
  t.same(local.strays.map(({ url }) => url.href), ['https://other.v.example/me'])
  t.equal(local.requests.at(-1)?.url.host, 'other.v.example')
})

t.test('what was ended does not hold', async (t) => {
  const { local, exchange } = await vendor(t)
  const { access_token: accessToken = '', refresh_token: refreshToken = '' } = await exchange()
  t.equal((await local.fetch('https://v.example/revoke', form({ token: refreshToken }, {}))).status, 204)
  t.notOk(local.accessTokens.has(accessToken) || local.refreshTokens.has(refreshToken))
  t.equal((await local.fetch('https://v.example/revoke', form({ token: refreshToken }, {}))).status, 400)
})

t.test('scopes that the person takes out, and answers in a form', async (t) => {
  const { local, exchange } = await vendor(t, { form: 'unless-asked' })
  local.declined.add('b')
  t.equal((await exchange({}, { ...basic, accept: 'application/json' })).scope, 'a')
  const code = (await local.authorize(urlOf(query))).get('code') ?? ''
  const answer = await local.fetch('https://v.example/token', form({ grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }))
  t.match(answer.headers.get('content-type'), /^application\/x-www-form-urlencoded/)
  t.equal(new URLSearchParams(await answer.text()).get('scope'), 'a')
})
