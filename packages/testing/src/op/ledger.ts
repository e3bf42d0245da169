/** What the local provider has seen and given out since it started. */
export interface Ledger {
  /** Requests at the token endpoint by `grant_type`, failed ones included. */
  readonly token: { authorization_code: number, refresh_token: number, [grantType: string]: number }
  /** Every code that was presented at the token endpoint, in order. */
  readonly codes: string[]
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

/** Enters a request at the token endpoint. */
export function recordTokenRequest (ledger: Ledger, body: unknown): void {
  const [grantType = 'none'] = strings(body, ['grant_type'])
  ledger.token[grantType] = (ledger.token[grantType] ?? 0) + 1
  ledger.codes.push(...strings(body, ['code']))
  for (const secret of strings(body, ['code', 'code_verifier', 'device_code', 'refresh_token', 'client_secret'])) ledger.secrets.add(secret)
}

/** Enters an answer of the token endpoint. */
export function recordTokenResponse (ledger: Ledger, body: unknown): void {
  for (const secret of strings(body, ['access_token', 'refresh_token', 'id_token'])) ledger.secrets.add(secret)
}
