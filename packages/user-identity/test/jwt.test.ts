import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { exportSPKI, importJWK, SignJWT, UnsecuredJWT, type CryptoKey } from 'jose'
import t from 'tap'
import { jwtVerifier } from '../src/index.ts'
import { audience, now, testIssuer } from './issuer.ts'

t.test('a token of a known issuer for us is accepted', async (t) => {
  for (const algorithm of ['RS256', 'PS256', 'ES256', 'EdDSA']) {
    const { issuer, jwk, sign } = await testIssuer('https://issuer.example.com', algorithm)
    const verify = jwtVerifier({ issuers: [{ issuer, audience, jwks: { keys: [jwk] } }] })
    t.match(await verify(await sign({ groups: ['g'] })), { subject: 'carol', issuer, source: 'jwt', verified: true, groups: ['g'] }, algorithm)
  }
})

t.test('T7: anything else is refused with one code', async (t) => {
  const { issuer, jwk, sign, privateKey } = await testIssuer()
  const other = await testIssuer(issuer)
  const rsa = await testIssuer(issuer, 'RS256')
  const issuers = [{ issuer, audience, jwks: { keys: [jwk] } }]
  const verify = jwtVerifier({ issuers, clockTolerance: 5 })
  const good = await sign()
  const [header, payload, signature] = good.split('.')
  const spki = await exportSPKI(await importJWK(rsa.jwk, 'RS256', { extractable: true }) as CryptoKey)
  const hmac = await new SignJWT({ iss: issuer, aud: audience, sub: 'carol', exp: now() + 60 }).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(new TextEncoder().encode(spki))
  const symmetricTrap = jwtVerifier({ issuers: [{ issuer, audience, jwks: { keys: [rsa.jwk] } }] })
  for (const [what, token] of Object.entries({
    'another key': await other.sign(),
    'another issuer': await sign({ iss: 'https://evil.example' }),
    'a similar issuer': await sign({ iss: `${issuer}/` }),
    'no issuer': await sign({}, {}, 'iss'),
    'another audience': await sign({ aud: 'https://other.example' }),
    'no audience': await sign({}, {}, 'aud'),
    expired: await sign({ exp: now() - 60 }),
    'no expiry': await sign({}, {}, 'exp'),
    'not yet valid': await sign({ nbf: now() + 60 }),
    'no subject': await sign({}, {}, 'sub'),
    'an unknown key id': await sign({}, { kid: 'k2' }),
    'an ID token': await sign({ nonce: 'n' }),
    'an ID token with at_hash': await sign({ at_hash: 'x' }),
    'an ID token of Keycloak': await sign({ typ: 'ID' }),
    'a logout token': await sign({ events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }),
    'a token of another type': await sign({}, { typ: 'logout+jwt' }),
    'a DPoP proof': await sign({}, { typ: 'dpop+jwt' }),
    'a token bound to a key': await sign({ cnf: { jkt: 'x' } }, { typ: 'at+jwt' }),
    'a subject that is no text': await sign({ sub: ['carol'] as never }),
    unsigned: new UnsecuredJWT({ iss: issuer, aud: audience, sub: 'carol', exp: now() + 60 }).encode(),
    'no signature': `${header}.${payload}.`,
    'another signature': `${header}.${payload}.${signature?.slice(0, -4)}AAAA`,
    'another payload': `${header}.${Buffer.from(JSON.stringify({ iss: issuer, aud: audience, sub: 'admin', exp: now() + 60 })).toString('base64url')}.${signature}`,
    'a critical header': await new SignJWT({ iss: issuer, aud: audience, sub: 'carol', exp: now() + 60 }).setProtectedHeader({ alg: 'ES256', kid: 'k1', crit: ['x'], x: 1 }).sign(privateKey, { crit: { x: true } }),
    'its own key': await other.sign({}, { jwk: other.jwk }),
    'its own key address': await other.sign({}, { jku: 'https://evil.example/jwks', x5u: 'https://evil.example' }),
    'three dots': `${good}.x`,
    empty: '..',
    'no JSON': 'bm8.bm8.bm8'
  })) {
    await t.rejects(verify(token), { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' }, what)
  }
  await t.rejects(symmetricTrap(hmac), { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' }, 'an HMAC with the public key')
  t.ok(await verify(await sign({ exp: now() - 2 })), 'R16: within the tolerance')
  const slow = jwtVerifier({ issuers, clockTolerance: 5 }, { clock: { now: () => Date.now() - 3_600_000, monotonic: () => 0 } })
  t.ok(await slow(await sign({ exp: now() - 3000 })), 'by the clock that was given')
})

t.test('an issuer may require a type, or allow ID tokens', async (t) => {
  const { issuer, jwk, sign } = await testIssuer()
  const typed = jwtVerifier({ issuers: [{ issuer, audience, jwks: { keys: [jwk] }, typ: 'at+jwt' }] })
  t.ok(await typed(await sign({}, { typ: 'at+jwt' })))
  t.ok(await typed(await sign({}, { typ: 'application/AT+JWT' })), 'RFC 7515 section 4.1.9')
  await t.rejects(typed(await sign({}, { typ: 'JWT' })), { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' })
  const any = jwtVerifier({ issuers: [{ issuer, audience, jwks: { keys: [jwk] } }] })
  for (const typ of [undefined, 'JWT', 'jwt', 'at+jwt', 'application/at+jwt']) t.ok(await any(await sign({}, { typ })))
  await t.rejects(typed(await sign()), { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' })
  const lenient = jwtVerifier({ issuers: [{ issuer, audience, jwks: { keys: [jwk] }, allowIdTokens: true }] })
  t.ok(await lenient(await sign({ nonce: 'n' })))
})

t.test('T7: what is meant for a client is no bearer token, whatever else it says', async (t) => {
  const { issuer, jwk, sign } = await testIssuer()
  const jwks = { keys: [jwk] }
  const verify = jwtVerifier({ issuers: [{ issuer, audience, jwks, clientIds: ['web', 'app'] }] })
  const ofSignIn = { auth_time: now(), azp: 'web', amr: ['pwd'], email: 'carol@example.com' }
  for (const aud of ['web', ['web', audience], [audience, 'app']]) await t.rejects(verify(await sign({ ...ofSignIn, aud })), { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' }, String(aud))
  t.ok(await verify(await sign({ ...ofSignIn, aud: [audience, 'other'] })))
  t.ok(await verify(await sign({ aud: [audience, 'web'] }, { typ: 'at+jwt' })), 'RFC 9068 section 2.1 tells them apart')

  const both = { issuer, audience: 'web', jwks, clientIds: ['web'] }
  t.throws(() => jwtVerifier({ issuers: [both] }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID', cause: { message: /client as its audience/ } })
  t.throws(() => jwtVerifier({ issuers: [{ ...both, clientIds: [''] }] }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
  const typed = jwtVerifier({ issuers: [{ ...both, typ: 'at+jwt' }] })
  t.ok(await typed(await sign({ aud: 'web' }, { typ: 'at+jwt' })))
  await t.rejects(typed(await sign({ ...ofSignIn, aud: 'web' })), { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' })
  t.ok(await jwtVerifier({ issuers: [{ ...both, allowIdTokens: true }] })(await sign({ ...ofSignIn, aud: 'web' })))
})

t.test('keys by address: fetched once, and away is not the caller\'s fault', async (t) => {
  const { issuer, jwk, sign } = await testIssuer()
  let requests = 0
  let broken = false
  const server = createServer((_request, response) => {
    requests++
    response.writeHead(broken ? 500 : 200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: [jwk] }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const jwksUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`
  const verify = jwtVerifier({ issuers: [{ issuer, audience, jwksUri }] })
  await Promise.all(Array.from({ length: 10 }, async () => verify(await sign())))
  t.equal(requests, 1)
  broken = true
  const fresh = jwtVerifier({ issuers: [{ issuer, audience, jwksUri }] })
  await t.rejects(fresh(await sign()), { code: 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE' })
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
  await t.rejects(fresh(await sign()), { code: 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE' })
  t.ok(await verify(await sign()), 'what was fetched goes on working')
})

t.test('T17: options that make no sense are refused', async (t) => {
  const { issuer, jwk } = await testIssuer()
  const jwks = { keys: [jwk] }
  for (const bad of [
    { issuer, audience }, { issuer, audience, jwks, jwksUri: 'https://issuer.example.com/jwks' }, { issuer, audience, jwksUri: 'http://issuer.example.com/jwks' },
    { issuer, audience, jwksUri: 'https://user:pass@issuer.example.com/jwks' }, { issuer, audience, jwksUri: 'no URL' }, { issuer, audience, jwks: { keys: 'none' } as never },
    { issuer: '', audience, jwks }, { issuer, audience: [], jwks }, { issuer, audience: '', jwks }, { issuer, audience, jwks, algorithms: ['HS256'] }, { issuer, audience, jwks, algorithms: ['none'] }, { issuer, audience, jwks, algorithms: [] }
  ]) t.throws(() => jwtVerifier({ issuers: [bad] }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' }, JSON.stringify(bad))
  const good = { issuer, audience, jwks }
  for (const bad of [{ issuers: [] }, { issuers: [good, good] }, { issuers: [good], clockTolerance: -1 }, { issuers: [good], clockTolerance: NaN }, { issuers: [good], timeout: 0 }]) {
    t.throws(() => jwtVerifier(bad), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' }, JSON.stringify(bad))
  }
})
