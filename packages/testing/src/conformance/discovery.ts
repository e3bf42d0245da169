import { all, answering, codes, overriding, refusal } from './misbehaviour.ts'
import type { Misbehaviour } from './misbehaviour.ts'
import type { ConformanceCase, ConformanceChapter } from './types.ts'

const names = ['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'revocation_endpoint', 'end_session_endpoint', 'pushed_authorization_request_endpoint'] as const
const document = (members: (issuer: string) => Record<string, unknown>): Misbehaviour => (op) => { Object.assign(op.metadata, members(op.issuer)) }

/** Members that are there already, once more at the end. */
function twice (members: () => Record<string, unknown>): Misbehaviour {
  return overriding('discovery', () => async (_request, usual) => ({
    headers: { 'content-type': 'application/json' }, body: `${JSON.stringify((await usual()).body).slice(0, -1)},${JSON.stringify(members()).slice(1)}`
  }))
}

/** Where no endpoint may be, in words and as a URL. */
const places: ReadonlyArray<readonly [name: string, words: string, url: unknown]> = [
  ['http', 'plain http', 'http://provider.example/x'],
  ['private', 'in a private network', 'https://192.168.0.1/x'],
  ['link-local', 'the metadata service of a cloud', 'https://169.254.169.254/latest/meta-data'],
  ['v6-private', 'in a private network, by IPv6', 'https://[fd00::1]/x'],
  ['mapped', 'a private address in an IPv6 one', 'https://[::ffff:10.0.0.1]/x'],
  ['nat64', 'a private address behind NAT64', 'https://[64:ff9b::10.0.0.1]/x'],
  ['decimal', 'a private address as one number', 'https://167772161/x'],
  ['hex', 'a private address in hexadecimal', 'https://0x0a.0.0.0x1/x'],
  ['dot', 'a private address with a dot at its end', 'https://10.0.0.1./x'],
  ['unspecified', 'the address of no host', 'https://0.0.0.0/x'],
  ['script', 'a script', 'javascript:alert(1)'],
  ['relative', 'relative', '/x'],
  ['credentials', 'with a user and a password', 'https://user:pass@provider.example/x'],
  ['fragment', 'with a fragment', 'https://provider.example/x#y'],
  ['object', 'an object', {}]
]

const misplaced: Array<Omit<ConformanceCase, 'expected'>> = [
  ...places.map(([name, words, url]) => ({ name: `token-endpoint-${name}`, does: `\`token_endpoint\` is ${words}`, misbehave: document(() => ({ token_endpoint: url })) })),
  ...names.filter((name) => name !== 'token_endpoint').map((name) => ({
    name: `${name.replaceAll('_', '-')}-private`.replace('pushed-authorization-request', 'par'), does: `\`${name}\` is in a private network`, misbehave: document(() => ({ [name]: 'https://10.0.0.1/x' }))
  })),
  ...['authorization_endpoint', 'token_endpoint'].map((name) => ({
    name: `${name.replaceAll('_', '-')}-missing`, does: `no \`${name}\``, misbehave: document(() => ({ [name]: undefined }))
  }))
]

export const discovery: ConformanceChapter = {
  title: 'Discovery',
  rules: ['T6', 'T8'],
  about: 'OpenID Connect Discovery 1.0 section 4 and RFC 9700 section 2.1.1. The document is checked before anybody is sent anywhere; a run that waits goes on waiting.',
  journey: 'sign-in and connect',
  protocols: ['oidc'],
  cases: [
    ...all('accepted', [
      { name: 'discovery', does: 'an ordinary document', oidf: ['oidcc-client-test-discovery-openid-config'], misbehave: () => {} },
      { name: 'discovery-more', does: 'members that nobody knows, and names of object members', misbehave: overriding('discovery', () => async (_request, usual) => ({ headers: { 'content-type': 'application/json' }, body: JSON.stringify((await usual()).body).replace('{', '{"__proto__":{"issuer":"https://other.example"},"constructor":"x","unheard_of":[],') })) },
      { name: 'discovery-no-pkce', does: 'does not say which PKCE methods it knows', misbehave: document(() => ({ code_challenge_methods_supported: undefined })) },
      { name: 'discovery-foreign', does: 'has its token, key and userinfo endpoints on another host, as large providers do', misbehave: (op) => { for (const [name, endpoint] of [['token_endpoint', 'token'], ['jwks_uri', 'jwks'], ['userinfo_endpoint', 'userinfo']] as const) op.metadata[name] = op.url(endpoint).replace('127.0.0.1', 'localhost') } },
      { name: 'discovery-aliases', does: 'has other endpoints for clients with certificates, elsewhere, and signed metadata; both are left unread', misbehave: (op) => { Object.assign(op.metadata, { mtls_endpoint_aliases: { token_endpoint: op.url('elsewhere'), userinfo_endpoint: op.url('elsewhere') }, signed_metadata: 'a.b.c' }) } },
      { name: 'discovery-mark', does: 'the document begins with a byte order mark', misbehave: overriding('discovery', () => async (_request, usual) => ({ headers: { 'content-type': 'application/json' }, body: `\ufeff${JSON.stringify((await usual()).body)}` })) },
      { name: 'discovery-alg-none', does: 'lists `none` and `HS256` among its algorithms, and uses neither', misbehave: document(() => ({ id_token_signing_alg_values_supported: ['none', 'HS256', 'RS256'] })) },
      { name: 'discovery-media-type', does: 'the document is JSON and says to be HTML', misbehave: overriding('discovery', () => async (_request, usual) => ({ body: JSON.stringify((await usual()).body) })) },
      { name: 'discovery-no-userinfo', does: 'has no userinfo endpoint', misbehave: document(() => ({ userinfo_endpoint: undefined })) }
    ]),
    ...all(refusal(codes.invalid, 'authorization'), [
      { name: 'issuer-wrong', does: '`issuer` is another', oidf: ['oidcc-client-test-discovery-issuer-mismatch', 'fapi2-security-profile-final-client-test-discovery-issuer-mismatch'], misbehave: document(() => ({ issuer: 'https://other.example' })) },
      { name: 'issuer-missing', does: 'no `issuer`', misbehave: document(() => ({ issuer: undefined })) },
      { name: 'issuer-slash', does: '`issuer` ends in a slash more', misbehave: document((issuer) => ({ issuer: `${issuer}/` })) },
      { name: 'issuer-case', does: '`issuer` has its scheme in capitals', misbehave: document((issuer) => ({ issuer: issuer.replace('http', 'HTTP') })) },
      { name: 'issuer-twice', does: '`issuer` comes twice, the second another', misbehave: twice(() => ({ issuer: 'https://other.example' })) },
      { name: 'token-endpoint-twice', does: '`token_endpoint` comes twice, the second in a private network', misbehave: twice(() => ({ token_endpoint: 'https://10.0.0.1/x' })) },
      { name: 'pkce-plain', does: 'offers PKCE `plain` alone', misbehave: document(() => ({ code_challenge_methods_supported: ['plain'] })) },
      { name: 'pkce-unknown', does: 'offers PKCE methods that nobody knows', misbehave: document(() => ({ code_challenge_methods_supported: ['S512', 's256'] })) },
      { name: 'discovery-list', does: 'the document is a list', misbehave: answering('discovery', { body: [] }) },
      ...misplaced
    ]),
    ...all(refusal(codes.unavailable, 'authorization'), [
      { name: 'discovery-absent', does: 'there is no document', misbehave: answering('discovery', { status: 404, body: 'provider text' }) },
      { name: 'discovery-half', does: 'the JSON ends in the middle', misbehave: answering('discovery', { headers: { 'content-type': 'application/json' }, body: '{"issuer":"provider text' }) },
      { name: 'discovery-moved', does: 'redirects to the document', misbehave: overriding('discovery', (op) => () => ({ status: 301, headers: { location: op.url('elsewhere') } })) }
    ])
  ]
}
