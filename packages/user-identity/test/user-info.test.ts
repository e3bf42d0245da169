import t from 'tap'
import { defaultIdentityKey, userId, userInfoFromClaims, type UserInfo } from '../src/index.ts'

const base = { iss: 'https://issuer.example.com', sub: 'carol' }
const read = (claims: Record<string, unknown>): UserInfo => userInfoFromClaims(claims, { source: 'jwt', verified: true })

t.test('seed B: UUID v5 of issuer and subject: the same user at one issuer, another at the next', async (t) => {
  const { userId: id } = read(base)
  t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, 'RFC 9562 section 5.5')
  t.equal(read({ ...base, email: 'carol@example.com', exp: 1, jti: 'other' }).userId, id, 'B7: another token of the same person')
  t.equal(userInfoFromClaims(base, { source: 'session', verified: true }).userId, id, 'whatever the credential')
  for (const other of [{ ...base, sub: 'Carol' }, { ...base, iss: 'https://other.example.com' }, { ...base, iss: `${base.iss}/` }]) t.not(read(other).userId, id)
  t.not(defaultIdentityKey({ issuer: 'a', subject: 'b:c' }), defaultIdentityKey({ issuer: 'a:b', subject: 'c' }), 'no two pairs are the same text')
  t.not(defaultIdentityKey({ issuer: 'a","b', subject: 'c' }), defaultIdentityKey({ issuer: 'a', subject: 'b","c' }))
  t.not(read({ ...base, sub: '\ud800' }).userId, read({ ...base, sub: '\ud801' }).userId, 'nor halves of characters')
})

t.test('B7: the same e-mail with another subject is another person', async (t) => {
  t.not(read({ ...base, email: 'x@example.com' }).userId, read({ ...base, sub: 'dave', email: 'x@example.com' }).userId)
  t.not(read({ iss: base.iss, email: 'x@example.com' }).userId, read({ iss: base.iss, sub: 'x@example.com' }).userId, 'nor is a subject that looks like it')
})

t.test('seed B: namespace and key can be replaced', async (t) => {
  // RFC 9562 appendix A.4
  const namespace = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'
  t.equal(userId({ issuer: '', subject: '' }, { namespace, identityKey: () => 'www.example.com' }), '2ed6657d-e927-568b-95e1-2665a8aea6a2')
  t.equal(userInfoFromClaims(base, { source: 'jwt', verified: true, namespace, identityKey: ({ subject }) => subject }).userId,
    userId({ issuer: 'any', subject: 'carol' }, { namespace, identityKey: ({ subject }) => subject }))
  t.not(userId({ issuer: 'i', subject: 's' }, { namespace }), userId({ issuer: 'i', subject: 's' }))
})

t.test('seed B: claims, row by row', async (t) => {
  const { iss } = base
  const rows: Array<[string, Record<string, unknown>, Partial<UserInfo>]> = [
    ['sub', { iss, sub: 's', email: 'e', preferred_username: 'p' }, { subject: 's', email: 'e', preferredUsername: 'p' }],
    ['else email', { iss, email: 'e', preferred_username: 'p' }, { subject: 'e' }],
    ['else preferred_username', { iss, preferred_username: 'p' }, { subject: 'p' }],
    ['given and family name', { ...base, name: 'A B', given_name: 'Carol', family_name: 'Danvers' }, { name: 'A B', givenName: 'Carol', familyName: 'Danvers' }],
    ['else the name, split', { ...base, name: '  Carol  Susan Danvers ' }, { name: '  Carol  Susan Danvers ', givenName: 'Carol', familyName: 'Susan Danvers' }],
    ['a name of one word', { ...base, name: 'Carol' }, { givenName: 'Carol' }],
    ['one of them does not make the other up', { ...base, name: 'Carol Danvers', given_name: 'Caz' }, { givenName: 'Caz' }],
    ['scope, split', { ...base, scope: 'read  write' }, { scopes: ['read', 'write'] }],
    ['scope as a list', { ...base, scope: ['read', 'write'] }, { scopes: ['read', 'write'] }],
    ['roles', { ...base, roles: ['a'], realm_access: { roles: ['b'] } }, { roles: ['a'] }],
    ['else realm_access.roles', { ...base, realm_access: { roles: ['b'] } }, { roles: ['b'] }],
    ['groups', { ...base, groups: ['g', '/h'] }, { groups: ['g', '/h'] }],
    ['aud as a text', { ...base, aud: 'a' }, { audience: ['a'] }],
    ['aud as a list', { ...base, aud: ['a', 'b'] }, { audience: ['a', 'b'] }],
    ['azp', { ...base, azp: 'z', client_id: 'c' }, { clientId: 'z' }],
    ['else client_id', { ...base, client_id: 'c' }, { clientId: 'c' }],
    ['exp and iat', { ...base, exp: 2, iat: 1 }, { expiresAt: 2, issuedAt: 1 }],
    ['exp and iat with a fraction (RFC 7519 section 2) are whole seconds', { ...base, exp: 2.9, iat: 1.9 }, { expiresAt: 2, issuedAt: 1 }],
    ['email_verified', { ...base, email: 'e', email_verified: true }, { email: 'e', emailVerified: true }],
    ['not said is not verified', { ...base, email: 'e' }, { email: 'e' }]
  ]
  const lists = { roles: [], groups: [], scopes: [], audience: [] }
  for (const [row, claims, expected] of rows) {
    const { userId: _id, ...info } = read(claims)
    const { email, preferredUsername, name } = info
    const sent = Object.fromEntries(Object.entries({ email, preferredUsername, name }).filter(([, value]) => value !== undefined))
    t.strictSame(info, { source: 'jwt', verified: true, issuer: iss, subject: 'carol', ...lists, ...sent, ...expected, claims }, row)
  }
})

t.test('T10: what is malformed is absent and grants nothing', async (t) => {
  const { userId: _id, claims: _claims, ...nothing } = read(base)
  for (const odd of [null, 1, true, '', {}, ['a', 1], [['a']], 'admins', { 0: 'admins', length: 1 }]) {
    t.match(read({ ...base, groups: odd, roles: odd, realm_access: odd }), { groups: [], roles: [] })
  }
  for (const odd of [null, true, {}, [], '', '1', NaN, Infinity, 1e300]) {
    const { userId: _other, claims: _odd, ...info } = read({ ...base, iat: odd, exp: odd, azp: odd === '1' ? {} : [odd], scope: odd === '1' ? {} : [odd === '' ? 1 : odd], aud: { odd }, email: [odd], name: [odd], given_name: [odd], family_name: [odd], preferred_username: [odd], email_verified: [odd] })
    t.strictSame(info, nothing, JSON.stringify(odd))
  }
  t.equal(read({ ...base, email_verified: 'true' }).emailVerified, undefined)
  for (const nobody of [{}, { sub: 'x' }, { iss: 'x' }, { iss: '', sub: 'x' }, { iss: 'x', sub: '' }, { iss: 'x', sub: 1 }]) {
    t.throws(() => read(nobody), { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' })
  }
})

t.test('it cannot be changed, and does not change with what it was made of', async (t) => {
  const claims = { ...base, groups: ['staff'], nested: { list: [1] } }
  const info = read(claims)
  claims.groups.push('admins')
  claims.nested.list.push(2)
  t.match(info, { groups: ['staff'], claims: { groups: ['staff'], nested: { list: [1] } } })
  t.throws(() => { Object.assign(info, { userId: 'x' }) }, TypeError)
})
