import { createHash } from 'node:crypto'
import { all, answering, changing, codes, overriding, refusal } from './misbehaviour.ts'
import type { Misbehaviour } from './misbehaviour.ts'
import type { ConformanceCase, ConformanceChapter } from './types.ts'

const token = (changes: Record<string, unknown>): Misbehaviour => changing('token', (body) => ({ ...body, ...changes }))
const inverted = (text: string): string => text.replace(/./g, (each) => each === each.toUpperCase() ? each.toLowerCase() : each.toUpperCase())

/** RFC 7636 section 4.6. */
const verifyingPkce: Misbehaviour = (op) => {
  op.overrides.authorize = ({ parameters }, usual) => parameters.get('code_challenge_method') === 'S256' ? usual() : { status: 400, body: 'provider text' }
  op.overrides.token = ({ parameters }, usual) => {
    const challenge = createHash('sha256').update(parameters.get('code_verifier') ?? '').digest('base64url')
    return op.ledger.requests.authorize.at(-1)?.parameters.get('code_challenge') === challenge ? usual() : { status: 400, body: { error: 'invalid_grant' } }
  }
}

/** The scope that a run needs, and those that make an OpenID request. */
const asked = 'openid read'

const lifetimes: Array<Omit<ConformanceCase, 'expected'>> = [
  { name: 'expires-missing', does: 'no `expires_in`', oidf: ['fapi2-security-profile-final-client-test-token-endpoint-response-without-expires_in'], misbehave: token({ expires_in: undefined }) },
  { name: 'expires-null', does: '`expires_in` is `null`', misbehave: token({ expires_in: null }) },
  { name: 'expires-text', does: '`expires_in` is `"3600"`', misbehave: token({ expires_in: '3600' }) },
  { name: 'expires-fraction', does: '`expires_in` is 3599.9', misbehave: token({ expires_in: 3599.9 }) },
  { name: 'expires-zero', does: '`expires_in` is 0, each time', misbehave: token({ expires_in: 0 }) },
  { name: 'expires-huge', does: '`expires_in` is 1e300', misbehave: token({ expires_in: 1e300 }) }
]

const odd = (name: string, values: Record<string, unknown>): Array<Omit<ConformanceCase, 'expected'>> => Object.entries(values).map(([kind, value]) => ({
  name: `${name.replace('_in', '').replaceAll('_', '-')}-${kind}`,
  does: value === undefined ? `no \`${name}\`` : `\`${name}\` is \`${JSON.stringify(value)}\``,
  misbehave: token({ [name]: value })
}))

export const tokenResponse: ConformanceChapter = {
  title: 'Token response',
  rules: ['T8', 'T9', 'T15'],
  about: 'RFC 6749 sections 5.1 and 5.2. The code is sent once, whatever comes of it. A run gets what was granted, not what was asked for: what was not enough is kept all the same.',
  journey: 'sign-in and connect',
  protocols: ['oidc', 'oauth2'],
  cases: [
    ...all('accepted', [
      { name: 'client-secret-basic', does: 'takes the client secret in the `Authorization` header alone', oidf: ['oidcc-client-test-client-secret-basic'], misbehave: overriding('token', () => ({ headers, parameters }, usual) => {
        const expected = `Basic ${Buffer.from('client:the-secret-of-the-client'.replaceAll('-', '%2D')).toString('base64')}`
        return headers.authorization === expected && !parameters.has('client_secret') ? usual() : { status: 401, body: { error: 'invalid_client' } }
      }) },
      { name: 'code-verifier', does: 'checks the code verifier, of a challenge with S256', misbehave: verifyingPkce },
      ...lifetimes,
      { name: 'token-type-inverted', does: '`token_type` is in other capitals', oidf: ['fapi2-security-profile-final-client-test-token-type-case-insensitivity'], misbehave: changing('token', (body) => ({ ...body, token_type: inverted(String(body['token_type'])) })) },
      { name: 'scope-missing', does: 'no `scope`: what was asked for is granted', misbehave: token({ scope: undefined }) },
      { name: 'scope-null', does: '`scope` is `null`', misbehave: token({ scope: null }) },
      { name: 'scope-more', does: '`scope` has more than was asked for', misbehave: token({ scope: `${asked} write admin` }) },
      { name: 'scope-spaces', does: '`scope` has spaces too many and one scope twice', misbehave: token({ scope: ` read  ${asked} ` }) },
      { name: 'refresh-token-missing', does: 'no `refresh_token`', misbehave: token({ refresh_token: undefined }) },
      { name: 'refresh-token-null', does: '`refresh_token` is `null`', misbehave: token({ refresh_token: null }) },
      { name: 'token-more', does: 'members that nobody knows, and names of object members', misbehave: overriding('token', () => async (_request, usual) => ({ headers: { 'content-type': 'application/json' }, body: JSON.stringify((await usual()).body).replace('{', '{"__proto__":{"refresh_token":"stolen"},"constructor":"x","unheard_of":[],') })) }
    ]),
    ...all({ signIn: 'accepted', connect: refusal('CONSENTRY_ERR_SCOPES_MISSING', 'session', { keeps: true }) }, [
      { name: 'scope-less', does: '`scope` lacks what the run needs', misbehave: token({ scope: 'openid' }) },
      { name: 'scope-empty', does: '`scope` is empty', misbehave: token({ scope: '' }) },
      { name: 'scope-capitals', does: '`scope` has what the run needs in capitals', misbehave: token({ scope: 'openid READ' }) },
      { name: 'scope-commas', does: '`scope` has commas between scopes', misbehave: token({ scope: 'openid,read' }) }
    ]),
    ...all(refusal(codes.invalid, 'userinfo'), [
      ...odd('access_token', { missing: undefined, null: null, empty: '', number: 7, control: 'a\r\nset-cookie: x', 'not-ascii': 'ä' }),
      ...odd('token_type', { missing: undefined, mac: 'mac', dpop: 'DPoP', number: 7, member: '__proto__' }),
      ...odd('expires_in', { negative: -1, 'negative-text': '-1', word: 'soon', exponent: '1e3', list: [3600], true: true }),
      ...odd('scope', { list: ['read'], number: 7, control: 'a\u0000b' }),
      ...odd('refresh_token', { empty: '', number: 7, control: 'r\n' }),
      ...['access_token', 'refresh_token'].map((name) => ({ name: `${name.replace('_', '-')}-long`, does: `\`${name}\` has 65,537 characters`, misbehave: token({ [name]: 'x'.repeat(65_537) }) }))
    ]),
    ...all(refusal(codes.refused, 'userinfo'), [
      { name: 'code-refused', does: '`invalid_grant`', misbehave: answering('token', { status: 400, body: { error: 'invalid_grant', error_description: 'provider text' } }) },
      { name: 'code-refused-200', does: '`invalid_grant` with status 200', misbehave: answering('token', { body: { error: 'invalid_grant', error_description: 'provider text' } }) },
      { name: 'error-unknown', does: 'an error that nobody registered', misbehave: answering('token', { status: 400, body: { error: 'provider text' } }) }
    ]),
    ...all(refusal(codes.misconfigured, 'userinfo'), [
      { name: 'client-refused', does: '`invalid_client`', misbehave: answering('token', { status: 401, body: { error: 'invalid_client', error_description: 'provider text' } }) },
      { name: 'client-challenged', does: '401 with a challenge and no body', misbehave: answering('token', { status: 401, headers: { 'www-authenticate': 'Basic realm="provider text"' } }) }
    ]),
    ...all(refusal(codes.unavailable, 'userinfo'), [
      { name: 'token-unavailable', does: '`temporarily_unavailable` with status 400', misbehave: answering('token', { status: 400, body: { error: 'temporarily_unavailable' } }) },
      { name: 'token-list', does: 'a list', misbehave: answering('token', { body: ['provider text'] }) },
      { name: 'token-nothing', does: 'an empty body', misbehave: answering('token', { headers: { 'content-type': 'application/json' }, body: '' }) },
      { name: 'token-created', does: 'good tokens with status 201', misbehave: overriding('token', () => async (_request, usual) => ({ ...await usual(), status: 201 })) }
    ])
  ]
}

export const idTokenMissing: ConformanceChapter = {
  title: 'Token response of an OpenID provider',
  about: 'OpenID Connect Core section 3.1.3.3: there has to be an ID token.',
  journey: 'sign-in and connect',
  protocols: ['oidc'],
  cases: all(refusal(codes.invalid, 'userinfo'), odd('id_token', { missing: undefined, null: null, number: 7, empty: '', list: ['a.b.c'] }))
}

export const idTokenUnread: ConformanceChapter = {
  title: 'ID token that nobody asked for',
  about: 'A provider that is set up without OpenID Connect is one whose account its own endpoint tells; an ID token is left unread.',
  journey: 'sign-in and connect',
  protocols: ['oauth2'],
  cases: all('accepted', [
    { name: 'id-token-unread', does: 'an ID token of somebody else, signed by nobody', misbehave: token({ id_token: 'a.b.c' }) },
    { name: 'id-token-unread-number', does: '`id_token` is a number', misbehave: token({ id_token: 7 }) }
  ])
}
