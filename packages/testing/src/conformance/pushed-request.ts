import type { HostileAnswer } from '../hostile-op/types.ts'
import { all, changing, codes, refusal } from './misbehaviour.ts'
import type { Misbehaviour } from './misbehaviour.ts'
import type { ConformanceCase, ConformanceChapter } from './types.ts'

const par = (answer: HostileAnswer): Misbehaviour => (op) => { op.overrides.par = () => answer }
const pushed = (cases: ReadonlyArray<Omit<ConformanceCase, 'expected' | 'client'>>): Array<Omit<ConformanceCase, 'expected'>> => cases.map((each) => ({ ...each, client: { pushed: true } }))
const members = (change: Record<string, unknown>): Misbehaviour => changing('par', (body) => ({ ...body, ...change }))

export const pushedRequest: ConformanceChapter = {
  title: 'Pushed authorization request',
  about: 'RFC 9126. The browser carries the name of the request and nothing else; without a name nobody is sent anywhere.',
  journey: 'sign-in and connect',
  protocols: ['oidc', 'oauth2'],
  cases: [
    ...all('accepted', pushed([{ name: 'par', does: 'an ordinary answer', misbehave: () => {} }])),
    ...all(refusal(codes.invalid, 'authorization'), pushed([
      { name: 'par-no-uri', does: 'no `request_uri`', misbehave: members({ request_uri: undefined }) },
      { name: 'par-uri-empty', does: '`request_uri` is empty', misbehave: members({ request_uri: '' }) },
      { name: 'par-uri-number', does: '`request_uri` is a number', misbehave: members({ request_uri: 7 }) },
      { name: 'par-no-lifetime', does: 'no `expires_in`', misbehave: members({ expires_in: undefined }) },
      { name: 'par-lifetime-text', does: '`expires_in` is text', misbehave: members({ expires_in: 'soon' }) }
    ])),
    ...all(refusal(codes.unavailable, 'authorization'), pushed([
      { name: 'par-200', does: 'a good answer with status 200', misbehave: par({ status: 200, body: { request_uri: 'urn:x', expires_in: 60 } }) }
    ])),
    ...all(refusal(codes.misconfigured, 'authorization'), pushed([
      { name: 'par-client-refused', does: '`invalid_client`', misbehave: par({ status: 401, body: { error: 'invalid_client', error_description: 'provider text' } }) }
    ])),
    ...all(refusal(codes.refused, 'authorization'), pushed([
      { name: 'par-refused', does: '`invalid_request`', misbehave: par({ status: 400, body: { error: 'invalid_request', error_description: 'provider text' } }) }
    ]))
  ]
}

const required: Misbehaviour = (op) => { op.metadata['require_pushed_authorization_requests'] = true }

export const requiredPushedRequest: ConformanceChapter = {
  title: 'Pushed authorization request that the provider requires',
  about: 'RFC 9126 section 5.',
  journey: 'sign-in and connect',
  protocols: ['oidc'],
  cases: [
    ...all('accepted', [{ name: 'par-required', does: 'requires pushed requests in its document', misbehave: required }]),
    ...all(refusal(codes.invalid, 'authorization'), [
      { name: 'par-required-nowhere', does: 'requires them and has no endpoint for them', misbehave: async (op) => { await required(op); op.metadata['pushed_authorization_request_endpoint'] = undefined } }
    ])
  ]
}
