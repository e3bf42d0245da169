import { createHash } from 'node:crypto'
import { EmbeddedJWK, calculateJwkThumbprint, jwtVerify } from 'jose'
import type { HostileAnswer, HostileEndpoint, HostileProvider, HostileRequest } from '../hostile-op/types.ts'
import type { Misbehaviour } from './misbehaviour.ts'

export interface Proving {
  /** Which endpoints want a nonce; `unheard` names none that would do. */
  nonce?: Partial<Record<HostileEndpoint, 'once' | 'always new' | 'never right' | 'unheard'>>
  /** As the resource writes it in its challenge. */
  scheme?: string
  /** Of the token answers. */
  tokenType?: string
}

const proven: readonly HostileEndpoint[] = ['par', 'token', 'userinfo', 'resource']

/** A provider that looks at every proof (RFC 9449 section 4.3) and binds its tokens to the key. */
export function proving ({ nonce = {}, scheme = 'DPoP', tokenType = 'DPoP' }: Proving = {}): Misbehaviour {
  return (op) => {
    let keys: string | undefined
    for (const endpoint of proven) {
      const usualWay = op.overrides[endpoint]
      let expected = `${endpoint}-0`
      let asked = 0
      op.overrides[endpoint] = async (request, usual, response) => {
        const { fault, jkt, nonce: given } = await proofOf(op, endpoint, request)
        const way = nonce[endpoint]
        if (fault !== undefined || (keys !== undefined && jkt !== keys)) return challenge(endpoint, scheme, 'invalid_dpop_proof')
        keys = jkt
        if (way !== undefined && (given !== expected || way === 'never right' || way === 'unheard')) {
          if (way !== 'once') expected = `${endpoint}-${++asked}`
          return challenge(endpoint, scheme, 'use_dpop_nonce', way === 'unheard' ? undefined : expected)
        }
        if (way === 'always new') expected = `${endpoint}-${++asked}`
        const answer = await (usualWay ?? ((_request, usual) => usual()))(request, usual, response)
        const body = endpoint === 'token' ? { ...answer?.body as object, token_type: tokenType } : answer?.body
        return { ...answer, body, headers: { ...answer?.headers, ...way === 'always new' && { 'dpop-nonce': expected } } }
      }
    }
  }
}

async function proofOf (op: HostileProvider, endpoint: HostileEndpoint, { method, url, headers }: HostileRequest): Promise<{ fault?: string, jkt?: string, nonce?: unknown }> {
  try {
    const { payload, protectedHeader } = await jwtVerify(String(headers['dpop']), EmbeddedJWK, { typ: 'dpop+jwt', algorithms: ['ES256'], maxTokenAge: 60 })
    const [scheme, accessToken = ''] = (headers.authorization ?? '').split(' ')
    if (payload['htm'] !== method || payload['htu'] !== url.origin + url.pathname) return { fault: 'of another request' }
    const bound = endpoint === 'userinfo' || endpoint === 'resource'
    if (bound && (scheme !== 'DPoP' || !op.ledger.secrets.has(accessToken))) return { fault: 'without the token' }
    if (bound && payload['ath'] !== createHash('sha256').update(accessToken).digest('base64url')) return { fault: 'of another token' }
    return { jkt: await calculateJwkThumbprint(protectedHeader.jwk ?? {}), nonce: payload['nonce'] }
  } catch {
    return { fault: 'no proof' }
  }
}

/** RFC 9449 sections 8 and 9. */
function challenge (endpoint: HostileEndpoint, scheme: string, error: string, nonce?: string): HostileAnswer {
  const header = nonce === undefined ? {} : { 'dpop-nonce': nonce }
  if (endpoint === 'token' || endpoint === 'par') return { status: 400, headers: header, body: { error, error_description: 'provider text' } }
  return { status: 401, headers: { ...header, 'www-authenticate': `${scheme} error="${error}", error_description="provider text"` } }
}
