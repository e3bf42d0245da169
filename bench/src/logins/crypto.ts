import { createPublicKey, verify, type JsonWebKey } from 'node:crypto'
import { Pool } from 'undici'
import { client } from '../issuer.ts'
import type { Exchange } from './by-hand.ts'
import { redirectUri } from './login.ts'

/** The least that an exchange needs: one request by undici, the signature by node:crypto, and the claims. */
export async function byCrypto (issuer: string): Promise<Exchange> {
  const pool = new Pool(issuer, { connections: 128 })
  const { keys: [jwk] } = await (await fetch(`${issuer}/jwks`)).json() as { keys: JsonWebKey[] }
  const key = createPublicKey({ format: 'jwk', key: jwk as JsonWebKey })
  const headers = { 'content-type': 'application/x-www-form-urlencoded', authorization: `Basic ${Buffer.from(`${client.id}:${encodeURIComponent(client.secret)}`).toString('base64')}` }

  return async ({ query }, { nonce, codeVerifier }) => {
    const { code = '' } = query as { code?: string }
    const body = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: codeVerifier }).toString()
    const answer = await pool.request({ path: '/token', method: 'POST', headers, body })
    const { id_token: idToken } = await answer.body.json() as { id_token: string }
    const [header = '', payload = '', signature = ''] = idToken.split('.')
    const isRight = verify('sha256', Buffer.from(`${header}.${payload}`), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { iss: string, aud: string, sub: string, exp: number, nonce: string }
    if (!isRight || claims.iss !== issuer || claims.aud !== client.id || claims.nonce !== nonce || claims.exp * 1_000 < Date.now()) throw new Error('refused')
    return claims.sub
  }
}
