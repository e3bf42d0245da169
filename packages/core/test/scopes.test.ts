import * as fc from 'fast-check'
import t from 'tap'
import { isScope, missingScopes, unionScopes } from '../src/scopes.ts'

const covered = { repo: ['repo:status', 'public_repo'], admin: ['repo', 'admin'], email: ['mail'], mail: ['email'] }

t.test('a scope covers its other names and the narrower ones, and what these cover', async (t) => {
  t.same(missingScopes({ scopes: ['repo'] }, ['public_repo', 'repo', 'user'], covered), ['user'])
  t.same(missingScopes({ scopes: ['admin'] }, ['public_repo'], covered), [])
  t.same(missingScopes({ scopes: ['public_repo'] }, ['repo'], covered), ['repo'], 'not the other way round')
  t.same(missingScopes({ scopes: ['mail'] }, ['email', 'mail'], covered), [])
  t.same(missingScopes({ scopes: ['email'] }, ['mail'], covered), [])
})

t.test('scopes are compared as they are written, and know no prototype', async (t) => {
  t.same(missingScopes({ scopes: ['Repo'] }, ['repo'], covered), ['repo'])
  t.same(missingScopes({ scopes: ['constructor', '__proto__', 'toString'] }, ['repo'], covered), ['repo'])
})

t.test('covering adds and never takes away; the union keeps the order of first mention', async () => {
  const scopes = fc.subarray(['repo', 'public_repo', 'admin', 'email', 'mail', 'user'])
  fc.assert(fc.property(scopes, scopes, scopes, (granted, more, required) => {
    const plain = missingScopes({ scopes: granted }, required)
    const missing = missingScopes({ scopes: granted }, required, covered)
    if (missing.some((scope) => !plain.includes(scope))) throw new Error('took away')
    const wider = missingScopes({ scopes: unionScopes(granted, more) }, required, covered)
    if (wider.some((scope) => !missing.includes(scope))) throw new Error('more granted, more missing')
    const union = unionScopes(granted, more)
    if (union.length !== new Set(union).size || granted.some((scope, index) => union[index] !== scope)) throw new Error('order')
  }))
})

t.test('T15: a scope is what RFC 6749 section 3.3 says', async (t) => {
  for (const scope of ['a', 'https://www.googleapis.com/auth/calendar', '*', "it's", 'a[b]']) t.ok(isScope(scope), scope)
  for (const scope of ['', 'a b', 'a"b', 'a\\b', 'ä', 'a\n', 7, null]) t.notOk(isScope(scope), JSON.stringify(scope))
})
