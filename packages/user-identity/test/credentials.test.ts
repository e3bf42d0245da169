import fc from 'fast-check'
import { ConsentryError } from '@consentry/core'
import t from 'tap'
import { cookieValues, createIdentity, hashApiKey, readAuthMessage, readCredentials, userInfoFromClaims, type IdentityOptions } from '../src/index.ts'
import { audience, testIssuer } from './issuer.ts'

const secret = 'a secret of the tests that is long enough'
const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string())
const token = fc.array(fc.string({ unit: fc.constantFrom('a', 'Z', '0', '-', '_', '.', '~', '+', '/', '='), maxLength: 20 }), { maxLength: 5 }).map((parts) => parts.join('.'))
const segment = fc.oneof(fc.json(), anyText).map((text) => Buffer.from(text).toString('base64url'))
const jwt = fc.tuple(segment, segment, segment).map((parts) => parts.join('.'))
const authorization = fc.oneof(
  anyText,
  fc.tuple(fc.constantFrom('Bearer ', 'bearer ', 'Basic ', 'BASIC ', 'Digest ', ''), fc.oneof(anyText, token, jwt)).map((parts) => parts.join('')),
  anyText.map((text) => `Basic ${Buffer.from(text).toString('base64')}`),
  fc.uint8Array().map((bytes) => `Basic ${Buffer.from(bytes).toString('base64')}`)
)
const headers = fc.oneof(
  fc.record({ authorization, cookie: fc.oneof(anyText, anyText.map((text) => `s=${text}`)), 'x-api-key': fc.oneof(anyText, token) }, { requiredKeys: [] }),
  fc.dictionary(fc.constantFrom('authorization', 'Authorization', 'cookie', 'X-API-KEY', 'headers', '__proto__', 'constructor'), fc.anything())
)

async function identities () {
  const { issuer, jwk } = await testIssuer()
  const options: IdentityOptions<string> = {
    session: { cookie: 's', find: async (text) => text === '' ? undefined : text, userInfo: (text) => userInfoFromClaims({ iss: 'i', sub: text }, { source: 'session', verified: true }) },
    apiKey: { secret, find: (hash) => hash === hashApiKey('a', secret) ? { id: 'a' } : undefined },
    basic: { realm: 'r', check: (username) => username.length % 2 === 0 }
  }
  return [createIdentity<string>({ ...options, jwt: { issuers: [{ issuer, audience, jwks: { keys: [jwk] } }] } }), createIdentity<string>({ trust: 'upstream' })]
}

function isCoded (error: unknown): boolean {
  return ConsentryError.is(error, 'CONSENTRY_ERR_CREDENTIAL_INVALID') || ConsentryError.is(error, 'CONSENTRY_ERR_CREDENTIAL_CONFLICT')
}

t.test('T15: no request makes anything but null, a UserInfo or a coded error', async (t) => {
  for (const identity of await identities()) {
    await fc.assert(fc.asyncProperty(headers, async (source) => {
      try {
        const caller = await identity.identify(source as never)
        return caller === null || (/^[0-9a-f-]{36}$/.test(caller.userInfo.userId) && Object.isFrozen(caller.userInfo))
      } catch (error) {
        return isCoded(error)
      }
    }), { numRuns: 3000 })
  }
  t.same(({} as Record<string, unknown>)['polluted'], undefined)
})

t.test('T15: no message makes anything but a UserInfo or a coded error', async () => {
  const message = fc.oneof(fc.anything(), fc.record({
    type: fc.constantFrom('auth', 'other'), method: fc.oneof(fc.constantFrom('jwt', 'api_key', 'basic'), fc.anything()), token: fc.oneof(token, jwt, fc.anything()), username: fc.oneof(anyText, fc.anything()), password: fc.oneof(anyText, fc.anything())
  }, { requiredKeys: [] }))
  for (const identity of await identities()) {
    await fc.assert(fc.asyncProperty(message, async (given) => {
      try {
        return /^[0-9a-f-]{36}$/.test((await identity.authenticate(readAuthMessage(given))).userId)
      } catch (error) {
        return isCoded(error)
      }
    }), { numRuns: 2000 })
  }
})

t.test('T15: no claims make anything but a UserInfo or a coded error', async (t) => {
  const names = ['sub', 'iss', 'email', 'name', 'given_name', 'roles', 'groups', 'scope', 'aud', 'exp', 'iat', 'azp', 'realm_access', '__proto__', 'constructor']
  fc.assert(fc.property(fc.dictionary(fc.constantFrom(...names), fc.oneof(fc.jsonValue(), fc.constantFrom('carol', 'Carol Danvers', 1e300, -1, 1.5))), (claims) => {
    try {
      const info = userInfoFromClaims({ iss: 'i', sub: 's', ...claims }, { source: 'jwt', verified: true })
      return [info.groups, info.roles, info.scopes, info.audience].every((list) => Array.isArray(list) && list.every((item) => typeof item === 'string'))
    } catch (error) {
      return isCoded(error)
    }
  }), { numRuns: 3000 })
  const polluting = JSON.parse('{ "iss": "i", "sub": "s", "__proto__": { "groups": ["admins"] }, "x": { "__proto__": { "y": 1 } } }') as Record<string, unknown>
  const info = userInfoFromClaims(polluting, { source: 'jwt', verified: true })
  t.same(info.groups, [])
  t.equal(Object.getPrototypeOf(info.claims), Object.prototype)
  t.equal((info.claims['x'] as { y?: number }).y, undefined)
  const deep = JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`) as unknown
  t.throws(() => userInfoFromClaims({ iss: 'i', sub: 's', deep }, { source: 'jwt', verified: true }), { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' })
})

t.test('T15: what is very long is read or refused', async (t) => {
  const inputs: Array<[string, (size: number) => unknown]> = [
    ['cookies', (size) => readCredentials({ cookie: 's=1; a=b;'.repeat(size / 10).replace('s=1', '') }, 'x')],
    ['blanks in cookies', (size) => cookieValues(`${' '.repeat(size)}a${' '.repeat(size)}`, 's')],
    ['dots', (size) => readCredentials({ authorization: `Bearer ${'.'.repeat(size)}` })],
    ['equals signs', (size) => readCredentials({ authorization: `Bearer ${'='.repeat(size)}x` })],
    ['base64', (size) => readCredentials({ authorization: `Basic ${'A'.repeat(size)}!` })],
    ['API keys', (size) => readCredentials({ 'x-api-key': `${'a'.repeat(size)} ` })],
    ['user names', (size) => readAuthMessage({ type: 'auth', method: 'basic', username: '\u0344'.repeat(size), password: '' })],
    ['names', (size) => userInfoFromClaims({ iss: 'i', sub: 's', name: `a${' '.repeat(size)}b` }, { source: 'jwt', verified: true })],
    ['scopes', (size) => userInfoFromClaims({ iss: 'i', sub: 's', scope: ' a'.repeat(size / 2) }, { source: 'jwt', verified: true })],
    ['headers', (size) => readCredentials(Object.fromEntries(Array.from({ length: size / 100 }, (_, n) => [`x-${n}`, 'y'])))]
  ]
  for (const [what, work] of inputs) {
    try {
      t.not(work(1_000_000), undefined, what)
    } catch (error) {
      t.ok(isCoded(error), what)
    }
  }
})

t.test('cookies are found by their whole name, in order', async (t) => {
  fc.assert(fc.property(fc.array(fc.string().filter((value) => !/[;\s]/.test(value))), (values) => {
    t.same(cookieValues(values.map((value) => `s=${value}`).join('; '), 's'), values)
  }), { numRuns: 200 })
  t.same(cookieValues('xs=1; s =2; s=3;s=4; S=5', 's'), ['3', '4'])
})
