import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose'
import {
  allowInsecureRequests, authorizationCodeGrantRequest, ClientSecretBasic, customFetch, getValidatedIdTokenClaims,
  processAuthorizationCodeResponse, validateAuthResponse, type CustomFetchOptions
} from 'oauth4webapi'
import { Pool } from 'undici'
import { client } from '../issuer.ts'
import type { Exchange } from './by-hand.ts'
import { redirectUri } from './login.ts'

type Send = (url: string, options: CustomFetchOptions<string, URLSearchParams>) => Promise<Response>

/** oauth4webapi, and jose for the signature, over the global `fetch` or over a pool of undici. */
export async function byOauth4webapi (issuer: string, over: 'fetch' | 'undici'): Promise<Exchange> {
  const pool = new Pool(issuer, { connections: 128 })
  const keys = createLocalJWKSet(await (await fetch(`${issuer}/jwks`)).json() as JSONWebKeySet)
  const server = { issuer, token_endpoint: `${issuer}/token` }
  const known = { client_id: client.id, id_token_signed_response_alg: 'ES256' }
  const authentication = ClientSecretBasic(client.secret)
  const send: Send = async (url, { method, headers, body }) => {
    const answer = await pool.request({ path: new URL(url).pathname, method, headers, body: body.toString() })
    return new Response(await answer.body.text(), { status: answer.statusCode, headers: { 'content-type': String(answer.headers['content-type']) } })
  }
  const options = { [allowInsecureRequests]: true, ...over === 'undici' && { [customFetch]: send } }

  return async ({ query }, { state, nonce, codeVerifier }) => {
    const parameters = validateAuthResponse(server, known, new URLSearchParams(query as Record<string, string>), state)
    const answer = await authorizationCodeGrantRequest(server, known, authentication, parameters, redirectUri, codeVerifier, options)
    const result = await processAuthorizationCodeResponse(server, known, answer, { expectedNonce: nonce, requireIdToken: true })
    await compactVerify(result.id_token ?? '', keys, { algorithms: ['ES256'] })
    return getValidatedIdTokenClaims(result)?.sub ?? ''
  }
}
