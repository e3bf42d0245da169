import type { HostileAnswer, HostileEndpoint, HostileLedger, HostileRequest } from './types.ts'

export function createLedger (): HostileLedger {
  return {
    requests: { discovery: [], jwks: [], par: [], device: [], authorize: [], token: [], userinfo: [], revoke: [], logout: [], resource: [], elsewhere: [] },
    codes: [], refreshTokens: [], revoked: [], secrets: new Set()
  }
}

export function recordRequest (ledger: HostileLedger, endpoint: HostileEndpoint, request: HostileRequest): void {
  const { parameters } = request
  ledger.requests[endpoint].push(request)
  if (endpoint === 'token' && parameters.has('code')) ledger.codes.push(parameters.get('code') ?? '')
  if (endpoint === 'token' && parameters.has('refresh_token')) ledger.refreshTokens.push(parameters.get('refresh_token') ?? '')
  if (endpoint === 'revoke') ledger.revoked.push(parameters.get('token') ?? '')
}

/** Takes down the secrets in what is about to be answered. */
export function recordAnswer ({ secrets }: HostileLedger, { headers, body }: HostileAnswer): void {
  const members = typeof body === 'object' && body !== null ? body as Record<string, unknown> : {}
  const code = URL.canParse(headers?.['location'] ?? '') ? new URL(headers?.['location'] ?? '').searchParams.get('code') : undefined
  for (const secret of [code, members['device_code'], members['access_token'], members['refresh_token'], members['id_token']]) {
    if (typeof secret === 'string' && secret.length > 20) secrets.add(secret)
  }
}
