import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import type { CryptoKey } from 'jose'
import type { VendorAnswer, VendorDescription, VendorGrant, VendorRequest } from './vendor-description.ts'

/** A vendor that runs on this machine, and behaves as it was described. */
export interface LocalVendor {
  /** A `fetch` that leads every https URL here, with the true host. */
  readonly fetch: (input: string | URL, init?: RequestInit) => Promise<Response>
  /** What came in, in order, authorization requests included. */
  readonly requests: VendorRequest[]
  /** Requests to addresses that the description does not have. */
  readonly strays: VendorRequest[]
  /** Tokens that hold. */
  readonly accessTokens: ReadonlyMap<string, VendorGrant>
  readonly refreshTokens: ReadonlyMap<string, VendorGrant>
  /** Scopes that the person takes out. */
  readonly declined: Set<string>
  /** What the redirect brings back when a browser goes to `url` and the person consents. */
  authorize (url: URL): Promise<URLSearchParams>
  /** Stops listening and cuts the connections. */
  close (): Promise<void>
}

/** Starts a vendor on 127.0.0.1. It has one client and one person, and answers with nothing but what the description says. */
export async function startVendor (vendor: VendorDescription): Promise<LocalVendor> {
  const requests: VendorRequest[] = []
  const strays: VendorRequest[] = []
  const codes = new Map<string, { scopes: string[], challenge: string | null, redirectUri: string | null, nonce: string | null }>()
  const accessTokens = new Map<string, VendorGrant>()
  const refreshTokens = new Map<string, VendorGrant>()
  const declined = new Set<string>()
  const keys = vendor.openid === undefined ? undefined : await generateKeyPair('RS256')
  let grants = 0

  const authorization = ({ url: { searchParams: query } }: VendorRequest): VendorAnswer => {
    const { scope, parameters = {} } = vendor.authorization
    const wrong = Object.entries({ client_id: vendor.client.id, redirect_uri: vendor.client.redirectUri, response_type: 'code', ...parameters })
      .find(([name, value]) => query.get(name) !== value)
    if (wrong !== undefined) return { status: 400, body: { error: 'invalid_request', error_description: wrong[0] } }
    const code = `code-${random()}`
    const asked = scope === undefined ? vendor.client.scopes : (query.get(scope.parameter) ?? '').split(scope.separator).filter((each) => each !== '')
    codes.set(code, {
      scopes: asked.filter((each) => !declined.has(each)), challenge: query.get('code_challenge'), redirectUri: query.get('redirect_uri'), nonce: query.get('nonce')
    })
    const location = new URL(vendor.client.redirectUri)
    location.searchParams.set('code', code)
    const state = query.get('state')
    if (state !== null) location.searchParams.set('state', state)
    return { status: 302, headers: { location: location.href } }
  }

  const issue = async (grant: VendorGrant, nonce: string | null, rotated: boolean): Promise<VendorGrant> => {
    const accessToken = `at-${random()}`
    const refreshToken = !rotated && grant.refreshToken !== undefined ? grant.refreshToken : `rt-${random()}`
    const issued = { ...grant, accessToken, refreshToken, ...keys !== undefined && { idToken: await idToken(vendor, nonce, keys.privateKey) } }
    accessTokens.set(accessToken, issued)
    return issued
  }

  const token = async (request: VendorRequest): Promise<VendorAnswer> => {
    const { failures, pkce, rotation, answer, refreshed, exchanged } = vendor.token
    if (!isClient(vendor, request)) return failures.client
    const { parameters } = request
    if (parameters['grant_type'] === 'authorization_code') {
      const code = parameters['code'] ?? ''
      const known = codes.get(code)
      codes.delete(code)
      if (pkce === 'refused' && 'code_verifier' in parameters) return failures.client
      const proven = pkce !== 'checked' || (known?.challenge != null && known.challenge === createHash('sha256').update(parameters['code_verifier'] ?? '').digest('base64url'))
      if (known === undefined || !proven || parameters['redirect_uri'] !== known.redirectUri) return failures.code
      grants += 1
      const issued = await issue({ id: grants, scopes: known.scopes, accessToken: '' }, known.nonce, true)
      const body = answer(issued)
      if (JSON.stringify(body).includes(issued.refreshToken ?? '')) refreshTokens.set(issued.refreshToken ?? '', issued)
      return { body }
    }
    if (exchanged !== undefined && parameters['grant_type'] === exchanged.grantType) {
      const grant = accessTokens.get(parameters[exchanged.token] ?? '')
      if (grant === undefined) return failures.refreshToken
      accessTokens.delete(grant.accessToken)
      return { body: exchanged.answer(await issue(grant, null, true)) }
    }
    const given = parameters['refresh_token'] ?? ''
    const grant = refreshTokens.get(given)
    if (parameters['grant_type'] !== 'refresh_token' || refreshed === undefined || grant === undefined) return failures.refreshToken
    const issued = await issue(grant, null, rotation === 'always')
    if (rotation === 'always') refreshTokens.delete(given)
    refreshTokens.set(issued.refreshToken ?? '', issued)
    return { body: refreshed(issued) }
  }

  const end = (value: string, ends: 'grant' | 'token') => {
    const id = (accessTokens.get(value) ?? refreshTokens.get(value))?.id
    for (const tokens of [accessTokens, refreshTokens]) {
      for (const [each, grant] of tokens) if (ends === 'grant' ? grant.id === id : each === value) tokens.delete(each)
    }
  }

  const answer = async (request: VendorRequest): Promise<VendorAnswer> => {
    const at = `${request.url.origin}${request.url.pathname}`
    const route = `${request.method} ${at}`
    if (route === `GET ${vendor.authorization.url}`) return authorization(request)
    if (route === `POST ${vendor.token.url}`) {
      const answered = await token(request)
      const asForm = vendor.token.form === 'unless-asked' && request.headers.accept?.includes('json') !== true
      return asForm ? { form: Object.fromEntries(Object.entries(answered.body ?? {}).map(([name, value]) => [name, String(value)])) } : answered
    }
    if (vendor.openid !== undefined && route === `GET ${vendor.openid.issuer}/.well-known/openid-configuration`) return { body: vendor.openid.discovery }
    if (keys !== undefined && route === `GET ${String(vendor.openid?.discovery['jwks_uri'])}`) {
      return { body: { keys: [{ ...await exportJWK(keys.publicKey), kid: 'key-1', alg: 'RS256', use: 'sig' }] } }
    }
    if (vendor.revocation !== undefined && route === vendor.revocation.route) {
      const { authentication, token, ends, answers, kinds = ['access_token', 'refresh_token'] } = vendor.revocation
      if (authentication !== 'none' && authentication !== 'bearer' && !isClient(vendor, request, { authentication, body: vendor.revocation.body ?? vendor.token.body })) return { status: 401, body: { error: 'invalid_client' } }
      const value = authentication === 'bearer' ? bearer(request, 'Bearer') : request.parameters[token ?? 'token'] ?? ''
      const known = (kinds.includes('access_token') && accessTokens.has(value)) || (kinds.includes('refresh_token') && refreshTokens.has(value))
      if (!known) return answers.unknown
      end(value, ends)
      return answers.done
    }
    const resource = vendor.api?.[route]
    if (resource === undefined) {
      strays.push(request)
      return { status: 404, body: 'no such address' }
    }
    const { scheme = 'Bearer', refused = { status: 401, body: { error: 'invalid_token' } } } = resource
    if (scheme === 'client') return isClient(vendor, request) ? resource.answer(accessTokens.get(request.parameters['token'] ?? ''), request) : { status: 401, body: { error: 'invalid_client' } }
    const grant = accessTokens.get(bearer(request, scheme))
    return grant === undefined ? refused : resource.answer(grant, request)
  }

  const server = createServer((incoming, response) => {
    void (async () => {
      const request = await read(incoming)
      requests.push(request)
      const { status = 200, headers, body = '', form } = await answer(request)
      if (form !== undefined) return response.writeHead(status, { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8', ...headers }).end(new URLSearchParams(form).toString())
      return response.writeHead(status, { 'content-type': typeof body === 'string' ? 'text/html' : 'application/json', ...headers }).end(status === 204 ? undefined : typeof body === 'string' ? body : JSON.stringify(body))
    })().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  const fetch: LocalVendor['fetch'] = async (input, init = {}) => {
    const url = new URL(input)
    const sent = new Request(url, { ...init, redirect: 'manual' })
    const content = Buffer.from(await sent.arrayBuffer())
    const headers = { ...Object.fromEntries(sent.headers), host: url.host, ...content.length > 0 && { 'content-length': content.length } }
    const outgoing = httpRequest({ host: '127.0.0.1', port, method: sent.method, path: url.pathname + url.search, headers }).end(content)
    const [incoming] = await once(outgoing, 'response') as [IncomingMessage]
    const body = await text(incoming)
    const { statusCode: status = 0 } = incoming
    const answered = Object.entries(incoming.headers).flatMap(([name, value]) => [value ?? []].flat().map((each) => [name, each] as [string, string]))
    return new Response(status === 204 ? null : body, { status, headers: answered })
  }

  return {
    fetch,
    requests,
    strays,
    accessTokens,
    refreshTokens,
    declined,
    async authorize (url) {
      const response = await fetch(url)
      const location = response.headers.get('location')
      if (location === null) throw new Error(`${url.host} did not redirect: ${await response.text()}`)
      return new URL(location).searchParams
    },
    async close () {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    }
  }
}

async function idToken ({ openid, client }: VendorDescription, nonce: string | null, key: CryptoKey): Promise<string> {
  return new SignJWT({ ...openid?.claims, ...nonce !== null && { nonce } }).setProtectedHeader({ alg: 'RS256', kid: 'key-1' })
    .setIssuer(openid?.issuer ?? '').setAudience(client.id).setIssuedAt().setExpirationTime('5m').sign(key)
}

async function read (incoming: IncomingMessage): Promise<VendorRequest> {
  const url = new URL(`https://${incoming.headers.host ?? ''}${incoming.url ?? '/'}`)
  const body = await text(incoming)
  const type = (incoming.headers['content-type'] ?? '').split(';')[0]?.trim() ?? ''
  const parameters = type === 'application/json' ? JSON.parse(body) as Record<string, string> : type === 'application/x-www-form-urlencoded' ? Object.fromEntries(new URLSearchParams(body)) : {}
  return { method: incoming.method ?? '', url, headers: incoming.headers, type, body, parameters }
}

/** The client shows who it is as the vendor's page has it, and with a body of the kind it wants. */
function isClient (vendor: VendorDescription, request: VendorRequest, { authentication, body }: { authentication: 'basic' | 'body', body: 'form' | 'json' } = vendor.token): boolean {
  const { id, secret } = vendor.client
  if (request.type !== (body === 'json' ? 'application/json' : 'application/x-www-form-urlencoded')) return false
  if (authentication === 'body') return request.parameters['client_id'] === id && request.parameters['client_secret'] === secret && request.headers.authorization === undefined
  return request.headers.authorization === `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` && !('client_secret' in request.parameters)
}

function bearer ({ headers }: VendorRequest, scheme: string): string {
  const [name, value = ''] = (headers.authorization ?? '').split(' ')
  return name === scheme ? value : ''
}

function random (): string {
  return randomBytes(12).toString('base64url')
}
