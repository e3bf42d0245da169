import { all, both, codes, overriding, redirecting, refusal } from './misbehaviour.ts'
import type { Misbehaviour } from './misbehaviour.ts'
import type { ConformanceCase, ConformanceChapter } from './types.ts'

const set = (name: string, value: string): Misbehaviour => redirecting(({ searchParams }) => { searchParams.set(name, value) })
const without = (name: string): Misbehaviour => redirecting(({ searchParams }) => { searchParams.delete(name) })
const again = (name: string, value?: string): Misbehaviour => redirecting(({ searchParams }) => { searchParams.append(name, value ?? searchParams.get(name) ?? '') })
const silentAboutIssuer: Misbehaviour = (op) => { op.metadata['authorization_response_iss_parameter_supported'] = false }

/** An error in the place of the code. */
function failing (error: string, more: Record<string, string> = {}): Misbehaviour {
  return redirecting(({ searchParams }) => {
    searchParams.delete('code')
    for (const [name, value] of Object.entries({ error, error_description: 'provider text', ...more })) searchParams.set(name, value)
  })
}

const fapi = (name: string): string => `fapi2-security-profile-final-client-test-${name}`

const states: Array<Omit<ConformanceCase, 'expected'>> = [
  { name: 'state-wrong', does: '`state` is another', oidf: [fapi('ensure-authorization-response-with-invalid-state-fails')], misbehave: set('state', 'another') },
  { name: 'state-missing', does: 'no `state`', oidf: [fapi('ensure-authorization-response-with-invalid-missing-state-fails')], misbehave: without('state') },
  { name: 'state-empty', does: '`state` is empty', misbehave: set('state', '') },
  { name: 'state-changed', does: 'the last character of `state` is another', misbehave: redirecting(({ searchParams }) => { const state = searchParams.get('state') ?? ''; searchParams.set('state', `${state.slice(0, -1)}${state.endsWith('A') ? 'B' : 'A'}`) }) },
  { name: 'state-cut', does: '`state` is cut short', misbehave: redirecting(({ searchParams }) => { searchParams.set('state', searchParams.get('state')?.slice(0, -3) ?? '') }) },
  { name: 'state-of-objects', does: '`state` is the name of an object member', misbehave: set('state', '__proto__.constructor') },
  { name: 'answer-in-fragment', does: 'everything is in the fragment, which no server sees', misbehave: redirecting((location) => { location.hash = location.search.slice(1); location.search = '' }) }
]

const malformed: Array<Omit<ConformanceCase, 'expected'>> = [
  { name: 'state-twice', does: '`state` comes twice, the same', misbehave: again('state') },
  { name: 'state-twice-other', does: '`state` comes twice, the second another', misbehave: again('state', 'another') },
  { name: 'iss-twice', does: '`iss` comes twice, the same', misbehave: again('iss') },
  { name: 'iss-twice-other', does: '`iss` comes twice, the second another', misbehave: again('iss', 'https://other.example') },
  { name: 'code-twice', does: '`code` comes twice', misbehave: again('code', 'another') },
  { name: 'code-missing', does: 'neither `code` nor `error`', misbehave: without('code') },
  { name: 'code-empty', does: '`code` is empty', misbehave: set('code', '') },
  { name: 'code-control', does: '`code` holds a line break', misbehave: set('code', 'a\r\nb') },
  { name: 'code-long', does: '`code` has 4097 characters', misbehave: set('code', 'x'.repeat(4097)) },
  { name: 'code-and-error', does: '`code` and `error`', misbehave: set('error', 'access_denied') },
  { name: 'error-empty', does: '`error` is empty, in the place of the code', misbehave: failing('') },
  { name: 'error-control', does: '`error` holds a line break', misbehave: failing('access_denied\r\nb') },
  { name: 'error-twice', does: '`error` comes twice, in the place of the code', misbehave: redirecting(({ searchParams }) => { searchParams.delete('code'); for (const error of ['access_denied', 'server_error']) searchParams.append('error', error) }) },
  { name: 'unknown-twice', does: 'a parameter that nobody knows comes twice', misbehave: both(again('unheard_of', 'a'), redirecting(({ searchParams }) => { searchParams.append('unheard_of', 'a'); searchParams.append('unheard_of', 'b') })) },
  ...['id_token', 'access_token', 'token_type', 'response'].map((name) => ({ name: `with-${name.replace('_', '-')}`, does: `\`${name}\` of another flow comes along`, misbehave: set(name, 'x') }))
]

export const authorizationResponse: ConformanceChapter = {
  title: 'Authorization response',
  rules: ['B8', 'B9', 'B10', 'B14'],
  about: 'RFC 6749 section 4.1.2, RFC 9207 and RFC 9700 section 4.4. A response that is not the right one uses nothing up: the run goes on waiting. Only an error that is right in all else is an answer.',
  journey: 'sign-in and connect',
  protocols: ['oidc', 'oauth2'],
  cases: [
    ...all('accepted', [
      { name: 'response', does: 'an ordinary response, with `iss`', misbehave: () => {} },
      { name: 'response-more', does: 'parameters that nobody knows', misbehave: set('session_state', 'x') },
      { name: 'response-iss-unsaid', does: '`iss` comes, though the provider does not say that it sends it', misbehave: silentAboutIssuer },
      { name: 'response-no-iss', does: 'no `iss`, and the provider does not say that it sends it', misbehave: both(silentAboutIssuer, without('iss')) }
    ]),
    ...all(refusal(codes.state, 'token'), states),
    ...all(refusal(codes.issuer, 'token'), [
      { name: 'response-iss-wrong', does: '`iss` is another', oidf: [fapi('invalid-authorization-response-iss')], misbehave: set('iss', 'https://other.example') },
      { name: 'response-iss-wrong-unsaid', does: '`iss` is another, and the provider does not say that it sends it', misbehave: both(silentAboutIssuer, set('iss', 'https://other.example')) },
      { name: 'response-iss-slash', does: '`iss` ends in a slash more', misbehave: redirecting(({ searchParams }, { issuer }) => { searchParams.set('iss', `${issuer}/`) }) },
      { name: 'response-iss-empty', does: '`iss` is empty', misbehave: set('iss', '') },
      { name: 'denied-elsewhere', does: '`access_denied` with the `iss` of another', misbehave: failing('access_denied', { iss: 'https://other.example' }) }
    ]),
    ...all(refusal(codes.response, 'token'), malformed),
    ...all(refusal(codes.denied, 'token', { settles: true }), [
      { name: 'denied', does: '`access_denied`: the person declined', misbehave: failing('access_denied') }
    ]),
    ...all(refusal(codes.refused, 'token', { settles: true }), [
      { name: 'error-scope', does: '`invalid_scope`', misbehave: failing('invalid_scope') },
      { name: 'error-interaction', does: '`interaction_required`, though nothing was said of doing without', misbehave: failing('interaction_required') }
    ]),
    ...all(refusal(codes.unavailable, 'token', { settles: true }), [
      { name: 'error-unheard', does: 'an error that nobody registered', misbehave: failing('<b>provider text</b>') },
      { name: 'error-passing', does: '`temporarily_unavailable`', misbehave: failing('temporarily_unavailable') },
      { name: 'error-server', does: '`server_error`', misbehave: failing('server_error') }
    ])
  ]
}

/** Only of a provider that says in its metadata that it sends `iss`. */
export const advertisedIssuer: ConformanceChapter = {
  title: 'Authorization response of an OpenID provider',
  rules: ['B9', 'B10'],
  about: 'What the discovery document promises, and what only a browser could do with the answer. The redirect URI of each provider is its own.',
  journey: 'sign-in and connect',
  protocols: ['oidc'],
  cases: [
    ...all(refusal(codes.issuer, 'token'), [
      { name: 'response-iss-missing', does: 'no `iss`, though the provider says that it sends it', oidf: [fapi('remove-authorization-response-iss')], misbehave: without('iss') },
      { name: 'denied-no-iss', does: '`access_denied` without `iss`, though the provider says that it sends it', misbehave: both(failing('access_denied'), (op) => { const denied = op.overrides.authorize; op.overrides.authorize = async (request, usual, response) => { const answer = await denied?.(request, usual, response); const location = new URL(answer?.headers?.['location'] ?? ''); location.searchParams.delete('iss'); return { ...answer, headers: { location: location.href } } } }) }
    ]),
    ...all(refusal(codes.state, 'token'), [
      { name: 'mix-up', does: 'sends the answer to the redirect URI of another provider', misbehave: redirecting((location) => { location.pathname = location.pathname.replace(/[^/]+$/, 'home') }) }
    ]),
    ...all({ signIn: refusal('CONSENTRY_ERR_NOT_FOUND', 'token'), connect: refusal('CONSENTRY_ERR_CROSS_ORIGIN', 'token') }, [
      { name: 'form-post', does: 'posts the answer by a form that sends itself, which was not asked for', misbehave: overriding('authorize', () => async (_request, usual) => {
        const location = new URL((await usual()).headers?.['location'] ?? '')
        const fields = [...location.searchParams].map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`)
        return { body: `<!doctype html><script>document.forms[0].submit()</script><form method="post" action="${location.origin}${location.pathname}">${fields.join('')}</form>` }
      }) }
    ])
  ]
}
