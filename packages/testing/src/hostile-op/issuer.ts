import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { SignJWT } from 'jose'
import { leftHalf, newKey } from './keys.ts'
import type { SigningKey } from './keys.ts'
import { createLedger, recordAnswer, recordRequest } from './ledger.ts'
import { parametersOf, send } from './server.ts'
import type { HostileAnswer, HostileEndpoint, HostileProvider, HostileRequest, IdTokenChanges } from './types.ts'

export interface IssuerOptions {
  issuer: string
  /** Endpoints are below this URL. */
  base: string
  alg: string
  key: SigningKey
}

/** A provider without a server. */
export interface Issuer {
  readonly provider: Omit<HostileProvider, 'close'>
  /** Answers a request for one of its URLs, and 404 for any other. */
  handle (incoming: IncomingMessage, response: ServerResponse): Promise<void>
}

const named = ['jwks', 'par', 'device', 'authorize', 'token', 'userinfo', 'revoke', 'logout', 'resource', 'elsewhere'] as const

export function createIssuer ({ issuer, base, alg, key: first }: IssuerOptions): Issuer {
  const ledger = createLedger()
  const discoveryUrl = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const url: HostileProvider['url'] = (endpoint) => `${base}/${endpoint}`
  const endpoints = new Map<string, HostileEndpoint>([[discoveryUrl, 'discovery'], ...named.map((name) => [url(name), name] as const)])
  const codes = new Map<string, { clientId: string, nonce: string | undefined, scope: string | undefined }>()
  const pushed = new Map<string, URLSearchParams>()
  const overrides: HostileProvider['overrides'] = {}
  const metadata: Record<string, unknown> = {}
  const idToken: IdTokenChanges = {}
  const logoutToken: IdTokenChanges = {}
  const account: HostileProvider['account'] = { sub: 'alice' }
  let key = first
  let keys = 1

  const sign: HostileProvider['sign'] = async (payload, changes = {}) => new SignJWT(payload)
    .setProtectedHeader({ alg, kid: key.jwk.kid ?? '', ...changes.header })
    .sign(changes.key ?? key.privateKey)

  const issue = async (claims: Record<string, unknown>, changes: IdTokenChanges): Promise<string> => {
    const signed = await sign(Object.fromEntries(Object.entries({ ...claims, ...changes.claims }).filter(([, value]) => value !== undefined)), changes)
    return changes.forge === undefined ? signed : changes.forge(signed)
  }

  const issueIdToken: HostileProvider['issueIdToken'] = async (clientId, { nonce, accessToken } = {}) => {
    const now = Math.floor(Date.now() / 1000)
    return issue({
      iss: issuer, sub: account.sub, aud: clientId, iat: now, exp: now + 300, nonce,
      at_hash: accessToken === undefined ? undefined : leftHalf(alg, accessToken)
    }, idToken)
  }

  const issueLogoutToken: HostileProvider['issueLogoutToken'] = async (clientId) => {
    const now = Math.floor(Date.now() / 1000)
    return issue({
      iss: issuer, sub: account.sub, aud: clientId, iat: now, exp: now + 120, jti: random(),
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} }
    }, { ...logoutToken, header: { typ: 'logout+jwt', ...logoutToken.header } })
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
        issuer,
        authorization_endpoint: url('authorize'),
        token_endpoint: url('token'),
        jwks_uri: url('jwks'),
        userinfo_endpoint: url('userinfo'),
        revocation_endpoint: url('revoke'),
        pushed_authorization_request_endpoint: url('par'),
        device_authorization_endpoint: url('device'),
        end_session_endpoint: url('logout'),
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
    device: async ({ parameters, headers }) => {
      const deviceCode = `device-${random()}`
      codes.set(deviceCode, { clientId: clientOf(parameters, headers), nonce: undefined, scope: parameters.get('scope') ?? undefined })
      const uri = `${base}/activate`
      return { body: { device_code: deviceCode, user_code: 'WDJB-MJHT', verification_uri: uri, verification_uri_complete: `${uri}?user_code=WDJB-MJHT`, expires_in: 1800, interval: 5 } }
    },
    authorize: async ({ parameters: query }) => {
      const parameters = pushed.get(query.get('request_uri') ?? '') ?? query
      const code = `code-${random()}`
      codes.set(code, { clientId: parameters.get('client_id') ?? '', nonce: parameters.get('nonce') ?? undefined, scope: parameters.get('scope') ?? undefined })
      const location = new URL(parameters.get('redirect_uri') ?? base)
      location.searchParams.set('code', code)
      location.searchParams.set('state', parameters.get('state') ?? '')
      location.searchParams.set('iss', issuer)
      return { status: 302, headers: { location: location.href } }
    },
    token: async ({ parameters, headers }) => {
      if (parameters.get('grant_type') === 'refresh_token') return tokens(clientOf(parameters, headers), undefined, undefined)
      const code = parameters.get('device_code') ?? parameters.get('code') ?? ''
      const known = codes.get(code)
      codes.delete(code)
      if (known === undefined) return { status: 400, body: { error: 'invalid_grant', error_description: 'no such code' } }
      return tokens(known.clientId, known.nonce, known.scope)
    },
    userinfo: async () => ({ body: account }),
    revoke: async () => ({ status: 200, body: '' }),
    logout: async ({ parameters }) => {
      const location = new URL(parameters.get('post_logout_redirect_uri') ?? base)
      location.searchParams.set('state', parameters.get('state') ?? '')
      return { status: 302, headers: { location: location.href } }
    },
    resource: async () => ({ body: { ok: true } }),
    elsewhere: async () => ({ body: {} })
  }

  return {
    provider: {
      issuer, ledger, overrides, metadata, idToken, logoutToken, account, url, issueIdToken, issueLogoutToken, sign,
      publicKey: () => key.jwk,
      async rotateKey ({ keepId = false } = {}) {
        if (!keepId) keys += 1
        key = await newKey(alg, `key-${keys}`)
      }
    },

    async handle (incoming, response) {
      const asked = new URL(incoming.url ?? '/', base)
      const endpoint = endpoints.get(asked.origin + asked.pathname)
      const parameters = await parametersOf(incoming, asked)
      if (endpoint === undefined) {
        response.writeHead(404).end()
        return
      }
      const request: HostileRequest = { method: incoming.method ?? '', url: asked, headers: incoming.headers, parameters }
      recordRequest(ledger, endpoint, request)
      const result = await (overrides[endpoint] ?? ((_request, answer) => answer()))(request, () => usual[endpoint](request), response)
      if (result === undefined) return
      recordAnswer(ledger, result)
      send(response, result)
    }
  }
}

/** The client of a token request, by whichever authentication it used. */
function clientOf (parameters: URLSearchParams, headers: IncomingMessage['headers']): string {
  const [scheme, credentials = ''] = (headers.authorization ?? '').split(' ')
  if (scheme !== 'Basic') return parameters.get('client_id') ?? ''
  return decodeURIComponent((Buffer.from(credentials, 'base64').toString().split(':')[0] ?? '').replaceAll('+', ' '))
}

function random (): string {
  return randomBytes(16).toString('base64url')
}
