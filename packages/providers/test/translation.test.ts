import t from 'tap'
import { github } from '../src/vendors/github.ts'
import { translation } from '../src/translation.ts'
import type { PlainVendor } from '../src/vendor.ts'

const vendor: PlainVendor = {
  label: 'V', clientAuthentication: 'client_secret_post', defaultScopes: [],
  authorizationEndpoint: 'https://v.example/a', tokenEndpoint: 'https://v.example/t', revocationEndpoint: 'https://v.example/r'
}

/** What a token answer becomes. */
async function answered (changes: Partial<PlainVendor>, body: unknown, init: ResponseInit = {}): Promise<{ status: number, body: unknown }> {
  const fetch = translation({ ...vendor, ...changes })(async () => new Response(typeof body === 'string' ? body : JSON.stringify(body), init))
  const response = await fetch('https://v.example/t', { method: 'POST', body: new URLSearchParams() })
  return { status: response.status, body: await response.json().catch(() => undefined) }
}

t.test('an answer in a form', async (t) => {
  const form = { headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' } }
  t.match(await answered({}, 'access_token=at-1&scope=a%2Cb&token_type=bearer', form), { body: { access_token: 'at-1', scope: 'a,b', token_type: 'bearer' } })
  t.match(await answered({ errors: { bad: 'invalid_grant' } }, 'error=bad&error_description=x', form), { body: { error: 'invalid_grant' } })
})

t.test('scopes by their separator, in a list, under another name, or not there', async (t) => {
  const scopeOf = async (changes: Partial<PlainVendor>, body: object) => ((await answered(changes, { access_token: 'a', ...body })).body as { scope?: unknown }).scope
  t.equal(await scopeOf({ answer: { scopeSeparator: ',' } }, { scope: 'a,b' }), 'a b')
  t.equal(await scopeOf({ scopeSeparator: ',' }, { scope: 'a,b' }), 'a b')
  t.equal(await scopeOf({ scopeSeparator: ',' }, { scope: 'a b' }), 'a b')
  t.equal(await scopeOf({}, { scope: 'a,b' }), 'a,b')
  t.equal(await scopeOf({ answer: { scope: 'scopes' } }, { scopes: ['a', 'b'] }), 'a b')
  t.equal(await scopeOf({}, { scope: null }), null)
})

t.test('lifetimes that are not sent, or sent and not meant', async (t) => {
  const lifetimeOf = async (answer: NonNullable<PlainVendor['answer']>, body: object) => ((await answered({ answer }, { access_token: 'a', ...body })).body as { expires_in?: unknown }).expires_in
  t.equal(await lifetimeOf({ lifetime: 7200 }, {}), 7200)
  t.equal(await lifetimeOf({ lifetime: 7200 }, { expires_in: 60 }), 60)
  t.equal(await lifetimeOf({ lifetime: 'endless' }, { expires_in: 0 }), undefined)
  t.equal(await lifetimeOf({}, {}), null, 'null counts as absent')
})

t.test('errors by code, by description, by number, at another place', async (t) => {
  const errorOf = async (changes: Partial<PlainVendor>, body: object) => (await answered(changes, body, { status: 400 })).body
  t.same(await errorOf({ errors: { own: 'invalid_client' } }, { error: 'own' }), { error: 'invalid_client' })
  t.same(await errorOf({ errors: { 'own: over': 'invalid_grant' } }, { error: 'own', error_description: 'over' }), { error: 'invalid_grant' })
  t.same(await errorOf({ errors: { 'own: over': 'invalid_grant' } }, { error: 'own', error_description: 'other' }), { error: 'own' })
  t.same(await errorOf({ errors: { 'own: over': 'invalid_grant' } }, { error: 'own', reason: 'over' }), { error: 'invalid_grant' })
  t.same(await errorOf({ errors: { 400: 'invalid_grant' } }, { error: 400, message: 'x' }), { error: 'invalid_grant' })
  t.same(await errorOf({ errorPath: 'error.code', errors: { 1: 'invalid_client' } }, { error: { code: 1 } }), { error: 'invalid_client' })
  t.same(await errorOf({ errors: {} }, { error: 'constructor' }), { error: 'constructor' }, 'T15')
})

t.test('T15: members that every object has are no answer', async (t) => {
  t.match((await answered({ answer: { within: '__proto__' } }, { access_token: 'a' })).body, { access_token: 'a' })
  t.match((await answered({ errorPath: 'constructor.name' }, { access_token: 'a' })).body, { access_token: 'a' })
  t.notOk('polluted' in ((await answered({ answer: { within: 'x' } }, '{"access_token":"a","__proto__":{"polluted":1}}')).body as object))
})

t.test('failures of the server, and other addresses, pass as they are', async (t) => {
  t.same(await answered({ errors: { own: 'invalid_grant' } }, { error: 'own' }, { status: 503 }), { status: 503, body: { error: 'own' } })
  const fetch = translation({ ...vendor, requestBody: 'json' })(async (_input, init) => Response.json({ error: 'own', type: new Headers(init?.headers).get('content-type') }))
  t.same(await (await fetch('https://v.example/api', { method: 'POST', body: new URLSearchParams({ a: '1' }) })).json(), { error: 'own', type: null })
})

t.test('RFC 7009 section 2.2: an ending without a body is one of 200', async (t) => {
  const fetch = translation(vendor)(async () => new Response(null, { status: 204 }))
  t.equal((await fetch('https://v.example/r', { method: 'POST', body: new URLSearchParams() })).status, 200)
  t.equal((await fetch('https://v.example/api')).status, 204)
})

t.test('every request has a name', async (t) => {
  const agents: Array<string | null> = []
  const fetch = async (_input: string | URL, init?: RequestInit) => {
    agents.push(new Headers(init?.headers).get('user-agent'))
    return new Response('{}')
  }
  await github({ clientId: 'c', clientSecret: 's', fetch }).userInfo({ accessToken: 'at-1', tokenType: 'bearer' }).catch(() => {})
  t.same(agents[0], 'consentry', 'https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#user-agent')
})
