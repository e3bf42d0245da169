import { createHook } from 'node:async_hooks'
import t from 'tap'
import { basicIssuer, createIdentity, hashPassword, passwordTable, userId, verifyPassword } from '../src/index.ts'
import { quickHash } from './passwords.ts'

const invalid = { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' }
const header = (text: string | Uint8Array) => ({ authorization: `Basic ${Buffer.from(text as string).toString('base64')}` })

t.test('seed B: Basic is base64 of UTF-8, with a colon, a user name, and a password that may hold colons', async (t) => {
  const seen: unknown[][] = []
  const identity = createIdentity({ basic: { realm: 'corp', check: (username, password) => { seen.push([username, password]); return { groups: ['staff'] } } } })
  t.match(await identity.identify(header('alice:s3cret')), { userInfo: { source: 'basic', verified: true, issuer: basicIssuer('corp'), subject: 'alice', preferredUsername: 'alice', groups: ['staff'] } })
  await identity.identify(header('žluťoučký:a:b:c'))
  await identity.identify(header('empty:'))
  await identity.identify({ authorization: header('lower:case').authorization.replace('Basic', 'basic') })
  t.same(seen, [['alice', 's3cret'], ['žluťoučký', 'a:b:c'], ['empty', ''], ['lower', 'case']])
  for (const bad of ['alice', ':password', '', 'ali\u0000ce:x', 'alice:x\n', Uint8Array.of(0x61, 0x3a, 0xff)]) await t.rejects(identity.identify(header(bad)), invalid, String(bad))
  for (const parameter of ['', 'not base64!', 'YTpi====', ' YTpi', 'YTpi YTpi', 'YTp-']) await t.rejects(identity.identify({ authorization: `Basic ${parameter}` }), invalid, parameter)
  for (const username of ['a:b', 'a\u0007', '\ud800', '']) await t.rejects(identity.authenticate({ kind: 'basic', username, password: 'x' }), invalid, 'also where no header is read')
  t.equal(seen.length, 4)
})

t.test('seed B: the password is not in the id: B1 a Basic user is the realm and the name, whatever the password', async (t) => {
  const idOf = async (realm: string, text: string) => (await createIdentity({ basic: { realm, check: () => ({ sub: 'admin', iss: 'x', email: 'a@example.com' }) } }).identify(header(text)))?.userInfo.userId
  t.equal(await idOf('corp', 'alice:old'), await idOf('corp', 'alice:new'), 'a new password is no new user')
  t.equal(await idOf('corp', 'alice:x'), userId({ issuer: basicIssuer('corp'), subject: 'alice' }))
  t.not(await idOf('corp', 'alice:x'), await idOf('other', 'alice:x'))
  t.not(await idOf('corp', 'alice:x'), await idOf('corp', 'Alice:x'))
  t.equal(await idOf('corp', 'Zoe\u0308:x'), await idOf('corp', 'Zo\u00eb:x'), 'RFC 7617 section 2.1: in every normal form')
})

t.test('seed D: a table or a function; what it says decides', async (t) => {
  const ask = async (answer: unknown) => createIdentity({ basic: { realm: 'r', check: async () => answer as never } }).identify(header('a:b'))
  t.match(await ask(true), { userInfo: { subject: 'a' } })
  t.match(await ask({ roles: ['r'] }), { userInfo: { roles: ['r'] } })
  for (const no of [false, undefined, null, 0, '', 'yes', 1]) await t.rejects(ask(no), invalid, String(no))
  await t.rejects(createIdentity({ basic: { realm: 'r', check: () => { throw new Error('away') } } }).identify(header('a:b')), { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE' })

  const identity = createIdentity({ basic: { realm: 'r', check: passwordTable({ alice: { hash: quickHash('right'), claims: { groups: ['staff'] } }, ['__proto__']: { hash: quickHash('x') } }) } })
  t.match(await identity.identify(header('alice:right')), { userInfo: { subject: 'alice', groups: ['staff'] } })
  for (const text of ['alice:wrong', 'alice:', 'bob:right', 'constructor:x', 'toString:x']) await t.rejects(identity.identify(header(text)), invalid, text)
})

t.test('T12: an unknown user takes the work of a wrong password', async (t) => {
  let runs = 0
  const hook = createHook({ init: (_id, type) => { if (type === 'SCRYPTREQUEST') runs++ } }).enable()
  t.teardown(() => hook.disable())
  const check = passwordTable({ alice: { hash: quickHash('right') } })
  const workOf = async (work: () => Promise<unknown>) => {
    const before = runs
    t.equal(await work(), false)
    return runs - before
  }
  t.equal(await workOf(async () => check('alice', 'wrong')), 1)
  t.equal(await workOf(async () => check('bob', 'wrong')), 1)
  t.equal(await workOf(async () => check('bob', 'right')), 1, 'nor does the password of another open it')
  t.equal(await workOf(async () => passwordTable({})('bob', 'right')), 1, 'nobody at all is work too')
  t.equal(await workOf(() => verifyPassword('x', undefined)), 1)
})

t.test('seed D: no secret is compared in plain: T12 passwords are kept as scrypt hashes', async (t) => {
  const hash = await hashPassword('correct horse')
  t.match(hash, /^\$scrypt\$ln=17,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  t.equal(await verifyPassword('correct horse', hash), true)
  t.equal(await verifyPassword('correct hors', hash), false)
  t.equal(await verifyPassword('Zoe\u0308', quickHash('Zo\u00eb')), true, 'RFC 8265: in every normal form')
  // RFC 7914 section 12, third vector: N=16384, r=8, p=1.
  const vector = Buffer.from('7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887', 'hex')
  const foreign = `$scrypt$ln=14,r=8,p=1$${Buffer.from('SodiumChloride').toString('base64').replace(/=+$/, '')}$${vector.toString('base64').replace(/=+$/, '')}`
  t.equal(await verifyPassword('pleaseletmein', foreign), true)
})

t.test('T17: hashes of another form or cost are refused', async (t) => {
  for (const hash of ['', 'right', '$2b$10$abcdefghijklmnopqrstuv', quickHash('x').replace('ln=10', 'ln=21'), quickHash('x').replace('r=8', 'r=17'), quickHash('x').replace('p=1', 'p=5'), quickHash('x').replace('ln=10', 'ln=00')]) {
    t.throws(() => passwordTable({ alice: { hash } }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' }, hash)
    await t.rejects(verifyPassword('x', hash), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
  }
  t.throws(() => createIdentity({ basic: { realm: 'r' } }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' }, 'nobody checks')
  t.throws(() => createIdentity({ basic: { check: () => true } as never }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
})

t.test('T18: scrypt runs once for many requests of one user, and not again while it is remembered', async (t) => {
  let checks = 0
  const table = passwordTable({ alice: { hash: quickHash('right', 14) } })
  const identity = createIdentity({ basic: { realm: 'r', check: (...both) => { checks++; return table(...both) } } })
  await Promise.all(Array.from({ length: 20 }, () => identity.identify(header('alice:right'))))
  await identity.identify(header('alice:right'))
  t.equal(checks, 1)
  for (const n of [2, 3]) {
    await t.rejects(identity.identify(header('alice:wrong')), invalid)
    t.equal(checks, n, 'a wrong password is checked each time')
  }
  await t.rejects(identity.identify(header('alice:righ')), invalid, 'a part of a password opens nothing')
})
