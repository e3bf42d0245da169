import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import type { CryptoKey, JWK, JWTPayload } from 'jose'

/** What an endpoint of the hostile provider was asked. */
export interface HostileRequest {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  /** The form of a POST, or the query of a GET. */
  readonly parameters: URLSearchParams
}

/** What it answers: JSON of a body that is an object, and text of one that is a string. */
export interface HostileAnswer {
  /** 200 unless given. */
  status?: number
  headers?: Record<string, string>
  body?: unknown
}

/** Answers in the place of an endpoint, or, by resolving to `undefined`, on the bare response itself. */
export type HostileOverride = (request: HostileRequest, usual: () => Promise<HostileAnswer>, response: ServerResponse) => Promise<HostileAnswer | undefined> | HostileAnswer | undefined

export type HostileEndpoint = 'discovery' | 'jwks' | 'par' | 'authorize' | 'token' | 'userinfo' | 'revoke'

/** All that was asked since the start. */
export interface HostileLedger {
  /** In order, of each endpoint. */
  readonly requests: Readonly<Record<HostileEndpoint, HostileRequest[]>>
  /** Codes and refresh tokens presented at the token endpoint, in order. */
  readonly codes: string[]
  readonly refreshTokens: string[]
  /** Tokens presented for revocation, in order. */
  readonly revoked: string[]
}

/** Claims and header of an ID token, where they are to differ from the right ones; `undefined` leaves a claim out. */
export interface IdTokenChanges {
  claims?: Record<string, unknown>
  header?: Record<string, unknown>
  /** Signs with another key than the published one. */
  key?: CryptoKey
}

/** A running provider that does as it is told. */
export interface HostileProvider {
  readonly issuer: string
  readonly ledger: HostileLedger
  /** Answers by endpoint, set and removed at will. */
  readonly overrides: Partial<Record<HostileEndpoint, HostileOverride>>
  /** Merged into the discovery document. */
  readonly metadata: Record<string, unknown>
  /** Changes every ID token that is issued. */
  readonly idToken: IdTokenChanges
  /** The account that consents. */
  readonly account: { sub: string, [claim: string]: unknown }
  /** An ID token for the client; `accessToken` gives it its `at_hash`. */
  issueIdToken (clientId: string, options?: { nonce?: string, accessToken?: string }): Promise<string>
  /** Signs what it is given, with the published key unless `changes` say otherwise. */
  sign (payload: JWTPayload, changes?: IdTokenChanges): Promise<string>
  /** Makes a new key the only published one, under a new id unless told to keep it. */
  rotateKey (options?: { keepId?: boolean }): Promise<void>
  /** Stops listening and cuts the connections. */
  close (): Promise<void>
}

const paths: Readonly<Record<string, HostileEndpoint>> = {
  '/jwks': 'jwks',
  '/par': 'par',
  '/authorize': 'authorize',
  '/token': 'token',
  '/userinfo': 'userinfo',
  '/revoke': 'revoke'
}

/**
 * Starts a provider on 127.0.0.1 that consents to everything at once. Every endpoint can be overridden; what was asked is
 * kept. `path` is the path of the issuer, such as `/tenant` or `/`; none unless given.
 */
export async function startHostileProvider ({ path = '', alg = 'RS256' }: { path?: string, alg?: string } = {}): Promise<HostileProvider> {
  const ledger: HostileLedger = {
    requests: { discovery: [], jwks: [], par: [], authorize: [], token: [], userinfo: [], revoke: [] }, codes: [], refreshTokens: [], revoked: []
  }
  const discoveryPath = `${path.replace(/\/$/, '')}/.well-known/openid-configuration`
  const codes = new Map<string, { clientId: string, nonce: string | undefined, scope: string | undefined }>()
  const pushed = new Map<string, URLSearchParams>()
  const overrides: HostileProvider['overrides'] = {}
  const metadata: Record<string, unknown> = {}
  const idToken: IdTokenChanges = {}
  const account: HostileProvider['account'] = { sub: 'alice' }
  let key = await newKey(alg, 'key-1')
  let keys = 1

  const sign = async (payload: JWTPayload, changes: IdTokenChanges = {}) => new SignJWT(payload)
    .setProtectedHeader({ alg, kid: key.jwk.kid ?? '', ...changes.header })
    .sign(changes.key ?? key.privateKey)

  const issueIdToken: HostileProvider['issueIdToken'] = async (clientId, { nonce, accessToken } = {}) => {
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      iss: provider.issuer, sub: account.sub, aud: clientId, iat: now, exp: now + 300, nonce,
      at_hash: accessToken === undefined ? undefined : leftHalf(alg, accessToken), ...idToken.claims
    }
    return sign(Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined)), idToken)
  }

  const tokens = async (clientId: string, nonce: string | undefined, scope: string | undefined): Promise<HostileAnswer> => {
    const accessToken = `at-${random()}`
    return {
      body: {
        access_token: accessToken, token_type: 'Bearer', expires_in: 3600, refresh_token: `rt-${random()}`,
        ...scope !== undefined && { scope },
        id_token: await issueIdToken(clientId, { accessToken, ...nonce !== undefined && { nonce } })
      }
    }
  }

  const usual: Record<HostileEndpoint, (request: HostileRequest) => Promise<HostileAnswer>> = {
    discovery: async () => ({
      body: {
        issuer: provider.issuer,
        authorization_endpoint: `${origin}/authorize`,
        token_endpoint: `${origin}/token`,
        jwks_uri: `${origin}/jwks`,
        userinfo_endpoint: `${origin}/userinfo`,
        revocation_endpoint: `${origin}/revoke`,
        pushed_authorization_request_endpoint: `${origin}/par`,
        end_session_endpoint: `${origin}/logout`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: [alg],
        code_challenge_methods_supported: ['S256'],
        authorization_response_iss_parameter_supported: true,
        ...metadata
      }
    }),
    jwks: async () => ({ body: { keys: [key.jwk] } }),
    par: async ({ parameters }) => {
      const requestUri = `urn:ietf:params:oauth:request_uri:${random()}`
      pushed.set(requestUri, parameters)
      return { status: 201, body: { request_uri: requestUri, expires_in: 60 } }
    },
    authorize: async ({ parameters: query }) => {
      const parameters = pushed.get(query.get('request_uri') ?? '') ?? query
      const code = `code-${random()}`
      codes.set(code, { clientId: parameters.get('client_id') ?? '', nonce: parameters.get('nonce') ?? undefined, scope: parameters.get('scope') ?? undefined })
      const location = new URL(parameters.get('redirect_uri') ?? origin)
      location.searchParams.set('code', code)
      location.searchParams.set('state', parameters.get('state') ?? '')
      location.searchParams.set('iss', provider.issuer)
      return { status: 302, headers: { location: location.href } }
    },
    token: async ({ parameters, headers }) => {
      if (parameters.get('grant_type') === 'refresh_token') return tokens(clientOf(parameters, headers), undefined, undefined)
      const code = parameters.get('code') ?? ''
      const known = codes.get(code)
      codes.delete(code)
      if (known === undefined) return { status: 400, body: { error: 'invalid_grant', error_description: 'no such code' } }
      return tokens(known.clientId, known.nonce, known.scope)
    },
    userinfo: async () => ({ body: account }),
    revoke: async () => ({ status: 200, body: '' })
  }

  const server = createServer((incoming, response) => {
    answer(incoming, response).catch((error: unknown) => { response.destroy(error instanceof Error ? error : undefined) })
  })

  const answer = async (incoming: IncomingMessage, response: ServerResponse) => {
    const url = new URL(incoming.url ?? '/', origin)
    const endpoint = url.pathname === discoveryPath ? 'discovery' : paths[url.pathname]
    const parameters = incoming.method === 'POST' ? new URLSearchParams(await text(incoming)) : url.searchParams
    if (endpoint === undefined) {
      response.writeHead(404).end()
      return
    }
    const request: HostileRequest = { method: incoming.method ?? '', url, headers: incoming.headers, parameters }
    record(ledger, endpoint, request)
    const result = await (overrides[endpoint] ?? ((_request, answer) => answer()))(request, () => usual[endpoint](request), response)
    if (result === undefined) return
    const { status = 200, headers, body = '' } = result
    response.writeHead(status, { 'content-type': typeof body === 'string' ? 'text/html' : 'application/json', ...headers })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider: HostileProvider = {
    issuer: `${origin}${path}`,
    ledger,
    overrides,
    metadata,
    idToken,
    account,
    issueIdToken,
    sign,
    async rotateKey ({ keepId = false } = {}) {
      if (!keepId) keys += 1
      key = await newKey(alg, `key-${keys}`)
    },
    async close () {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    }
  }
  return provider
}

function record (ledger: HostileLedger, endpoint: HostileEndpoint, request: HostileRequest): void {
  const { parameters } = request
  ledger.requests[endpoint].push(request)
  if (endpoint === 'token' && parameters.has('code')) ledger.codes.push(parameters.get('code') ?? '')
  if (endpoint === 'token' && parameters.has('refresh_token')) ledger.refreshTokens.push(parameters.get('refresh_token') ?? '')
  if (endpoint === 'revoke') ledger.revoked.push(parameters.get('token') ?? '')
}

async function newKey (alg: string, kid: string): Promise<{ privateKey: CryptoKey, jwk: JWK }> {
  const { privateKey, publicKey } = await generateKeyPair(alg)
  return { privateKey, jwk: { ...await exportJWK(publicKey), kid, alg, use: 'sig' } }
}

/** The client of a token request, by whichever authentication it used. */
function clientOf (parameters: URLSearchParams, headers: IncomingMessage['headers']): string {
  const [scheme, credentials = ''] = (headers.authorization ?? '').split(' ')
  if (scheme !== 'Basic') return parameters.get('client_id') ?? ''
  return decodeURIComponent((Buffer.from(credentials, 'base64').toString().split(':')[0] ?? '').replaceAll('+', ' '))
}

function leftHalf (alg: string, value: string): string {
  const digest = createHash(alg.endsWith('256') ? 'sha256' : alg.endsWith('384') ? 'sha384' : 'sha512').update(value).digest()
  return digest.subarray(0, digest.length / 2).toString('base64url')
}

async function text (incoming: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of incoming) body += String(chunk)
  return body
}

function random (): string {
  return randomBytes(16).toString('base64url')
}
