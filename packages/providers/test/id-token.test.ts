import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { createClock } from '@consentry/testing'
import type { IdTokenChanges } from '@consentry/testing'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import t from 'tap'
import { answered, changing, codeVerifier, fails, hostile, nonce, obtain, openid, redirectUri } from './helpers.ts'

const invalid = 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID'
const now = () => Math.floor(Date.now() / 1000)
const b64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

t.test('seed C: GenericOIDCProvider, T7: claims that are not right are refused', async (t) => {
  const op = await hostile(t)
  const provider = openid(t, op)
  const cases: Record<string, Record<string, unknown>> = {
    'another issuer': { iss: 'https://evil.example' },
    'issuer with a slash more': { iss: `${op.issuer}/` },
    'no issuer': { iss: undefined },
    'another audience': { aud: 'other' },
    'no audience': { aud: undefined },
    'more audiences, no azp': { aud: ['client', 'other'] },
    'more audiences, another azp': { aud: ['client', 'other'], azp: 'other' },
    'one audience, another azp': { azp: 'other' },
    'another nonce': { nonce: 'nonce-2' },
    'no nonce': { nonce: undefined },
    expired: { exp: now() - 60 },
    'no expiry': { exp: undefined },
    'expiry of another type': { exp: '9999999999' },
    'not yet valid': { nbf: now() + 60 },
    'issued in the future': { iat: now() + 120 },
    'issued long ago': { iat: now() - 7200 },
    'no iat': { iat: undefined },
    'empty subject': { sub: '' },
    'blank subject': { sub: '  ' },
    'no subject': { sub: undefined },
    'a number for a subject': { sub: 7 },
    'a subject too long': { sub: 'x'.repeat(256) },
    'a subject with a line break': { sub: 'alice\nadmin' },
    'hash of another access token': { at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' },
    'hash of another type': { at_hash: 7 },
    'hash of another code': { c_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }
  }
  for (const [name, claims] of Object.entries(cases)) {
    op.idToken.claims = claims
    await fails(t, obtain(provider), invalid, name)
  }
  for (const claims of [{ aud: ['client'] }, { aud: ['client', 'other'], azp: 'client' }, { at_hash: undefined }, { iat: now() + 20 }, { sub: 'x'.repeat(255) }]) {
    op.idToken.claims = claims
    t.ok(await obtain(provider), JSON.stringify(claims).slice(0, 60))
  }
})

t.test('T7: the hash of the code is checked where there is one', async (t) => {
  const op = await hostile(t)
  const provider = openid(t, op)
  op.overrides.token = async ({ parameters }, usual) => {
    op.idToken.claims = { c_hash: createHash('sha256').update(parameters.get('code') ?? '').digest().subarray(0, 16).toString('base64url') }
    return usual()
  }
  t.ok(await obtain(provider))
})

t.test('T7: signature and algorithm are pinned', async (t) => {
  const op = await hostile(t)
  const provider = openid(t, op)
  const other = await generateKeyPair('RS256')
  const evil = await exportJWK(other.publicKey)
  const payload = { iss: op.issuer, sub: 'mallory', aud: 'client', iat: now(), exp: now() + 60, nonce }
  const es = await generateKeyPair('ES256')
  const forged: Record<string, string> = {
    'a key of their own': await op.sign(payload, { key: other.privateKey }),
    'with jwk': await op.sign(payload, { key: other.privateKey, header: { jwk: evil } }),
    'with jku': await op.sign(payload, { key: other.privateKey, header: { jku: `${op.issuer}/evil`, x5u: `${op.issuer}/evil` } }),
    'an unknown kid': await op.sign(payload, { key: other.privateKey, header: { kid: 'other' } }),
    'alg none': `${b64({ alg: 'none' })}.${b64(payload)}.`,
    'HS256 with the public key': await new SignJWT(payload).setProtectedHeader({ alg: 'HS256', kid: 'key-1' }).sign(Buffer.from('n'.repeat(32))),
    'ES256, which is not pinned': await new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'key-1' }).sign(es.privateKey),
    'no signature': (await op.sign(payload)).replace(/[^.]+$/, ''),
    'crit': `${b64({ alg: 'RS256', kid: 'key-1', crit: ['x'], x: 1 })}.${b64(payload)}.c2ln`,
    'payload swapped': (await op.sign(payload)).split('.').map((part, index) => index === 1 ? b64({ ...payload, sub: 'admin' }) : part).join('.'),
    'encrypted': 'a.b.c.d.e',
    'no JWT': 'provider text',
    'an empty one': ''
  }
  for (const [name, idToken] of Object.entries(forged)) {
    op.overrides.token = changing((body) => ({ ...body, id_token: idToken }))
    await fails(t, obtain(provider), invalid, name, [idToken.slice(0, 40)].filter((part) => part.length > 10))
  }
  for (const missing of [undefined, null, 7]) {
    op.overrides.token = changing((body) => ({ ...body, id_token: missing }))
    await fails(t, obtain(provider), invalid, `ID token ${String(missing)}`)
  }
})

t.test('T7: other algorithms are accepted when they are configured', async (t) => {
  for (const alg of ['RS512', 'PS256', 'PS384', 'ES256', 'ES384', 'ES512', 'Ed25519', 'EdDSA'] as const) {
    const op = await hostile(t, { alg })
    const provider = openid(t, op, { signingAlgorithms: ['RS256', alg] })
    t.equal((await obtain(provider)).account?.subject, 'alice', alg)
    await fails(t, obtain(openid(t, op)), invalid, `${alg} by default`)
    op.idToken.key = (await generateKeyPair(alg)).privateKey
    await fails(t, obtain(provider), invalid, `${alg} with a key of their own`)
    delete op.idToken.key
    for (const damage of [(part: string) => `${part.startsWith('A') ? 'B' : 'A'}${part.slice(1)}`, (part: string) => part.slice(0, -4), (part: string) => `${part}AAAA`, () => '', () => 'A'.repeat(86)]) {
      op.overrides.token = changing((body) => ({ ...body, id_token: String(body.id_token).replace(/[^.]+$/, damage) }))
      await fails(t, obtain(provider), invalid, `${alg} damaged`)
    }
    delete op.overrides.token
  }
})

t.test('T7: a key serves the algorithm it is for', async (t) => {
  const op = await hostile(t)
  const provider = openid(t, op, { signingAlgorithms: ['RS256', 'PS256', 'RS512'] })
  const pss = await generateKeyPair('PS256', { extractable: true })
  const jwk = await exportJWK(pss.publicKey)
  op.idToken.key = pss.privateKey
  op.idToken.header = { alg: 'PS256', kid: 'k' }
  for (const [change, accepted] of [
    [{}, true], [{ alg: 'PS256' }, true], [{ use: 'sig' }, true], [{ key_ops: ['verify'] }, true],
    [{ alg: 'RS256' }, false], [{ use: 'enc' }, false], [{ key_ops: ['encrypt'] }, false], [{ kid: 'other' }, false], [{ kty: 'oct', k: 'AAAA' }, false]
  ] as const) {
    op.overrides.jwks = () => ({ body: { keys: [{ kid: 'k', ...jwk, ...change }] } })
    const fresh = openid(t, op, { signingAlgorithms: ['RS256', 'PS256'] })
    if (accepted) t.ok(await obtain(fresh), JSON.stringify(change))
    else await fails(t, obtain(fresh), invalid, JSON.stringify(change))
  }
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 })
  op.overrides.jwks = () => ({ body: { keys: [{ ...small.publicKey.export({ format: 'jwk' }), kid: 'k' }] } })
  op.overrides.token = changing((body) => {
    const [, payload = ''] = String(body.id_token).split('.')
    const input = `${b64({ alg: 'RS256', kid: 'k' })}.${payload}`
    return { ...body, id_token: `${input}.${sign('sha256', Buffer.from(input), small.privateKey).toString('base64url')}` }
  })
  await fails(t, obtain(provider), invalid, 'an RSA key of 1024 bits')
  delete op.overrides.token
  op.overrides.jwks = () => ({ body: { keys: [jwk, { ...jwk }] } })
  op.idToken.header = { alg: 'PS256', kid: undefined }
  await fails(t, obtain(openid(t, op, { signingAlgorithms: ['PS256'] })), invalid, 'several keys and no kid')
})

t.test('max_age asks for an auth_time that is recent', async (t) => {
  const op = await hostile(t)
  const provider = openid(t, op)
  for (const [name, claims] of Object.entries({ absent: {}, 'too old': { auth_time: now() - 200 }, text: { auth_time: 'now' } })) {
    op.idToken.claims = claims
    await fails(t, obtain(provider, { maxAge: 100 }), invalid, name)
  }
  op.idToken.claims = { auth_time: now() - 90 }
  t.ok(await obtain(provider, { maxAge: 100 }))
  await fails(t, obtain(provider, { maxAge: 0 }), invalid, 'a fresh sign-in')
  op.idToken.claims = { auth_time: now() }
  t.ok(await obtain(provider, { maxAge: 0 }))
})

t.test('R16: the clock is the one that is given, with a tolerance', async (t) => {
  const op = await hostile(t)
  const clock = createClock(Date.now() + 600_000)
  await fails(t, obtain(openid(t, op, { clock })), invalid, 'ten minutes ahead: expired')
  t.ok(await obtain(openid(t, op, { clock, clockTolerance: 900 })))
  const behind = createClock(Date.now() - 600_000)
  await fails(t, obtain(openid(t, op, { clock: behind })), invalid, 'ten minutes behind: from the future')
  t.ok(await obtain(openid(t, op, { clock: behind, clockTolerance: 900 })))
})

t.test('seed C: GenericOIDCProvider, R15: keys rotate, also under the same id, with one request per cooldown', async (t) => {
  const op = await hostile(t)
  const clock = createClock()
  const provider = openid(t, op, { clock })
  await obtain(provider)
  t.equal(op.ledger.requests.jwks.length, 1)
  await op.rotateKey()
  await Promise.all(Array.from({ length: 5 }, () => obtain(provider)))
  t.equal(op.ledger.requests.jwks.length, 2, 'a new id, within a minute of the last load')
  await op.rotateKey({ keepId: true })
  await fails(t, obtain(provider), invalid, 'cooling down')
  t.equal(op.ledger.requests.jwks.length, 2)
  await clock.advance(10_000)
  t.ok(await obtain(provider), 'the same id with a new key')
  t.equal(op.ledger.requests.jwks.length, 3)
  await clock.advance(10_000)
  const changes: IdTokenChanges = op.idToken
  changes.key = (await generateKeyPair('RS256')).privateKey
  for (let attempts = 0; attempts < 5; attempts++) await fails(t, obtain(provider), invalid, 'forged')
  t.equal(op.ledger.requests.jwks.length, 4, 'forgeries cannot make it ask more often')
})

t.test('R15: keys are served stale within a bound while they cannot be loaded', async (t) => {
  const op = await hostile(t)
  const clock = createClock()
  const provider = openid(t, op, { clock, clockTolerance: 86_400 })
  await obtain(provider)
  op.overrides.jwks = () => ({ status: 500, body: 'provider text' })
  await clock.advance(50 * 60_000)
  t.ok(await obtain(provider))
  await clock.advance(10 * 60_000)
  await fails(t, obtain(provider), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE', 'for too long')
  const requests = op.ledger.requests.jwks.length
  await fails(t, obtain(provider), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE', 'cooling down')
  t.equal(op.ledger.requests.jwks.length, requests)
  delete op.overrides.jwks
  await clock.advance(1000)
  t.ok(await obtain(provider))
})

t.test('keys that are none', async (t) => {
  const op = await hostile(t)
  for (const [name, answer, code] of [
    ['HTML', { body: '<html>provider text' }, 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'],
    ['missing', { status: 404, body: { keys: [] } }, 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'],
    ['no list', { body: { keys: 'provider text' } }, invalid],
    ['an empty list', { body: { keys: [] } }, invalid],
    ['null', { body: null }, invalid],
    ['broken ones', { body: { keys: [{ kty: 'RSA', kid: 'key-1', n: 'provider text', e: '' }] } }, invalid]
  ] as const) {
    op.overrides.jwks = () => answer
    await fails(t, obtain(openid(t, op)), code, name)
  }
})

t.test('a code that is refused is no reason to ask for keys', async (t) => {
  const op = await hostile(t)
  const provider = openid(t, op)
  const response = await answered(provider)
  op.overrides.token = () => ({ status: 400, body: { error: 'invalid_grant', error_description: 'provider text' } })
  await fails(t, provider.exchange(response, { redirectUri, codeVerifier, nonce, scopes: [] }), 'CONSENTRY_ERR_PROVIDER_REFUSED', 'refused')
  t.equal(op.ledger.requests.jwks.length, 0)
})
