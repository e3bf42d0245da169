import { createPublicKey } from 'node:crypto'
import { SignJWT, decodeJwt, exportJWK } from 'jose'
import { all, both, codes, encoded, overriding, refusal, strangers } from './misbehaviour.ts'
import type { Misbehaviour } from './misbehaviour.ts'
import type { ConformanceChapter } from './types.ts'

/** Makes something else of the signed ID token. */
function forging (forge: (signed: string) => string | Promise<string>): Misbehaviour {
  return (op) => { op.idToken.forge = forge }
}

/** Signs with a key of somebody else, and says so in the header as told. */
function foreign (header: (jwk: object, op: Parameters<Misbehaviour>[0]) => Record<string, unknown>): Misbehaviour {
  return async (op) => {
    const { privateKey, publicKey } = await strangers('RS256')
    op.idToken.key = privateKey
    op.idToken.header = header(await exportJWK(publicKey), op)
  }
}

/** What a verifier that takes any algorithm would use as the secret of HS256. */
function hmac (form: 'pem' | 'jwk'): Misbehaviour {
  return (op) => {
    op.idToken.forge = (signed) => {
      const jwk = op.publicKey()
      const key = form === 'jwk' ? JSON.stringify(jwk) : createPublicKey({ key: { kty: 'RSA', n: jwk.n ?? '', e: jwk.e ?? '' }, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
      return new SignJWT(decodeJwt(signed)).setProtectedHeader({ alg: 'HS256', kid: jwk.kid ?? '' }).sign(Buffer.from(key))
    }
  }
}

/** Signs with another algorithm, whose key is published beside the usual one. */
function algorithm (alg: string): Misbehaviour {
  return async (op) => {
    const { privateKey, publicKey } = await strangers(alg)
    const jwk = { ...await exportJWK(publicKey), kid: alg, alg, use: 'sig' }
    op.idToken.key = privateKey
    op.idToken.header = { alg, kid: alg }
    op.overrides.jwks = () => ({ body: { keys: [op.publicKey(), jwk] } })
  }
}

const parts = (jwt: string): [string, string, string] => jwt.split('.') as [string, string, string]

export const signature: ConformanceChapter = {
  title: 'Signature of the ID token',
  rules: ['T7'],
  about: 'RFC 8725. The client accepts RS256 and nothing else unless said otherwise; keys that a token brings along count for nothing.',
  journey: 'sign-in and connect',
  protocols: ['oidc'],
  cases: [
    { name: 'alg-registered', does: 'signs with PS256, which the client is set to accept', client: { signingAlgorithms: ['PS256'] }, misbehave: algorithm('PS256'), expected: 'accepted' },
    ...all(refusal(codes.invalid, 'userinfo'), [
      { name: 'signature-broken', does: 'the signature is changed in one place', oidf: ['oidcc-client-test-invalid-sig-rs256'], misbehave: forging((signed) => { const [header, payload, signature] = parts(signed); return `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}` }) },
      { name: 'signature-cut', does: 'the signature is cut short', misbehave: forging((signed) => signed.slice(0, -8)) },
      { name: 'signature-empty', does: 'the signature is left out', misbehave: forging((signed) => signed.replace(/[^.]+$/, '')) },
      { name: 'payload-swapped', does: 'the payload is another than was signed', misbehave: forging((signed) => { const [header, , signature] = parts(signed); return `${header}.${encoded({ ...decodeJwt(signed), sub: 'admin' })}.${signature}` }) },
      { name: 'alg-none', does: '`alg` is `none`, without a signature', oidf: ['oidcc-client-test-idtoken-sig-none', 'fapi2-security-profile-final-client-test-invalid-null-alg'], misbehave: forging((signed) => `${encoded({ alg: 'none' })}.${parts(signed)[1]}.`) },
      { name: 'alg-none-spelled', does: '`alg` is `NoNe`, with the signature of before', misbehave: forging((signed) => `${encoded({ alg: 'NoNe', kid: 'key-1' })}.${parts(signed)[1]}.${parts(signed)[2]}`) },
      { name: 'alg-hs256-public-key', does: 'HS256 with the public key in PEM as the secret', misbehave: hmac('pem') },
      { name: 'alg-hs256-jwk', does: 'HS256 with the published JWK as the secret', misbehave: hmac('jwk') },
      { name: 'alg-hs256-client-secret', does: 'HS256 with the client secret, which was never agreed', oidf: ['oidcc-client-test-invalid-sig-hs256'], misbehave: forging(async (signed) => new SignJWT(decodeJwt(signed)).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from('the-secret-of-the-client'))) },
      { name: 'alg-es256', does: 'signs with ES256 and a published key, where RS256 is registered', oidf: ['oidcc-client-test-invalid-sig-es256'], misbehave: algorithm('ES256') },
      { name: 'alg-ps256', does: 'signs with PS256 and a published key, where RS256 is registered', misbehave: algorithm('PS256') },
      { name: 'alg-rs256', does: 'signs with RS256, where PS256 is registered', oidf: ['fapi2-security-profile-final-client-test-invalid-alternate-alg'], client: { signingAlgorithms: ['PS256'] }, misbehave: () => {} },
      { name: 'key-foreign', does: 'signs with a key of somebody else under the published id', misbehave: foreign(() => ({})) },
      { name: 'key-in-header', does: 'brings its key along in `jwk`', misbehave: foreign((jwk) => ({ jwk })) },
      { name: 'key-url-in-header', does: 'names a place for its key in `jku` and `x5u`', misbehave: both(foreign((_jwk, op) => ({ jku: op.url('elsewhere'), x5u: op.url('elsewhere') })), overriding('elsewhere', () => async () => ({ body: { keys: [await exportJWK((await strangers('RS256')).publicKey)] } }))) },
      { name: 'header-crit', does: 'names a critical extension that nobody knows', misbehave: forging((signed) => `${encoded({ alg: 'RS256', kid: 'key-1', crit: ['x'], x: 1 })}.${parts(signed)[1]}.${parts(signed)[2]}`) },
      { name: 'jwt-encrypted', does: 'sends what looks like an encrypted JWT', misbehave: forging(() => 'a.b.c.d.e') },
      { name: 'jwt-none', does: 'sends text that is no JWT', misbehave: forging(() => 'provider text') }
    ])
  ]
}
