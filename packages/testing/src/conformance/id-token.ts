import { all, claims, codes, refusal, seconds } from './misbehaviour.ts'
import type { ConformanceChapter } from './types.ts'

const elsewhere = 'https://other.example'
const anotherHash = 'AAAAAAAAAAAAAAAAAAAAAA'

export const idToken: ConformanceChapter = {
  title: 'Claims of the ID token',
  rules: ['T7'],
  about: 'OpenID Connect Core section 3.1.3.7. Every token is signed with the right key, so the claims alone decide.',
  journey: 'sign-in and connect',
  protocols: ['oidc'],
  cases: [
    ...all('accepted', [
      { name: 'id-token', does: 'does everything right', oidf: ['oidcc-client-test', 'oidcc-client-test-idtoken-sig-rs256'], misbehave: () => {} },
      { name: 'aud-list', does: '`aud` is a list of us alone', oidf: ['fapi2-security-profile-final-client-test-valid-aud-as-array'], misbehave: claims(() => ({ aud: ['client'] })) },
      { name: 'aud-more-azp', does: '`aud` has another client too, `azp` is ours', misbehave: claims(() => ({ aud: ['client', 'other'], azp: 'client' })) },
      { name: 'at-hash-missing', does: 'no `at_hash`, which the code flow does not need', misbehave: claims(() => ({ at_hash: undefined })) },
      { name: 'iat-ahead', does: '`iat` is 20 s ahead, within the tolerance for clocks', misbehave: claims(() => ({ iat: seconds() + 20 })) },
      { name: 'exp-huge', does: '`exp` is 1e300', misbehave: claims(() => ({ exp: 1e300 })) },
      { name: 'typ-own', does: '`typ` is `id_token+jwt`, which some providers made up', misbehave: (op) => { op.idToken.header = { typ: 'id_token+jwt' } } },
      { name: 'sub-longest', does: '`sub` has 255 characters, the most there may be', misbehave: (op) => { op.account.sub = 'x'.repeat(255) } }
    ]),
    ...all(refusal(codes.invalid, 'userinfo'), [
      { name: 'typ-access-token', does: '`typ` is that of an access token', misbehave: (op) => { op.idToken.header = { typ: 'at+jwt' } } },
      { name: 'typ-logout-token', does: 'a logout token in its place', misbehave: (op) => { op.idToken.forge = () => op.issueLogoutToken('client') } },
      { name: 'iss-wrong', does: '`iss` is another issuer', oidf: ['oidcc-client-test-invalid-iss', 'fapi2-security-profile-final-client-test-invalid-iss'], misbehave: claims(() => ({ iss: elsewhere })) },
      { name: 'iss-missing', does: 'no `iss`', oidf: ['fapi2-security-profile-final-client-test-invalid-missing-iss'], misbehave: claims(() => ({ iss: undefined })) },
      { name: 'iss-slash', does: '`iss` ends in a slash more', misbehave: claims(({ issuer }) => ({ iss: `${issuer}/` })) },
      { name: 'iss-list', does: '`iss` is a list', misbehave: claims(({ issuer }) => ({ iss: [issuer] })) },
      { name: 'aud-wrong', does: '`aud` is another client', oidf: ['oidcc-client-test-invalid-aud', 'fapi2-security-profile-final-client-test-invalid-aud'], misbehave: claims(() => ({ aud: 'other' })) },
      { name: 'aud-missing', does: 'no `aud`', oidf: ['oidcc-client-test-missing-aud', 'fapi2-security-profile-final-client-test-invalid-missing-aud'], misbehave: claims(() => ({ aud: undefined })) },
      { name: 'aud-empty', does: '`aud` is an empty list', misbehave: claims(() => ({ aud: [] })) },
      { name: 'aud-more', does: '`aud` has another client too, and there is no `azp`', oidf: ['fapi2-security-profile-final-client-test-invalid-secondary-aud'], misbehave: claims(() => ({ aud: ['client', 'other'] })) },
      { name: 'azp-wrong', does: '`azp` is another client', misbehave: claims(() => ({ azp: 'other' })) },
      { name: 'azp-wrong-aud-more', does: '`aud` has another client too, and `azp` is that one', misbehave: claims(() => ({ aud: ['client', 'other'], azp: 'other' })) },
      { name: 'sub-missing', does: 'no `sub`', oidf: ['oidcc-client-test-missing-sub'], misbehave: claims(() => ({ sub: undefined })) },
      { name: 'sub-empty', does: '`sub` is empty', misbehave: claims(() => ({ sub: '' })) },
      { name: 'sub-blank', does: '`sub` is blank', misbehave: claims(() => ({ sub: '  ' })) },
      { name: 'sub-number', does: '`sub` is a number', misbehave: claims(() => ({ sub: 7 })) },
      { name: 'sub-long', does: '`sub` has 256 characters', misbehave: claims(() => ({ sub: 'x'.repeat(256) })) },
      { name: 'sub-control', does: '`sub` holds a line break', misbehave: claims(() => ({ sub: 'alice\nadmin' })) },
      { name: 'iat-missing', does: 'no `iat`', oidf: ['oidcc-client-test-missing-iat'], misbehave: claims(() => ({ iat: undefined })) },
      { name: 'iat-future', does: '`iat` is two minutes ahead', misbehave: claims(() => ({ iat: seconds() + 120 })) },
      { name: 'iat-past', does: '`iat` is two hours ago', misbehave: claims(() => ({ iat: seconds() - 7200 })) },
      { name: 'iat-text', does: '`iat` is text', misbehave: claims(() => ({ iat: 'now' })) },
      { name: 'exp-past', does: '`exp` is a minute ago', oidf: ['fapi2-security-profile-final-client-test-invalid-expired-exp'], misbehave: claims(() => ({ exp: seconds() - 60 })) },
      { name: 'exp-missing', does: 'no `exp`', oidf: ['fapi2-security-profile-final-client-test-invalid-missing-exp'], misbehave: claims(() => ({ exp: undefined })) },
      { name: 'exp-text', does: '`exp` is text', misbehave: claims(() => ({ exp: '9999999999' })) },
      { name: 'nbf-future', does: '`nbf` is a minute ahead', misbehave: claims(() => ({ nbf: seconds() + 60 })) },
      { name: 'nonce-wrong', does: '`nonce` is another', oidf: ['oidcc-client-test-nonce-invalid', 'fapi2-security-profile-final-client-test-invalid-nonce'], misbehave: claims(() => ({ nonce: 'another' })) },
      { name: 'nonce-missing', does: 'no `nonce`, though one was sent', oidf: ['fapi2-security-profile-final-client-test-invalid-missing-nonce'], misbehave: claims(() => ({ nonce: undefined })) },
      { name: 'nonce-empty', does: '`nonce` is empty', misbehave: claims(() => ({ nonce: '' })) },
      { name: 'nonce-list', does: '`nonce` is a list', misbehave: claims(() => ({ nonce: ['another'] })) },
      { name: 'at-hash-wrong', does: '`at_hash` is of another access token', oidf: ['oidcc-client-test-invalid-athash'], misbehave: claims(() => ({ at_hash: anotherHash })) },
      { name: 'claims-deep', does: 'a claim that is nested a thousand times', misbehave: (op) => { op.idToken.claims = { deep: JSON.parse('['.repeat(1000) + ']'.repeat(1000)) } } },
      { name: 'claims-large', does: 'claims of 64 KB, which make the token longer than it may be', misbehave: claims(() => ({ much: 'x'.repeat(64_000) })) },
      { name: 'at-hash-empty', does: '`at_hash` is empty', misbehave: claims(() => ({ at_hash: '' })) },
      { name: 'at-hash-number', does: '`at_hash` is a number', misbehave: claims(() => ({ at_hash: 7 })) },
      { name: 'c-hash-wrong', does: '`c_hash` is of another code', oidf: ['oidcc-client-test-invalid-chash'], misbehave: claims(() => ({ c_hash: anotherHash })) }
    ])
  ]
}
