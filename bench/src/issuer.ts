import { generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

/** An authorization server that does what it is asked at once, so that its clients are measured and not it. */
export interface Issuer {
  url: string
  close: () => Promise<void>
}

/** Asks for access tokens: as many, each with a subject of its own from `first` on. */
export interface TokenOrder {
  first: number
  count: number
}

/** The audience of its access tokens. */
export const audience = 'https://api.example.com'
/** The client that it knows. */
export const client = { id: 'bench', secret: 'a secret of the bench' } as const
/** The name that its ID tokens and grants are for. */
const subjectOf = (index: number): string => `user-${index}`

/** What a person and their browser would have brought about, or an earlier exchange. */
export interface Consented {
  subject: string
  nonce?: string
  /** How long the answer takes, in milliseconds. */
  delay?: number
}

/** Starts it on a free port of this machine. Codes and refresh tokens come from `codeFor`. */
export async function startIssuer (): Promise<Issuer> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'bench', alg: 'ES256', use: 'sig' }
  let requests = 0
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => { response.writeHead(500).end(String(error)) })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  /** By node:crypto, which signs several times as many in a second as WebCrypto does. */
  function jwt (claims: Record<string, unknown>, typ: string): string {
    const now = Math.floor(Date.now() / 1_000)
    const [header, payload] = [{ alg: 'ES256', kid: 'bench', typ }, { iss: url, iat: now, exp: now + 3_600, ...claims }].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    const signature = sign('sha256', Buffer.from(`${header}.${payload}`), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    return `${header}.${payload}.${signature.toString('base64url')}`
  }

  async function answer (request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (value: unknown): void => {
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(value))
    }
    switch (request.url) {
      case '/.well-known/openid-configuration': return send(metadata(url))
      case '/jwks': return send({ keys: [jwk] })
      case '/token': return send(await tokens(new URLSearchParams(await text(request))))
      case '/requests': return send(requests)
      case '/order': return send(order(JSON.parse(await text(request)) as TokenOrder))
      default: response.writeHead(404).end()
    }
  }

  /** RFC 6749 section 5.1, with the ID token of OpenID Connect Core section 3.1.3.3. */
  async function tokens (form: URLSearchParams): Promise<object> {
    requests++
    const { nonce, subject, delay = 0 } = JSON.parse(Buffer.from(form.get('code') ?? form.get('refresh_token') ?? '', 'base64url').toString()) as Consented
    if (delay > 0) await sleep(delay)
    return {
      access_token: `access-token-of-${subject}`,
      token_type: 'Bearer',
      expires_in: 3600,
      refresh_token: codeFor({ subject }),
      scope: 'openid profile email',
      id_token: jwt({ sub: subject, aud: client.id, name: 'Alice Example', email: `${subject}@example.com`, ...nonce !== undefined && { nonce } }, 'JWT')
    }
  }

  /** RFC 9068. */
  function order ({ first, count }: TokenOrder): string[] {
    return Array.from({ length: count }, (_, index) =>
      jwt({ sub: subjectOf(first + index), aud: audience, client_id: client.id, scope: 'read write', groups: ['staff'], email: `${subjectOf(first + index)}@example.com` }, 'at+jwt'))
  }

  return {
    url,
    async close () {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
  }
}

/** A code, or a refresh token, that means this to the issuer. */
export function codeFor (consented: Consented): string {
  return Buffer.from(JSON.stringify(consented)).toString('base64url')
}

/** How many token requests the issuer has had. */
export async function tokenRequests (issuer: string): Promise<number> {
  return await (await fetch(`${issuer}/requests`)).json() as number
}

/** Access tokens of the issuer: JWTs, signed with ES256. */
export async function orderTokens (issuer: string, order: TokenOrder): Promise<string[]> {
  const response = await fetch(`${issuer}/order`, { method: 'POST', body: JSON.stringify(order) })
  return await response.json() as string[]
}

function metadata (issuer: string): object {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    authorization_response_iss_parameter_supported: false
  }
}
