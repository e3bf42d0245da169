import t from 'tap'
import { defaultIdentityKey, userId, userInfoFromClaims, type UserInfo } from '../src/index.ts'

const base = { iss: 'https://issuer.example.com', sub: 'carol' }
const read = (claims: Record<string, unknown>): UserInfo => userInfoFromClaims(claims, { source: 'jwt', verified: true })

t.test('the user id is the same for the same issuer and subject, and for nobody else', async (t) => {
  const { userId: id } = read(base)
  t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, 'UUID v5')
  t.equal(read({ ...base, email: 'carol@example.com', exp: 1, jti: 'other' }).userId, id, 'B7 another token of the same person')
  t.equal(userInfoFromClaims(base, { source: 'session', verified: true }).userId, id, 'whatever the credential')
  for (const other of [{ ...base, sub: 'Carol' }, { ...base, iss: 'https://other.example.com' }, { ...base, iss: `${base.iss}/` }]) t.not(read(other).userId, id)
  t.not(defaultIdentityKey({ issuer: 'a', subject: 'b:c' }), defaultIdentityKey({ issuer: 'a:b', subject: 'c' }), 'no two pairs are the same text')
  t.not(defaultIdentityKey({ issuer: 'a","b', subject: 'c' }), defaultIdentityKey({ issuer: 'a', subject: 'b","c' }))
})

t.test('the same e-mail with another subject is another person (B7)', async (t) => {
  t.not(read({ ...base, email: 'x@example.com' }).userId, read({ ...base, sub: 'dave', email: 'x@example.com' }).userId)
  t.not(read({ iss: base.iss, email: 'x@example.com' }).userId, read({ iss: base.iss, sub: 'x@example.com' }).userId, 'nor is a subject that looks like it')
})

t.test('ids of another system can be kept', async (t) => {
  // RFC 9562 appendix A.4
  t.equal(userId({ issuer: '', subject: '' }, { namespace: '6ba7b810-9dad-11d1-80b4-00c04fd430c8', identityKey: () => 'www.example.com' }), '2ed6657d-e927-568b-95e1-2665a8aea6a2')
  t.equal(userInfoFromClaims(base, { source: 'jwt', verified: true, namespace: '6ba7b810-9dad-11d1-80b4-00c04fd430c8', identityKey: ({ subject }) => subject }).userId,
    userId({ issuer: 'any', subject: 'carol' }, { namespace: '6ba7b810-9dad-11d1-80b4-00c04fd430c8', identityKey: ({ subject }) => subject }))
})

t.test('claims become members', async (t) => {
  const claims = {
    ...base,
    email: 'c@example.com',
    email_verified: true,
    preferred_username: 'carol',
    name: 'Carol Q. Danvers',
    given_name: 'Carol',
    family_name: 'Danvers',
    roles: ['editor'],
    groups: ['staff'],
    scope: 'read  write',
    aud: ['a', 'b'],
    azp: 'client',
    iat: 1,
    exp: 2
  }
  const { userId: _id, ...info } = read(claims)
  t.same(info, {
    source: 'jwt',
    verified: true,
    issuer: base.iss,
    subject: 'carol',
    email: 'c@example.com',
    emailVerified: true,
    preferredUsername: 'carol',
    name: 'Carol Q. Danvers',
    givenName: 'Carol',
    familyName: 'Danvers',
    roles: ['editor'],
    groups: ['staff'],
    scopes: ['read', 'write'],
    audience: ['a', 'b'],
    clientId: 'client',
    issuedAt: 1,
    expiresAt: 2,
    claims
  })
  t.match(read({ ...base, name: 'Carol Danvers', aud: 'a', client_id: 'c', realm_access: { roles: ['r'] } }), { givenName: 'Carol', familyName: 'Danvers', audience: ['a'], clientId: 'c', roles: ['r'] })
  t.equal(read({ ...base, email: 'c@example.com' }).emailVerified, undefined, 'not said is not verified')
  t.throws(() => { Object.assign(read(base), { userId: 'x' }) }, TypeError, 'it cannot be changed')
})

t.test('what is malformed is absent and grants nothing (T10)', async (t) => {
  for (const odd of [null, 1, true, '', {}, ['a', 1], [['a']], 'admins', { 0: 'admins', length: 1 }]) {
    t.match(read({ ...base, groups: odd, roles: odd, email: {}, name: 1, iat: '1', exp: 1.5, email_verified: 'true', realm_access: odd }), { groups: [], roles: [] })
  }
  t.notHas(read({ ...base, email: {}, name: 1, iat: '1', exp: 1.5, email_verified: 'true' }), { email: String, name: String, issuedAt: Number, expiresAt: Number, emailVerified: Boolean })
  for (const nobody of [{}, { sub: 'x' }, { iss: 'x' }, { iss: '', sub: 'x' }, { iss: 'x', sub: '' }, { iss: 'x', sub: 1 }]) {
    t.throws(() => read(nobody), { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' })
  }
})
