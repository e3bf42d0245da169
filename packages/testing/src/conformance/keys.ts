import { generateKeyPairSync } from 'node:crypto'
import { exportJWK } from 'jose'
import type { JWK } from 'jose'
import { all, answering, both, changing, codes, overriding, refusal, strangers } from './misbehaviour.ts'
import type { Misbehaviour } from './misbehaviour.ts'
import type { ConformanceChapter } from './types.ts'

/** Publishes other keys than the one that signs. */
function publishing (keys: (key: JWK, stranger: JWK) => readonly object[]): Misbehaviour {
  return async (op) => {
    const stranger = await exportJWK((await strangers('RS256')).publicKey)
    op.overrides.jwks = () => ({ body: { keys: keys(op.publicKey(), { ...stranger, alg: 'RS256', use: 'sig' }) } })
  }
}

const withoutId: Misbehaviour = (op) => { op.idToken.header = { kid: undefined } }
const bare = ({ kid: _kid, ...key }: JWK): JWK => key

/** The key changes while the token is issued, after which the client fetched the old one. */
function rotating (options: { keepId?: boolean }): Misbehaviour {
  return overriding('token', (op) => {
    let rotated = false
    return async (_request, usual) => {
      if (!rotated) await op.rotateKey(options)
      rotated = true
      return usual()
    }
  })
}

export const keys: ConformanceChapter = {
  title: 'Keys of the provider',
  rules: ['T6', 'T7'],
  about: 'RFC 7517 and OpenID Connect Core section 10.1. A token that no known key signed makes the client look for new keys once, then again after a pause.',
  journey: 'sign-in and connect',
  protocols: ['oidc'],
  cases: [
    ...all('accepted', [
      { name: 'kid-absent-one-key', does: 'no `kid`, and one key', oidf: ['oidcc-client-test-kid-absent-single-jwks'], misbehave: both(withoutId, publishing((key) => [bare(key)])) },
      { name: 'kid-absent-one-fits', does: 'no `kid`, and of several keys one fits the algorithm', misbehave: both(withoutId, publishing((key, stranger) => [bare({ ...stranger, alg: 'PS256' }), bare({ ...stranger, use: 'enc' }), bare(key)])) },
      { name: 'kid-twice-one-fits', does: 'two keys under one `kid`, one of them to encrypt', misbehave: publishing((key, stranger) => [{ ...stranger, use: 'enc', kid: key.kid }, key]) },
      { name: 'keys-odd', does: 'keys of unknown kinds beside the one that signs', misbehave: publishing((key) => [{ kty: 'unheard-of', kid: 'x' }, { kty: 'oct', k: 'AAAA', kid: 'y' }, key]) },
      { name: 'keys-many', does: 'four hundred keys, the last of which signs', misbehave: publishing((key, stranger) => [...Array.from({ length: 400 }, (_, index) => ({ ...stranger, kid: `old-${index}` })), key]) },
      { name: 'keys-found', does: 'has its keys at a URL with a query', oidf: ['oidcc-client-test-discovery-jwks-uri-keys'], misbehave: (op) => { op.metadata['jwks_uri'] = `${op.url('jwks')}?version=2` } },
      { name: 'rotated-before-signing', does: 'changes the key just before it signs', oidf: ['oidcc-client-test-signing-key-rotation-just-before-signing'], warm: true, misbehave: rotating({}) },
      { name: 'rotated-between', does: 'changes the key between two sign-ins', oidf: ['oidcc-client-test-signing-key-rotation'], warm: true, misbehave: (op) => op.rotateKey() },
      { name: 'rotated-same-id', does: 'changes the key and keeps its id', warm: true, misbehave: rotating({ keepId: true }) }
    ]),
    ...all(refusal(codes.invalid, 'userinfo'), [
      { name: 'kid-absent-more-keys', does: 'no `kid`, and several keys that fit; the test allows to refuse or to try them all', oidf: ['oidcc-client-test-kid-absent-multiple-jwks'], misbehave: both(withoutId, publishing((key, stranger) => [bare(stranger), bare(key)])) },
      { name: 'kid-twice', does: 'two keys under one `kid` that both fit', misbehave: publishing((key, stranger) => [{ ...stranger, kid: key.kid }, key]) },
      { name: 'kid-unknown', does: 'a `kid` that is not published', misbehave: (op) => { op.idToken.header = { kid: 'other' } } },
      { name: 'key-encrypts', does: 'publishes its key for encryption alone', misbehave: publishing((key) => [{ ...key, use: 'enc' }]) },
      { name: 'key-ops-wrong', does: 'publishes its key with `key_ops` of `encrypt`', misbehave: publishing(({ use: _use, ...key }) => [{ ...key, key_ops: ['encrypt'] }]) },
      { name: 'key-other-alg', does: 'publishes its key for another algorithm', misbehave: publishing((key) => [{ ...key, alg: 'PS256' }]) },
      { name: 'key-symmetric', does: 'publishes a symmetric key under the id', misbehave: publishing(({ kid }) => [{ kty: 'oct', k: 'c2VjcmV0', kid }]) },
      { name: 'key-small', does: 'publishes an RSA key of 1024 bits under the id', misbehave: (op) => { op.overrides.jwks = () => ({ body: { keys: [{ ...generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }), kid: op.publicKey().kid }] } }) } },
      { name: 'keys-empty', does: 'publishes no keys', misbehave: answering('jwks', { body: { keys: [] } }) },
      { name: 'keys-no-list', does: '`keys` is text', misbehave: answering('jwks', { body: { keys: 'provider text' } }) },
      { name: 'keys-null', does: 'the key set is `null`', misbehave: answering('jwks', { body: null }) },
      { name: 'keys-broken', does: 'its key is broken', misbehave: publishing((key) => [{ ...key, n: 'provider text', e: '' }]) }
    ]),
    ...all(refusal(codes.invalid, 'authorization'), [
      { name: 'keys-plain-http', does: '`jwks_uri` is http on another host', misbehave: (op) => { op.metadata['jwks_uri'] = 'http://provider.example/jwks' } },
      { name: 'keys-private', does: '`jwks_uri` is in a private network', misbehave: (op) => { op.metadata['jwks_uri'] = 'https://10.0.0.1/jwks' } },
      { name: 'keys-metadata-service', does: '`jwks_uri` is the metadata service of a cloud', misbehave: (op) => { op.metadata['jwks_uri'] = 'https://169.254.169.254/latest/meta-data' } },
      { name: 'keys-file', does: '`jwks_uri` is a file', misbehave: (op) => { op.metadata['jwks_uri'] = 'file:///etc/passwd' } },
      { name: 'keys-nowhere', does: 'no `jwks_uri`', misbehave: changing('discovery', ({ jwks_uri: _where, ...body }) => body) }
    ])
  ]
}
