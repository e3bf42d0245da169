import { all, codes, refusal } from './misbehaviour.ts'
import type { Misbehaviour } from './misbehaviour.ts'
import { proving } from './proving.ts'
import type { Proving } from './proving.ts'
import type { ConformanceCase, ConformanceChapter } from './types.ts'

/** Takes the first access token back, as an API does whose tokens ended early. */
const endedEarly: Misbehaviour = (op) => {
  let first: string | undefined
  op.overrides.resource = async ({ headers }, usual) => {
    first ??= headers.authorization
    return headers.authorization === first ? { status: 401, headers: { 'www-authenticate': 'DPoP error="invalid_token"' } } : usual()
  }
}

const everywhere = (way: 'once' | 'always new'): NonNullable<Proving['nonce']> => ({ par: way, token: way, userinfo: way, resource: way })
const fapi = (name: string): string[] => [`fapi2-security-profile-final-client-${name}`]
const client: NonNullable<ConformanceCase['client']> = { dpop: true, pushed: true }
const bound = (cases: ReadonlyArray<Omit<ConformanceCase, 'expected' | 'client'>>): Array<Omit<ConformanceCase, 'expected'>> => cases.map((each) => ({ ...each, client, resource: true }))

export const dpop: ConformanceChapter = {
  title: 'DPoP',
  about: 'RFC 9449 and the FAPI 2.0 Security Profile. The client has a key and pushes its requests; the provider looks at every proof, and the run asks an API with its grant.',
  journey: 'sign-in and connect',
  protocols: ['oidc', 'oauth2'],
  cases: [
    ...all('accepted', bound([
      { name: 'dpop-nonce', does: 'wants a nonce at every endpoint', oidf: fapi('test-happy-path'), misbehave: proving({ nonce: everywhere('once') }) },
      { name: 'dpop', does: 'wants no nonce', oidf: fapi('test-happy-path-no-dpop-nonce'), misbehave: proving() },
      { name: 'dpop-nonce-new', does: 'wants another nonce in every request, and says it in the answer before', misbehave: proving({ nonce: everywhere('always new') }) },
      { name: 'dpop-scheme', does: 'the API writes `dPOP` in its challenge', oidf: fapi('test-rs-dpop-auth-scheme-case-insensitivity'), misbehave: proving({ nonce: { resource: 'once' }, scheme: 'dPOP' }) },
      { name: 'dpop-type', does: '`token_type` is `dPOP`', misbehave: proving({ tokenType: 'dPOP' }) },
      { name: 'dpop-ended-early', does: 'the API refuses the first access token, and takes the one of a refresh', misbehave: async (op) => { await endedEarly(op); await proving()(op) } }
    ])),
    ...all(refusal(codes.invalid, 'userinfo'), bound([
      { name: 'dpop-bearer', does: 'bearer tokens, though the client has a key', misbehave: proving({ tokenType: 'Bearer' }) }
    ])),
    ...all(refusal(codes.refused, 'userinfo'), bound([
      { name: 'dpop-nonce-never', does: 'no nonce is ever right at the token endpoint: asked twice, no more', misbehave: proving({ nonce: { token: 'never right' } }) },
      { name: 'dpop-nonce-unheard', does: 'wants a nonce at the token endpoint and does not say which', misbehave: proving({ nonce: { token: 'unheard' } }) }
    ])),
    ...all(refusal(codes.refused, 'authorization'), bound([
      { name: 'dpop-par-nonce-never', does: 'no nonce is ever right for a pushed request', misbehave: proving({ nonce: { par: 'never right' } }) }
    ])),
    ...all({ signIn: 'accepted', connect: refusal('CONSENTRY_ERR_EXECUTION_FAILED', 'session', { keeps: true }) }, bound([
      { name: 'dpop-resource-never', does: 'no nonce is ever right at the API', misbehave: proving({ nonce: { resource: 'never right' } }) }
    ]))
  ]
}
