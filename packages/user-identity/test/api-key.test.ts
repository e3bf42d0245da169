import { createClock } from '@consentry/testing'
import t from 'tap'
import { apiKeyIssuer, createApiKey, createIdentity, hashApiKey, userId, type ApiKey } from '../src/index.ts'
import { json, testServer } from './server.ts'

const secret = 'a secret of the tests that is long enough'
const invalid = { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' }

function setup (keys: Record<string, ApiKey>, secrets: string | string[] = secret) {
  const clock = createClock()
  const asked: string[] = []
  const table = new Map(Object.entries(keys).map(([key, entry]) => [hashApiKey(key, secret), entry]))
  const find = (hash: string) => {
    asked.push(hash)
    return table.get(hash)
  }
  return { clock, asked, table, identity: createIdentity({ apiKey: { secret: secrets, find }, clock }) }
}

t.test('seed B: X-API-Key, or a bearer token that has not exactly two dots', async (t) => {
  const { identity } = setup({ 'key-1': { id: 'ci', claims: { name: 'CI', roles: ['deploy'], scope: 'read', sub: 'admin', iss: 'https://evil.example' } } })
  for (const headers of [{ 'x-api-key': 'key-1' }, { authorization: 'Bearer key-1' }]) {
    t.match(await identity.identify(headers), { userInfo: { source: 'api_key', verified: true, issuer: apiKeyIssuer, subject: 'ci', name: 'CI', roles: ['deploy'], scopes: ['read'] } })
    t.equal((await identity.identify(headers))?.userInfo.userId, userId({ issuer: apiKeyIssuer, subject: 'ci' }), 'B1: the id of the key')
  }
  for (const headers of [{ 'x-api-key': 'key-2' }, { 'x-api-key': '' }, { 'x-api-key': 'key-1 ' }, { 'x-api-key': ['key-1', 'key-1'] }, { authorization: 'Bearer key-2' }, { authorization: 'Basic key-1' }]) {
    await t.rejects(identity.identify(headers as Record<string, string>), invalid, JSON.stringify(headers))
  }
})

t.test('an opaque bearer token is an API key, or else one for its issuer; X-API-Key is only an API key', async (t) => {
  const server = await testServer(t, json({ active: true, sub: 'carol', aud: 'api', token_type: 'Bearer' }))
  const introspection = { issuer: 'https://issuer.example.com', introspectionEndpoint: server.url, clientId: 'api', clientSecret: 's', audience: 'api' }
  const identity = createIdentity({ apiKey: { secret, find: (hash) => hash === hashApiKey('key-1', secret) ? { id: 'ci' } : null }, introspection })
  t.match(await identity.identify({ authorization: 'Bearer key-1' }), { userInfo: { source: 'api_key' } })
  t.equal(server.requests, 0)
  t.match(await identity.identify({ authorization: 'Bearer opaque' }), { userInfo: { source: 'jwt', subject: 'carol' } })
  t.equal(server.requests, 1)
  await t.rejects(identity.identify({ 'x-api-key': 'opaque' }), invalid)
  await t.rejects(createIdentity({ introspection }).identify({ 'x-api-key': 'opaque' }), invalid)
  t.equal(server.requests, 1)
})

t.test('T12: keys are looked up by a keyed hash', async (t) => {
  const { key, hash } = createApiKey(secret, 'ci_')
  t.match(key, /^ci_[\w-]{43}$/)
  t.equal(hash, hashApiKey(key, secret))
  t.not(hash, hashApiKey(key, `${secret}!`))
  t.not(key, createApiKey(secret).key)
  const { identity, asked } = setup({ [key]: { id: 'ci' } })
  await identity.identify({ 'x-api-key': key })
  t.same(asked, [hash])
  t.notOk(JSON.stringify(asked).includes(key))
})

t.test('a secret can be changed: the older hashes are still found', async (t) => {
  const { identity } = setup({ 'key-1': { id: 'ci' } }, ['another secret, which is also long enough', secret])
  t.ok(await identity.identify({ 'x-api-key': 'key-1' }))
  const { identity: without } = setup({ 'key-1': { id: 'ci' } }, ['another secret, which is also long enough'])
  await t.rejects(without.identify({ 'x-api-key': 'key-1' }), invalid)
})

t.test('T18: an expired key is refused, a withdrawn one within the lifetime, or at once when forgotten', async (t) => {
  const { identity, clock, table, asked } = setup({ short: { id: 'short', expiresAt: Math.floor(Date.now() / 1000) + 30 }, long: { id: 'long' }, odd: { id: 'odd', expiresAt: NaN }, nobody: { id: '', claims: { email: 'a@example.com' } } })
  const identify = (key: string) => identity.identify({ 'x-api-key': key })
  t.type((await identify('short'))?.userInfo.expiresAt, 'number')
  await clock.advance(31_000)
  await t.rejects(identify('short'), invalid)
  await t.rejects(identify('odd'), invalid, 'an expiry that is no number')
  await t.rejects(identify('nobody'), invalid, 'a key without an id is nobody, whatever its e-mail')
  const before = asked.length
  const caller = await identify('long')
  table.clear()
  t.ok(await identify('long'))
  t.equal(asked.length, before + 1)
  identity.forget('someone-else')
  t.ok(await identify('long'))
  identity.forget(caller?.userInfo.userId)
  await t.rejects(identify('long'), invalid)
})

t.test('a table that cannot be asked makes nobody a stranger', async (t) => {
  const identity = createIdentity({ apiKey: { secret, find: async () => { throw new Error('the database is away: password hunter2') } } })
  await t.rejects(identity.identify({ 'x-api-key': 'key-1' }), { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE', message: /^((?!hunter2).)*$/ })
})

t.test('T17: options that make no sense are refused', async (t) => {
  const find = () => undefined
  for (const bad of [{ secret: 'short', find }, { secret: [], find }, { secret: [secret, ''], find }, { secret: undefined, find }, { secret }]) {
    t.throws(() => createIdentity({ apiKey: bad as never }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
  }
})
