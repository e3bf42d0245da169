import fc from 'fast-check'
import { ConsentryError } from '@consentry/core'
import t from 'tap'
import { cookieValues, createIdentity, readCredentials, userInfoFromClaims } from '../src/index.ts'
import { audience, testIssuer } from './issuer.ts'

const cookie = '__Host-session'
const session = { find: async (secret: string) => secret === 'good' ? { id: 's' } : undefined, cookie }

t.test('who presents what is who they are', async (t) => {
  const { issuer, jwk, sign } = await testIssuer()
  const person = userInfoFromClaims({ iss: issuer, sub: 'carol' }, { source: 'session', verified: true })
  const identity = createIdentity({ session: { ...session, userInfo: () => person }, jwt: { issuers: [{ issuer, audience, jwks: { keys: [jwk] } }] } })
  const token = await sign()
  t.equal(await identity.identify({}), null)
  t.equal(await identity.identify({ cookie: 'other=1; __Host-sessionx=good' }), null)
  t.match(await identity.identify({ cookie: `a=b; ${cookie}=good` }), { userInfo: person, session: { id: 's' } })
  t.match(await identity.identify({ authorization: `Bearer ${token}` }), { userInfo: { source: 'jwt', userId: person.userId } })
  t.match(await identity.identify(new Headers({ authorization: `bearer ${token}` })), { userInfo: { source: 'jwt' } }, 'a Web request, and the scheme in any case')
  t.match(await identity.identify(new Request('https://x.example', { headers: { authorization: `Bearer ${token}` } }).headers), { userInfo: { source: 'jwt' } })
  t.match(await identity.identify({ authorization: `Bearer ${token}`, cookie: `${cookie}=good` }), { session: { id: 's' } }, 'two that agree')

  const bad = (headers: Record<string, string | string[]>, code = 'CONSENTRY_ERR_CREDENTIAL_INVALID') => t.rejects(identity.identify(headers), { code }, JSON.stringify(headers).slice(0, 70))
  await bad({ authorization: `Bearer ${await sign({ sub: 'dave' })}`, cookie: `${cookie}=good` }, 'CONSENTRY_ERR_CREDENTIAL_CONFLICT')
  await bad({ authorization: `Bearer ${token}x`, cookie: `${cookie}=good` })
  await bad({ authorization: `Bearer ${token}`, cookie: `${cookie}=bad` })
  await bad({ cookie: `${cookie}=bad` })
  await bad({ cookie: `${cookie}=` })
  await bad({ cookie: `${cookie}=good; ${cookie}=good` })
  await bad({ authorization: ['Bearer a.b.c', 'Bearer a.b.c'] })
  for (const authorization of ['', 'Bearer', 'Bearer ', `Bearer  ${token}`, `Basic ${token}`, token, 'Bearer a.b', 'Bearer a.b.c.d', `Bearer ${'a'.repeat(20_000)}.b.c`, `Bearer ${token} `, 'Bearer a.b.c\u0000']) await bad({ authorization })
})

t.test('without verification set up, a token is refused and not read', async (t) => {
  const identity = createIdentity({ session: { ...session, userInfo: () => userInfoFromClaims({ iss: 'i', sub: 's' }, { source: 'session', verified: true }) } })
  const { sign } = await testIssuer()
  await t.rejects(identity.identify({ authorization: `Bearer ${await sign()}` }), { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' })
})

t.test('a store that cannot be asked is an error, not a stranger', async (t) => {
  const identity = createIdentity({
    session: { cookie, find: async () => { throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE') }, userInfo: () => userInfoFromClaims({ iss: 'i', sub: 's' }, { source: 'session', verified: true }) }
  })
  await t.rejects(identity.identify({ cookie: `${cookie}=good` }), { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE' })
})

t.test('no header makes anything but credentials, nothing, or a coded error (T15)', async (t) => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (authorization, cookies) => {
    try {
      return readCredentials({ authorization, cookie: cookies }, 's').every((credential) => credential.kind !== 'jwt' || /^[\w-]+\.[\w-]+\.[\w-]*$/.test(credential.token))
    } catch (error) {
      return ConsentryError.is(error, 'CONSENTRY_ERR_CREDENTIAL_INVALID')
    }
  }), { numRuns: 2000 })
  fc.assert(fc.property(fc.array(fc.string().filter((value) => !/[;\s]/.test(value))), (values) => {
    t.same(cookieValues(values.map((value) => `s=${value}`).join('; '), 's'), values)
  }), { numRuns: 200 })
  const since = performance.now()
  readCredentials({ cookie: 'a=b;'.repeat(250_000) }, 's')
  t.ok(performance.now() - since < 2000, 'a megabyte of cookies takes no long time')
})
