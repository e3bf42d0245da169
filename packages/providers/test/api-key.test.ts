import type { FormProvider } from '@consentry/core'
import type { HostileProvider } from '@consentry/testing'
import t from 'tap'
import type { Test } from 'tap'
import { apiKey } from '../src/api-key.ts'
import type { ApiKeyOptions } from '../src/api-key.ts'
import { fails, hostile } from './helpers.ts'

const refused = 'CONSENTRY_ERR_SECRET_REFUSED'
const unavailable = 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'
const canary = 'canary-api-key'
const check = { scopes: [] }

function weather (t: Test, op: HostileProvider, options: Partial<ApiKeyOptions> = {}): FormProvider {
  const provider = apiKey({ label: 'Weather', probe: `${op.issuer}/userinfo`, allowInsecureLoopback: true, ...options })
  t.teardown(async () => provider.close?.())
  return provider
}

t.test('seed E: token forms: an API key is typed, tried and kept', async (t) => {
  const op = await hostile(t)
  op.account.id = 7
  const { host, origin } = new URL(op.issuer)
  const provider = weather(t, op, { subjectClaim: 'id', hint: 'Settings, Developer', helpUrl: 'https://weather.example/settings#keys', scopes: ['read'] })
  t.match(provider, {
    kind: 'form', label: 'Weather', host, issuer: origin, defaultScopes: ['read'], helpUrl: 'https://weather.example/settings#keys',
    fields: [{ name: 'api_key', label: 'API key', hint: 'Settings, Developer', secret: true }]
  })
  const tokens = await provider.submit({ api_key: ` ${canary}\n` }, check)
  t.same(tokens, { accessToken: canary, tokenType: 'api_key', account: { issuer: origin, subject: '7', claims: { sub: 'alice', id: 7 } } })
  const [sent] = op.ledger.requests.userinfo
  t.equal(sent?.headers.authorization, `Bearer ${canary}`)
  t.equal(sent?.url.href, `${op.issuer}/userinfo`, 'in no URL')
  t.match(await provider.userInfo(tokens), { subject: '7' })
  t.equal(await provider.revoke(tokens), false)
  t.notOk('refresh' in provider)
})

t.test('seed E: token forms: what cannot be a key is refused before anybody is asked', async (t) => {
  const op = await hostile(t)
  const provider = weather(t, op)
  const odd: Array<Record<string, string>> = [
    {}, { api_key: '' }, { api_key: '  ' }, { api_key: `${canary}\r\nx-evil: 1` }, { api_key: `${canary}\0` }, { api_key: `${canary} b` },
    { api_key: `${canary}ä` }, { api_key: canary.repeat(400) }, { key: canary }, Object.create({ api_key: canary }) as Record<string, string>
  ]
  for (const values of odd) await fails(t, provider.submit(values, check), refused, JSON.stringify(values).slice(0, 60), [canary])
  t.equal(op.ledger.requests.userinfo.length, 0)
})

t.test('seed E: token forms: the probe tells a wrong key from an outage', async (t) => {
  const op = await hostile(t)
  for (const [status, code] of [[401, refused], [403, refused], [400, unavailable], [404, unavailable], [429, unavailable], [500, unavailable], [302, unavailable]] as const) {
    op.overrides.userinfo = () => ({ status, headers: { location: 'https://evil.example/' }, body: 'provider text' })
    await fails(t, weather(t, op).submit({ api_key: canary }, check), code, String(status), [canary])
  }
  op.overrides.userinfo = () => ({ status: 401, body: '' })
  await fails(t, weather(t, op).userInfo({ accessToken: canary, tokenType: 'api_key' }), 'CONSENTRY_ERR_PROVIDER_REFUSED', 'later', [canary])
  op.overrides.userinfo = () => undefined
  await fails(t, weather(t, op, { timeout: 100 }).submit({ api_key: canary }, check), unavailable, 'hangs', [canary])
  op.overrides.userinfo = () => ({ status: 204, body: '' })
  t.same(await weather(t, op).submit({ api_key: canary }, check), { accessToken: canary, tokenType: 'api_key' }, 'a yes without a body')
  for (const body of [{ name: 'no id' }, { id: 'a\nb' }, []]) {
    op.overrides.userinfo = () => ({ body })
    await fails(t, weather(t, op, { subjectClaim: 'id' }).submit({ api_key: canary }, check), 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID', JSON.stringify(body), [canary])
  }
})

t.test('seed E: token forms: a probe of the application', async (t) => {
  const op = await hostile(t)
  const { host } = new URL(op.issuer)
  const accepts = (probe: NonNullable<ApiKeyOptions['probe']>) => weather(t, op, { host, issuer: op.issuer, probe }).submit({ api_key: canary }, check)
  const asked = await accepts(async (request) => {
    const response = await request(`${op.issuer}/userinfo`)
    const { sub } = await response.json() as { sub: string }
    return { subject: sub, claims: { plan: 'free' } }
  })
  t.same(asked.account, { issuer: op.issuer, subject: 'alice', claims: { plan: 'free' } })
  t.equal(op.ledger.requests.userinfo[0]?.headers.authorization, `Bearer ${canary}`)
  t.notOk('account' in await accepts(() => true))
  await fails(t, accepts(() => false), refused, 'no', [canary])
  await fails(t, accepts(() => ({ subject: '' })), 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID', 'nobody', [canary])
  await fails(t, accepts(async (request) => (await request('https://evil.example/')).ok), 'CONSENTRY_ERR_HOST_REFUSED', 'another host', [canary])
  await fails(t, accepts(() => { throw new Error(canary) }), 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID', 'B17: an error that holds the key', [canary])
  op.overrides.userinfo = () => ({ status: 503, body: '' })
  await fails(t, accepts(async (request) => (await request(`${op.issuer}/userinfo`)).ok), unavailable, 'an outage', [canary])
})

t.test('a key is sent the way the provider wants it', async (t) => {
  const op = await hostile(t)
  for (const [options, header, value] of [
    [{}, 'authorization', `Bearer ${canary}`],
    [{ scheme: 'Token' }, 'authorization', `Token ${canary}`],
    [{ scheme: '' }, 'authorization', canary],
    [{ header: 'X-API-Key' }, 'x-api-key', canary],
    [{ header: 'X-Auth', scheme: 'Key' }, 'x-auth', `Key ${canary}`]
  ] as const) {
    const provider = weather(t, op, options)
    await provider.resourceRequest?.({ accessToken: canary, tokenType: 'api_key' }, new URL(`${op.issuer}/userinfo`), { headers: { 'x-own': 'kept', [header]: 'other' } }, fetch)
    const sent = op.ledger.requests.userinfo.pop()
    t.equal(sent?.headers[header], value)
    t.equal(sent?.headers['x-own'], 'kept')
  }
})

t.test('a key goes to the hosts of its provider and to no other', async (t) => {
  const op = await hostile(t)
  const other = await hostile(t)
  const tokens = { accessToken: canary, tokenType: 'api_key' }
  const provider = weather(t, op, { header: 'x-api-key' })
  const send = (url: string, from = provider) => from.resourceRequest?.(tokens, new URL(url), {}, fetch) ?? Promise.reject(new Error('none'))
  for (const url of [`${other.issuer}/userinfo`, 'https://evil.example/', `http://user:pass@${new URL(op.issuer).host}/`, 'https://127.0.0.1/', op.issuer.replace('127.0.0.1', 'localhost')]) {
    await fails(t, send(url), 'CONSENTRY_ERR_HOST_REFUSED', url, [canary])
  }
  t.equal(other.ledger.requests.userinfo.length, 0)
  const { host } = new URL(other.issuer)
  t.equal((await send(`${other.issuer}/userinfo`, weather(t, op, { resourceHosts: [host] }))).status, 200, 'when it is allowed')
  t.equal(other.ledger.requests.userinfo.length, 1)

  op.overrides.userinfo = () => ({ status: 302, headers: { location: `${other.issuer}/userinfo` } })
  t.equal((await send(`${op.issuer}/userinfo`)).status, 302, 'a redirect is not followed')
  t.equal(other.ledger.requests.userinfo.length, 1)
  const distant = apiKey({ label: 'Weather', host: 'api.weather.example' })
  await fails(t, send('http://api.weather.example/', distant), 'CONSENTRY_ERR_HOST_REFUSED', 'not by http', [canary])
})

t.test('T17: options of a form', (t) => {
  const create = (options: Record<string, unknown>) => () => apiKey({ label: 'Weather', host: 'api.weather.example', ...options })
  t.match(create({})(), { host: 'api.weather.example', issuer: 'https://api.weather.example' })
  t.match(apiKey({ label: 'Weather', issuer: 'https://weather.example/' }), { host: 'weather.example', issuer: 'https://weather.example/' })
  for (const options of [
    { label: '' }, { label: undefined }, { host: undefined }, { host: 'https://x.example' }, { host: 'x.example/path' }, { host: 'user@x.example' }, { host: 'UPPER.example' },
    { host: 'localhost' }, { host: '10.0.0.1' }, { host: '*.example' }, { resourceHosts: [''] }, { resourceHosts: ['a b'] }, { issuer: 'http://x.example' },
    { helpUrl: 'javascript:alert(1)' }, { helpUrl: 'http://x.example' }, { helpUrl: '/keys' }, { probe: 'https://evil.example/me' }, { probe: 'http://api.weather.example/me' },
    { subjectClaim: 'id' }, { probe: 'https://api.weather.example/me', subjectClaim: '' }, { header: 'X Key' }, { header: 'Cookie' }, { header: 'host' }, { header: '' },
    { scheme: 'Bearer ' }, { scheme: 'a\nb' }, { timeout: 0 }, { scopes: ['a b'] }
  ]) {
    t.throws(create(options), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' }, JSON.stringify(options))
  }
  t.end()
})
