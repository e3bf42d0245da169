import { once } from 'node:events'
import type { EventEmitter } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Provider } from 'oidc-provider/lib/provider.js'
import { Accounts } from './op/accounts.ts'
import type { LocalAccount } from './op/accounts.ts'
import { calendar } from './op/calendar.ts'
import { Calendars } from './op/calendars.ts'
import { clientMetadata } from './op/clients.ts'
import type { LocalClient } from './op/clients.ts'
import { configuration, createSigningKey, routes } from './op/config.ts'
import { readForm, send } from './op/http.ts'
import { interactions } from './op/interactions.ts'
import type { Brand, Look } from './op/layout.ts'
import { createLedger, recordRevocation, recordTokenRequest, recordTokenResponse } from './op/ledger.ts'
import type { Ledger } from './op/ledger.ts'
import { notePage } from './op/pages.ts'
import { Store } from './op/store.ts'

/** How the local provider is set up. */
export interface LocalProviderOptions {
  /** The address to listen on. `127.0.0.1` unless given. */
  host?: string
  /** A free one when 0, which is the default. */
  port?: number
  /** The host in the issuer. `host` unless given. */
  issuerHost?: string
  /** The name on its pages. `Corp ID` unless given. */
  brand?: string
  /** How they look: `identity` unless given. */
  look?: Look
  /** More can be registered with `addClient`. */
  clients?: readonly LocalClient[]
  /** Beside alice and bob. */
  accounts?: readonly LocalAccount[]
  /** Seconds. 3600 unless given. */
  accessTokenTtl?: number
  /** Seconds. Fourteen days unless given. */
  refreshTokenTtl?: number
  /** `false` puts the claims of the scopes into the ID token too (OpenID Connect Core 5.4 has them at userinfo only). */
  conformIdTokenClaims?: boolean
  /** `true` unless given: every refresh ends the refresh token it was made with. */
  rotateRefreshTokens?: boolean
  /** Whether authorization requests must be pushed (RFC 9126); they may be in any case. */
  requirePushedAuthorizationRequests?: boolean
  /** Whether DPoP proofs (RFC 9449) must hold a nonce of the provider. They are understood in any case. */
  requireDpopNonce?: boolean
}

/** An endpoint that can be made to fail. */
export type FaultyEndpoint = 'token' | 'userinfo' | 'discovery' | 'jwks' | 'revocation' | 'calendar'

/** How it fails: a 500, a 429 that names no time, no answer at all, or a page of HTML with status 200. */
export type Fault = 'status500' | 'status429' | 'hang' | 'html'

/** A running OpenID provider with a calendar API. */
export interface LocalProvider {
  readonly issuer: string
  readonly port: number
  readonly ledger: Ledger
  /** Registers a client, or replaces the one with the same id. */
  addClient (client: LocalClient): void
  /** Makes an endpoint fail from now on; without `how` it works again. */
  fail (endpoint: FaultyEndpoint, how?: Fault): void
  /** Ends every access token. Refresh tokens go on working. */
  endAccessTokens (): void
  /** Ends every grant with all its tokens, as when people take their consent back: a refresh gets `invalid_grant`. */
  endGrants (): void
  /** Signs everyone out here. */
  endSessions (): void
  /** Stops listening and cuts the connections. */
  close (): Promise<void>
}

const endpoints: Readonly<Record<string, FaultyEndpoint>> = {
  [routes.token]: 'token',
  [routes.userinfo]: 'userinfo',
  [routes.jwks]: 'jwks',
  [routes.revocation]: 'revocation',
  '/.well-known/openid-configuration': 'discovery',
  '/.well-known/oauth-authorization-server': 'discovery',
  '/calendar/events': 'calendar'
}

function count (ledger: Ledger, path: string): void {
  const endpoint = endpoints[path]
  if (path === routes.authorization) ledger.authorizations++
  else if (path === routes.pushed_authorization_request) ledger.pushedAuthorizations++
  else if (endpoint === 'revocation') ledger.revocations++
  else if (endpoint !== undefined && endpoint !== 'token') ledger[endpoint]++
}

function breakDown (res: ServerResponse, how: Fault): void {
  if (how === 'status500') send(res, 500, { 'content-type': 'text/plain' }, 'Internal Server Error')
  else if (how === 'status429') send(res, 429, { 'content-type': 'text/plain' }, 'Too Many Requests')
  else if (how === 'html') send(res, 200, { 'content-type': 'text/html' }, '<!doctype html><title>Maintenance</title><p>Back soon.')
  // A hanging request is left alone, until the other side or `close` ends it.
}

/**
 * Starts an OpenID provider on this machine: OAuth 2.0 with PKCE, OpenID Connect, revocation (RFC 7009), introspection
 * (RFC 7662), client credentials, device authorization (RFC 8628), pushed authorization requests (RFC 9126), DPoP (RFC 9449), RP-initiated and back-channel
 * logout, pages to sign in and consent, and a calendar to read and write at `/calendar/events`.
 * Everything is in memory. Rejects with the error of `listen` when the port is taken.
 */
export async function startLocalProvider (options: LocalProviderOptions = {}): Promise<LocalProvider> {
  const { host = '127.0.0.1' } = options
  const brand: Brand = { name: options.brand ?? 'Corp ID', look: options.look ?? 'identity' }
  const signingKey = await createSigningKey()
  const server = createServer()
  server.listen(options.port ?? 0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const issuerHost = options.issuerHost ?? host
  const issuer = `http://${issuerHost.includes(':') ? `[${issuerHost}]` : issuerHost}:${port}`

  const ledger = createLedger()
  const store = new Store()
  const accounts = new Accounts(options.accounts)
  const calendars = new Calendars()
  const clients = new Map<string, LocalClient>()
  const faults = new Map<FaultyEndpoint, Fault>()
  const provider = new Provider(issuer, configuration({
    brand,
    port,
    accounts,
    clients,
    store,
    signingKey,
    accessTokenTtl: options.accessTokenTtl ?? 3600,
    refreshTokenTtl: options.refreshTokenTtl ?? 14 * 24 * 3600,
    conformIdTokenClaims: options.conformIdTokenClaims ?? true,
    rotateRefreshTokens: options.rotateRefreshTokens ?? true,
    requirePushedAuthorizationRequests: options.requirePushedAuthorizationRequests ?? false,
    requireDpopNonce: options.requireDpopNonce ?? false
  }))
  const note = (error: unknown): void => {
    // Who asked is gone: no fault of this provider.
    if (error instanceof Error && 'code' in error && error.code === 'ECONNRESET') return
    ledger.errors.push(error instanceof Error ? error.stack ?? error.message : String(error))
  }
  provider.on('server_error', (_ctx, error) => { note(error) })
  // Koa prints its errors unless somebody listens.
  const events: EventEmitter = provider
  events.on('error', note)
  provider.use(async (ctx, next) => {
    await next()
    if (ctx.path === routes.revocation) recordRevocation(ledger, ctx.oidc.body)
    if (ctx.path !== routes.token || ctx.method !== 'POST') return
    // No client is known where its authentication failed.
    const presented = recordTokenRequest(ledger, ctx.oidc.body, ctx.oidc.client?.clientId ?? '')
    recordTokenResponse(ledger, ctx.body, ctx.status, presented, ctx.oidc.account?.accountId)
  })
  const callback = provider.callback()

  const addClient = (client: LocalClient): void => {
    clients.set(client.clientId, client)
    store.set('Client', client.clientId, clientMetadata(client))
  }
  options.clients?.forEach(addClient)

  async function handle (req: IncomingMessage, res: ServerResponse): Promise<void> {
    const [path = '/'] = (req.url ?? '/').split('?')
    count(ledger, path)
    const endpoint = endpoints[path]
    const fault = endpoint === undefined ? undefined : faults.get(endpoint)
    if (fault !== undefined) {
      if (endpoint === 'token') {
        const presented = recordTokenRequest(ledger, Object.fromEntries(await readForm(req)), '')
        breakDown(res, fault)
        if (fault !== 'hang') recordTokenResponse(ledger, undefined, res.statusCode, presented)
      } else breakDown(res, fault)
    } else if (path.startsWith('/interaction/')) {
      await interactions({ brand, accounts, provider }, req, res)
    } else if (endpoint === 'calendar') {
      await calendar({ provider, accounts, calendars }, req, res)
    } else if (path === '/') {
      const { headers, body } = notePage(brand, `${brand.name} is running`, `The issuer is ${issuer}.`)
      send(res, 200, { ...headers }, body)
    } else {
      await callback(req, res)
    }
  }

  server.on('request', (req, res) => {
    handle(req, res).catch((error: unknown) => {
      note(error)
      if (res.headersSent) res.destroy()
      else send(res, 500, { 'content-type': 'text/plain' }, 'Internal Server Error')
    })
  })

  return {
    issuer,
    port,
    ledger,
    addClient,
    fail (endpoint, how) {
      if (how === undefined) faults.delete(endpoint)
      else faults.set(endpoint, how)
    },
    endAccessTokens: () => { store.deleteWhere('AccessToken', () => true) },
    endGrants: () => {
      for (const model of ['Grant', 'AccessToken', 'RefreshToken', 'AuthorizationCode']) store.deleteWhere(model, () => true)
    },
    endSessions: () => { store.deleteWhere('Session', () => true) },
    async close () {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    }
  }
}
