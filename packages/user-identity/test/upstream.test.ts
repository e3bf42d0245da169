import { createClock } from '@consentry/testing'
import t from 'tap'
import { UnsecuredJWT } from 'jose'
import { basicIssuer, createIdentity, hashApiKey, userId, type IdentityOptions } from '../src/index.ts'
import { audience, now, testIssuer } from './issuer.ts'

const invalid = { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' }
const issuer = 'https://issuer.example.com'
const secret = 'a secret of the tests that is long enough'
const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
const unsigned = (claims: Record<string, unknown>) => ({ authorization: `Bearer ${new UnsecuredJWT(claims).encode()}` })

t.test('trust: upstream reads without verifying, and says so', async (t) => {
  const identity = createIdentity({ trust: 'upstream' })
  t.match(identity.warnings, [/upstream.*not verified/])
  const anyone = await testIssuer('https://anyone.example')
  t.match(await identity.identify({ authorization: `Bearer ${await anyone.sign()}` }), { userInfo: { verified: false, source: 'jwt', issuer: 'https://anyone.example', subject: 'carol' } })
  t.match(await identity.identify(unsigned({ iss: issuer, email: 'a@example.com' })), { userInfo: { verified: false, subject: 'a@example.com' } }, 'seed B: sub, else email')
  t.match(await identity.identify(basic('alice:anything')), { userInfo: { verified: false, source: 'basic', issuer: basicIssuer(''), subject: 'alice' } })
  const key = await identity.identify({ 'x-api-key': 'key-1' })
  t.match(key, { userInfo: { verified: false, source: 'api_key' } })
  t.notOk(JSON.stringify(key).includes('key-1'), 'an API key by its hash')
  t.not((await identity.identify({ 'x-api-key': 'key-2' }))?.userInfo.userId, key?.userInfo.userId)
  t.equal(await identity.identify({}), null)
})

t.test('trust: upstream makes no other user of the same person', async (t) => {
  const identity = createIdentity({ trust: 'upstream', basic: { realm: 'corp' }, jwt: { issuers: [{ issuer, audience }] } })
  t.equal((await identity.identify(unsigned({ iss: issuer, sub: 'carol', aud: audience })))?.userInfo.userId, userId({ issuer, subject: 'carol' }))
  t.equal((await identity.identify(basic('carol:x')))?.userInfo.userId, userId({ issuer: basicIssuer('corp'), subject: 'carol' }))
})

t.test('trust: upstream reads only what is named, where something is', async (t) => {
  const clock = createClock()
  const named = (options: IdentityOptions) => createIdentity({ trust: 'upstream', clock, ...options })
  const jwt = named({ jwt: { issuers: [{ issuer, audience }], clockTolerance: 5 } })
  const good = { iss: issuer, sub: 'carol', aud: audience }
  t.ok(await jwt.identify(unsigned(good)))
  t.ok(await jwt.identify(unsigned({ ...good, aud: ['x', audience], exp: now() + 60, nbf: now() })))
  for (const bad of [{ ...good, iss: 'https://evil.example' }, { ...good, aud: 'other' }, { iss: issuer, sub: 'carol' }, { ...good, exp: now() - 60 }, { ...good, exp: 'never' }, { ...good, nbf: now() + 60 }, { iss: issuer, aud: audience }]) {
    await t.rejects(jwt.identify(unsigned(bad)), invalid, JSON.stringify(bad))
  }
  await t.rejects(jwt.identify(basic('alice:x')), invalid)
  await t.rejects(jwt.identify({ 'x-api-key': 'key-1' }), invalid)
  const apiKey = named({ apiKey: { secret, find: (hash) => hash === hashApiKey('key-1', secret) ? { id: 'ci' } : undefined } })
  t.match(await apiKey.identify({ 'x-api-key': 'key-1' }), { userInfo: { verified: false, subject: 'ci' } })
  await t.rejects(apiKey.identify({ 'x-api-key': 'key-2' }), invalid)
  await t.rejects(apiKey.identify(unsigned(good)), invalid)
})

t.test('without it, the same credentials are refused', async (t) => {
  const { jwk } = await testIssuer(issuer)
  const identity = createIdentity({ jwt: { issuers: [{ issuer, audience, jwks: { keys: [jwk] } }] } })
  for (const headers of [unsigned({ iss: issuer, sub: 'carol', aud: audience, exp: now() + 60 }), basic('alice:x'), { 'x-api-key': 'key-1' }]) await t.rejects(identity.identify(headers as Record<string, string>), invalid)
})
