import { generateKeyPair } from 'jose'
import type { HostileAnswer, HostileEndpoint, HostileOverride, HostileProvider } from '../hostile-op/types.ts'
import type { ConformanceCase, Expected, Refusal } from './types.ts'

export type Misbehaviour = ConformanceCase['misbehave']

/** The codes of the library that the catalogue speaks of. */
export const codes = {
  invalid: 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID',
  unavailable: 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE',
  oversize: 'CONSENTRY_ERR_CLAIMS_OVERSIZE',
  refused: 'CONSENTRY_ERR_PROVIDER_REFUSED',
  misconfigured: 'CONSENTRY_ERR_PROVIDER_MISCONFIGURED',
  response: 'CONSENTRY_ERR_RESPONSE_INVALID',
  state: 'CONSENTRY_ERR_STATE_MISMATCH',
  issuer: 'CONSENTRY_ERR_ISSUER_MISMATCH',
  denied: 'CONSENTRY_ERR_CONSENT_DENIED',
  reauth: 'CONSENTRY_ERR_REAUTH_REQUIRED'
} as const

/** Cases that end alike. */
export function all (expected: ConformanceCase['expected'], cases: ReadonlyArray<Omit<ConformanceCase, 'expected'>>): ConformanceCase[] {
  return cases.map((each) => ({ ...each, expected }))
}

export function refusal (code: string, no: Refusal['no'], more: Omit<Refusal, 'code' | 'no'> = {}): Expected {
  return { code, no, ...more }
}

/** Claims of every ID token; `undefined` leaves one out. */
export function claims (changes: (op: HostileProvider) => Record<string, unknown>): Misbehaviour {
  return (op) => { op.idToken.claims = changes(op) }
}

export const seconds = (): number => Math.floor(Date.now() / 1000)

/** Changes the JSON that an endpoint answers. */
export function changing (endpoint: HostileEndpoint, change: (body: Record<string, unknown>, op: HostileProvider) => Record<string, unknown>): Misbehaviour {
  return (op) => {
    op.overrides[endpoint] = async (_request, usual) => {
      const answer = await usual()
      return { ...answer, body: change({ ...answer.body as Record<string, unknown> }, op) }
    }
  }
}

/** The same answer whatever is asked. */
export function answering (endpoint: HostileEndpoint, answer: HostileAnswer): Misbehaviour {
  return (op) => { op.overrides[endpoint] = () => answer }
}

export function overriding (endpoint: HostileEndpoint, override: (op: HostileProvider) => HostileOverride): Misbehaviour {
  return (op) => { op.overrides[endpoint] = override(op) }
}

/** Changes the redirect that brings the person back. */
export function redirecting (change: (location: URL, op: HostileProvider) => void): Misbehaviour {
  return overriding('authorize', (op) => async (_request, usual) => {
    const answer = await usual()
    const location = new URL(answer.headers?.['location'] ?? '')
    change(location, op)
    return { ...answer, headers: { ...answer.headers, location: location.href } }
  })
}

/** Several at once. */
export function both (...misbehaviours: readonly Misbehaviour[]): Misbehaviour {
  return async (op) => { for (const misbehave of misbehaviours) await misbehave(op) }
}

const pairs = new Map<string, ReturnType<typeof generateKeyPair>>()

/** A pair of keys that is published nowhere, the same for all cases. */
export function strangers (alg: string): ReturnType<typeof generateKeyPair> {
  const pair = pairs.get(alg) ?? generateKeyPair(alg, { extractable: true })
  pairs.set(alg, pair)
  return pair
}

/** Members as a JWT has them. */
export function encoded (value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** Changes the answer to a refresh alone. */
export function refreshing (change: (body: Record<string, unknown>) => Record<string, unknown>): Misbehaviour {
  return overriding('token', () => async ({ parameters }, usual) => {
    const answer = await usual()
    return parameters.get('grant_type') === 'refresh_token' ? { ...answer, body: change({ ...answer.body as Record<string, unknown> }) } : answer
  })
}
