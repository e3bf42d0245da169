import { SignJWT, UnsecuredJWT, decodeJwt, exportJWK } from 'jose'
import { all, answering, overriding, refusal, seconds, strangers } from './misbehaviour.ts'
import type { Misbehaviour } from './misbehaviour.ts'
import type { ConformanceChapter } from './types.ts'

const token = (claims: () => Record<string, unknown>): Misbehaviour => (op) => { op.logoutToken.claims = claims() }
const header = (members: Record<string, unknown>): Misbehaviour => (op) => { op.logoutToken.header = members }
const forged = (forge: (signed: string) => string | Promise<string>): Misbehaviour => (op) => { op.logoutToken.forge = forge }
const event = 'http://schemas.openid.net/event/backchannel-logout'
const oidf = (name: string): string[] => [`oidcc-client-test-rp-backchannel-rpinitlogout${name}`]

export const logoutToken: ConformanceChapter = {
  title: 'Back-channel logout',
  rules: ['T7'],
  about: 'OpenID Connect Back-Channel Logout 1.0 section 2.6. What is no logout token is a bad request (400), and the person stays signed in.',
  journey: 'logout token',
  protocols: ['oidc'],
  cases: [
    ...all('accepted', [
      { name: 'logout-token', does: 'an ordinary logout token', oidf: oidf(''), misbehave: () => {} },
      { name: 'logout-aud-more', does: '`aud` has another client too', misbehave: token(() => ({ aud: ['other', 'client'] })) },
      { name: 'logout-no-typ', does: 'no `typ`', misbehave: header({ typ: undefined }) },
      { name: 'logout-rotated', does: 'a new key, which nobody has seen yet', misbehave: (op) => op.rotateKey() }
    ]),
    ...all(refusal('CONSENTRY_ERR_MESSAGE_INVALID', 'session', { keeps: true }), [
      { name: 'logout-iss', does: '`iss` is another issuer', oidf: oidf('-wrong-iss'), misbehave: token(() => ({ iss: 'https://other.example' })) },
      { name: 'logout-aud', does: '`aud` is another client', oidf: oidf('-wrong-aud'), misbehave: token(() => ({ aud: 'other' })) },
      { name: 'logout-aud-missing', does: 'no `aud`', misbehave: token(() => ({ aud: undefined })) },
      { name: 'logout-no-event', does: 'no `events`', oidf: oidf('-no-event'), misbehave: token(() => ({ events: undefined })) },
      { name: 'logout-wrong-event', does: 'another event', oidf: oidf('-wrong-event'), misbehave: token(() => ({ events: { 'https://other.example': {} } })) },
      { name: 'logout-event-true', does: 'the event is no object', misbehave: token(() => ({ events: { [event]: true } })) },
      { name: 'logout-event-list', does: '`events` is a list', misbehave: token(() => ({ events: [event] })) },
      { name: 'logout-nonce', does: 'a `nonce`', oidf: oidf('-with-nonce'), misbehave: token(() => ({ nonce: 'n' })) },
      { name: 'logout-none', does: '`alg` is `none`', oidf: oidf('-alg-none'), misbehave: forged((signed) => new UnsecuredJWT(decodeJwt(signed)).encode()) },
      { name: 'logout-alg', does: 'signs with HS256 and the client secret', oidf: oidf('-wrong-alg'), misbehave: forged((signed) => new SignJWT(decodeJwt(signed)).setProtectedHeader({ alg: 'HS256', typ: 'logout+jwt' }).sign(Buffer.from('the-secret-of-the-client'))) },
      { name: 'logout-alg-es256', does: 'signs with ES256 and a published key, where RS256 is registered', misbehave: async (op) => {
        const { privateKey, publicKey } = await strangers('ES256')
        const jwk = { ...await exportJWK(publicKey), kid: 'es256' }
        op.logoutToken.key = privateKey
        op.logoutToken.header = { alg: 'ES256', kid: 'es256' }
        op.overrides.jwks = () => ({ body: { keys: [op.publicKey(), jwk] } })
      } },
      { name: 'logout-key', does: 'a key of somebody else', misbehave: async (op) => { op.logoutToken.key = (await strangers('RS256')).privateKey } },
      { name: 'logout-typ', does: '`typ` is that of an access token', misbehave: header({ typ: 'at+jwt' }) },
      { name: 'logout-nobody', does: 'neither `sub` nor `sid`', misbehave: token(() => ({ sub: undefined })) },
      { name: 'logout-no-jti', does: 'no `jti`', misbehave: token(() => ({ jti: undefined })) },
      { name: 'logout-iat-missing', does: 'no `iat`', misbehave: token(() => ({ iat: undefined })) },
      { name: 'logout-iat-past', does: '`iat` is ten minutes ago', misbehave: token(() => ({ iat: seconds() - 600 })) },
      { name: 'logout-exp', does: '`exp` is a minute ago', misbehave: token(() => ({ exp: seconds() - 60 })) },
      { name: 'logout-id-token', does: 'an ID token in its place', misbehave: (op) => { op.logoutToken.forge = () => op.issueIdToken('client') } }
    ])
  ]
}

export const logout: ConformanceChapter = {
  title: 'RP-initiated logout',
  about: 'OpenID Connect RP-Initiated Logout 1.0. The session here ends first, so nothing that comes back can undo it. No token stands in the URL.',
  journey: 'logout',
  protocols: ['oidc'],
  cases: all('accepted', [
    { name: 'logout', does: 'comes back with the `state`', oidf: ['oidcc-client-test-rp-init-logout'], misbehave: () => {} },
    { name: 'logout-other-state', does: 'comes back with another `state`', oidf: ['oidcc-client-test-rp-init-logout-other-state'], misbehave: redirectingBack((location) => { location.searchParams.set('state', 'another') }) },
    { name: 'logout-no-state', does: 'comes back without a `state`', oidf: ['oidcc-client-test-rp-init-logout-no-state'], misbehave: redirectingBack((location) => { location.searchParams.delete('state') }) },
    { name: 'logout-fails', does: 'answers 500', misbehave: answering('logout', { status: 500, body: 'provider text' }) }
  ])
}

function redirectingBack (change: (location: URL) => void): Misbehaviour {
  return overriding('logout', () => async (_request, usual) => {
    const location = new URL((await usual()).headers?.['location'] ?? '')
    change(location)
    return { status: 302, headers: { location: location.href } }
  })
}

export const initiatedSignIn: ConformanceChapter = {
  title: 'Sign-in that a third party starts',
  rules: ['B11', 'T4'],
  about: 'OpenID Connect Core section 4. Whoever sends a person to `/auth/login` chooses among the providers of the configuration, and where it leads is on our own origin.',
  journey: 'initiated sign-in',
  protocols: ['oidc'],
  cases: [
    ...all('accepted', [
      { name: 'initiated', does: 'names the issuer, a person and a page of ours', oidf: ['oidcc-client-test-3rd-party-init-login'], misbehave: () => {}, initiation: ({ issuer }, application) => ({ iss: issuer, login_hint: 'alice', target_link_uri: `${application}/` }) },
      { name: 'initiated-there', does: 'the same, at the address of the one provider', misbehave: () => {}, initiation: ({ issuer }, application) => ({ iss: issuer, login_hint: 'alice', target_link_uri: `${application}/` }), at: 'provider' },
      { name: 'initiated-bare', does: 'names the issuer alone', misbehave: () => {}, initiation: ({ issuer }) => ({ iss: issuer }) }
    ]),
    ...all(refusal('CONSENTRY_ERR_PROVIDER_UNKNOWN', 'authorization'), [
      { name: 'initiated-iss', does: 'an issuer that is not configured', misbehave: () => {}, initiation: () => ({ iss: 'https://other.example' }) },
      { name: 'initiated-iss-slash', does: 'the issuer with a slash more', misbehave: () => {}, initiation: ({ issuer }) => ({ iss: `${issuer}/` }) },
      { name: 'initiated-iss-there', does: 'an issuer that is not configured, at the address of one that is', misbehave: () => {}, initiation: () => ({ iss: 'https://other.example' }), at: 'provider' }
    ]),
    ...all(refusal('CONSENTRY_ERR_RETURN_TO_INVALID', 'authorization'), [
      { name: 'initiated-target', does: 'a page on another origin', misbehave: () => {}, initiation: ({ issuer }) => ({ iss: issuer, target_link_uri: 'https://other.example/' }) },
      { name: 'initiated-target-prefix', does: 'a page on an origin that begins like ours', misbehave: () => {}, initiation: ({ issuer }, application) => ({ iss: issuer, target_link_uri: `${application}.other.example/` }) },
      { name: 'initiated-target-there', does: 'a page on another origin, at the address of the provider', misbehave: () => {}, initiation: ({ issuer }) => ({ iss: issuer, target_link_uri: 'https://other.example/' }), at: 'provider' },
      { name: 'initiated-target-user', does: 'a page elsewhere, with our origin as the user', misbehave: () => {}, initiation: ({ issuer }, application) => ({ iss: issuer, target_link_uri: `${application}@other.example/` }) },
      { name: 'initiated-target-script', does: 'a script', misbehave: () => {}, initiation: ({ issuer }) => ({ iss: issuer, target_link_uri: 'javascript:alert(1)' }) },
      { name: 'initiated-target-backslash', does: 'a page that a backslash leads away', misbehave: () => {}, initiation: ({ issuer }, application) => ({ iss: issuer, target_link_uri: `${application}/\\other.example/` }) },
      { name: 'initiated-target-slashes', does: 'a page that two slashes lead away', misbehave: () => {}, initiation: ({ issuer }, application) => ({ iss: issuer, target_link_uri: `${application}//other.example/` }) }
    ]),
    ...all(refusal('CONSENTRY_ERR_MESSAGE_INVALID', 'authorization'), [
      { name: 'initiated-iss-twice', does: 'the issuer comes twice, the second another', misbehave: () => {}, initiation: ({ issuer }) => [['iss', issuer], ['iss', 'https://other.example']] },
      { name: 'initiated-hint', does: 'a hint with a line break', misbehave: () => {}, initiation: ({ issuer }) => ({ iss: issuer, login_hint: 'a\r\nb' }) }
    ])
  ]
}
