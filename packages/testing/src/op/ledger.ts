import { performance } from 'node:perf_hooks'

/** A code or a refresh token at the token endpoint. */
export interface Presented {
  readonly type: 'code' | 'refresh_token'
  readonly value: string
  readonly clientId: string
  /** When it came, in milliseconds of `performance.now()` of this process. */
  readonly at: number
  /** Of the answer; 0 while there is none. */
  status: number
  /** Whose it was, when the answer is good. */
  sub?: string
  /** The refresh token that came with the answer. */
  brought?: string
}

/** What the local provider has seen and given out since it started. */
export interface Ledger {
  /** Requests at the token endpoint by `grant_type`, failed ones included. */
  readonly token: { authorization_code: number, refresh_token: number, [grantType: string]: number }
  /** Every code that was presented at the token endpoint, in order. */
  readonly codes: string[]
  /** Every code and refresh token that was presented, in order, with what came of it. */
  readonly presented: Presented[]
  /** Every token that was to be revoked, in order. */
  readonly revoked: string[]
  /** Every code, verifier and token that went through the token endpoint: none may turn up in a log. */
  readonly secrets: Set<string>
  /** Requests at the other endpoints. */
  authorizations: number
  pushedAuthorizations: number
  revocations: number
  userinfo: number
  discovery: number
  jwks: number
  /** Requests at the calendar API. */
  calendar: number
  /** Faults of the provider itself. Empty, or the test stands on sand. */
  readonly errors: string[]
}

/** An empty ledger. */
export function createLedger (): Ledger {
  return {
    token: { authorization_code: 0, refresh_token: 0 },
    codes: [],
    presented: [],
    revoked: [],
    secrets: new Set(),
    authorizations: 0,
    pushedAuthorizations: 0,
    revocations: 0,
    userinfo: 0,
    discovery: 0,
    jwks: 0,
    calendar: 0,
    errors: []
  }
}

function strings (source: unknown, names: readonly string[]): string[] {
  if (typeof source !== 'object' || source === null) return []
  return Object.entries(source).flatMap(([name, value]) => names.includes(name) && typeof value === 'string' && value !== '' ? [value] : [])
}

/** Enters a request at the token endpoint. Returns its entry, for the answer, when it brought a code or a refresh token. */
export function recordTokenRequest (ledger: Ledger, body: unknown, clientId: string): Presented | undefined {
  const [grantType = 'none'] = strings(body, ['grant_type'])
  ledger.token[grantType] = (ledger.token[grantType] ?? 0) + 1
  ledger.codes.push(...strings(body, ['code']))
  for (const secret of strings(body, ['code', 'code_verifier', 'device_code', 'refresh_token', 'client_secret'])) ledger.secrets.add(secret)
  const [type] = grantType === 'authorization_code' ? ['code'] as const : grantType === 'refresh_token' ? ['refresh_token'] as const : []
  const [value] = type === undefined ? [] : strings(body, [type])
  if (type === undefined || value === undefined) return undefined
  const presented = { type, value, clientId, at: performance.now(), status: 0 }
  ledger.presented.push(presented)
  return presented
}

/** Enters an answer of the token endpoint. */
export function recordTokenResponse (ledger: Ledger, body: unknown, status: number, to?: Presented, sub?: string): void {
  for (const secret of strings(body, ['access_token', 'refresh_token', 'id_token'])) ledger.secrets.add(secret)
  if (to === undefined) return
  to.status = status
  if (sub !== undefined) to.sub = sub
  const [brought] = strings(body, ['refresh_token'])
  if (brought !== undefined) to.brought = brought
}

/** Enters a request at the revocation endpoint. */
export function recordRevocation (ledger: Ledger, body: unknown): void {
  ledger.revoked.push(...strings(body, ['token']))
}
