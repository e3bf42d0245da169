import { createHash } from 'node:crypto'
import type { HostileRequest } from '@consentry/testing'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, jwtVerify, EmbeddedJWK } from 'jose'
import t from 'tap'
import { changing, codeVerifier, fails, hostile, nonce, obtain, openid, plain, redirectUri, state } from './helpers.ts'

const keys = await generateKeyPair('ES256')
const thumbprint = await calculateJwkThumbprint(await exportJWK(keys.publicKey))
const asDpop = changing((body) => ({ ...body, token_type: 'DPoP' }))

/** The claims of the proof that came with a request, once its signature and key are the right ones. */
async function proofOf (request: HostileRequest | undefined): Promise<Record<string, unknown>> {
  const proof = request?.headers['dpop']
  const { payload, protectedHeader } = await jwtVerify(String(proof), EmbeddedJWK, { typ: 'dpop+jwt' })
  return { ...payload, jkt: await calculateJwkThumbprint(protectedHeader.jwk ?? {}) }
}

t.test('RFC 9449: every request of tokens proves the key', async (t) => {
  const op = await hostile(t)
  const { origin } = new URL(op.issuer)
  op.overrides.token = asDpop
  for (const provider of [
    openid(t, op, { dpop: keys, pushedAuthorizationRequests: true }),
    plain(t, op, { dpop: keys, pushedAuthorizationRequestEndpoint: `${origin}/par` })
  ]) {
    const tokens = await obtain(provider)
    t.equal(tokens.tokenType, 'dpop')
    t.match(await proofOf(op.ledger.requests.par.at(-1)), { htm: 'POST', htu: `${origin}/par`, jkt: thumbprint })
    t.equal(op.ledger.requests.par.at(-1)?.parameters.get('dpop_jkt'), thumbprint, 'the code is bound too')
    t.match(await proofOf(op.ledger.requests.token.at(-1)), { htm: 'POST', htu: `${origin}/token`, jkt: thumbprint })
    t.equal((await provider.refresh({ refreshToken: 'rt-1' })).tokenType, 'dpop')
    t.match(await proofOf(op.ledger.requests.token.at(-1)), { htm: 'POST', jkt: thumbprint })
    await provider.userInfo(tokens)
    const ath = createHash('sha256').update(tokens.accessToken).digest('base64url')
    t.match(await proofOf(op.ledger.requests.userinfo.at(-1)), { htm: 'GET', htu: `${origin}/userinfo`, ath, jkt: thumbprint })
    t.equal(op.ledger.requests.userinfo.at(-1)?.headers.authorization, `DPoP ${tokens.accessToken}`)
  }
})

t.test('RFC 9449: the code is bound without a pushed request too', async (t) => {
  const op = await hostile(t)
  const request = { redirectUri, state, nonce, codeVerifier, scopes: [] }
  for (const create of [openid, plain]) {
    t.equal((await create(t, op, { dpop: keys }).authorizationUrl(request)).searchParams.get('dpop_jkt'), thumbprint)
    t.notOk((await create(t, op).authorizationUrl(request)).searchParams.has('dpop_jkt'))
  }
})

t.test('RFC 9449: with a key every token is bound to it, without one none is taken that is', async (t) => {
  const op = await hostile(t)
  for (const create of [openid, plain]) {
    delete op.overrides.token
    await fails(t, obtain(create(t, op, { dpop: keys })), 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID', 'a bearer token')
    await fails(t, create(t, op, { dpop: keys }).refresh({ refreshToken: 'rt-1' }), 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID', 'a bearer token by a refresh')
    op.overrides.token = asDpop
    await fails(t, obtain(create(t, op)), 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID', 'a bound token without a key')
    t.notOk('resourceRequest' in create(t, op))
  }
})

t.test('RFC 9449 section 8: a nonce that is asked for is given, and remembered', async (t) => {
  const op = await hostile(t)
  for (const create of [openid, plain]) {
    const provider = create(t, op, { dpop: keys })
    let asked = 0
    op.overrides.token = async (request, usual, response) => {
      if ((await proofOf(request)).nonce !== 'server-nonce') {
        asked++
        return { status: 400, headers: { 'dpop-nonce': 'server-nonce' }, body: { error: 'use_dpop_nonce' } }
      }
      return asDpop(request, usual, response)
    }
    t.ok(await obtain(provider))
    t.ok(await provider.refresh({ refreshToken: 'rt-1' }))
    t.equal(asked, 1)
    op.overrides.token = () => ({ status: 400, headers: { 'dpop-nonce': 'again' }, body: { error: 'use_dpop_nonce' } })
    const before = op.ledger.requests.token.length
    await fails(t, provider.refresh({ refreshToken: 'rt-1' }), 'CONSENTRY_ERR_PROVIDER_REFUSED', 'asked for without end')
    t.equal(op.ledger.requests.token.length - before, 2)
  }
})

t.test('RFC 9449 section 7: requests of the application carry a proof', async (t) => {
  const op = await hostile(t)
  const { origin } = new URL(op.issuer)
  const provider = openid(t, op, { dpop: keys })
  const resourceRequest: NonNullable<typeof provider.resourceRequest> = async (...request) =>
    provider.resourceRequest?.(...request) ?? Response.error()
  const tokens = { accessToken: 'at-1', tokenType: 'dpop' }
  op.overrides.revoke = async (request) => (await proofOf(request)).nonce === 'resource-nonce'
    ? { body: { got: request.parameters.get('a') } }
    : { status: 401, headers: { 'dpop-nonce': 'resource-nonce', 'www-authenticate': 'DPoP error="use_dpop_nonce"' } }
  const url = new URL(`${origin}/revoke?x=1`)
  const response = await resourceRequest(tokens, url, { method: 'POST', body: new URLSearchParams({ a: 'b' }), headers: { 'x-own': 'kept', authorization: 'Bearer mine' } }, fetch)
  t.same(await response.json(), { got: 'b' })
  const [first, second] = op.ledger.requests.revoke
  t.match(second?.headers, { authorization: 'DPoP at-1', 'x-own': 'kept' })
  t.match(await proofOf(second), { htm: 'POST', htu: `${origin}/revoke`, ath: createHash('sha256').update('at-1').digest('base64url') })
  t.not((await proofOf(first)).jti, (await proofOf(second)).jti)

  op.overrides.revoke = () => ({ status: 401, headers: { 'www-authenticate': 'DPoP error="invalid_token"' }, body: 'no' })
  t.equal((await resourceRequest(tokens, url, {}, fetch)).status, 401, 'a challenge is an answer')
  await resourceRequest({ accessToken: 'at-0', tokenType: 'bearer' }, url, {}, fetch)
  t.match(op.ledger.requests.revoke.at(-1)?.headers, { authorization: 'Bearer at-0', dpop: undefined }, 'a token from before there was a key')

  const before = op.ledger.requests.revoke.length
  op.overrides.revoke = () => ({ status: 401, headers: { 'dpop-nonce': 'newer', 'www-authenticate': 'DPoP error="use_dpop_nonce"' } })
  const body = new ReadableStream({ start: (controller) => { controller.enqueue(new TextEncoder().encode('a=b')); controller.close() } })
  const init: RequestInit = { method: 'POST', body, duplex: 'half' }
  t.equal((await resourceRequest(tokens, url, init, fetch)).status, 401, 'a stream is sent once')
  t.equal(op.ledger.requests.revoke.length - before, 1)
})

t.test('T17: keys that are none', async (t) => {
  const op = await hostile(t)
  const wrong: unknown[] = [{}, { privateKey: keys.publicKey, publicKey: keys.privateKey }, { privateKey: keys.privateKey }, 'key']
  for (const dpop of wrong) {
    t.throws(() => openid(t, op, { dpop: dpop as typeof keys }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
  }
})
