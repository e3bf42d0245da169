import type { ProviderBase } from '@consentry/core'
import { allowInsecureRequests, clockSkew, clockTolerance, customFetch } from 'oauth4webapi'
import type { Client, ClientAuth, CustomFetchOptions, DPoPHandle, ProtectedResourceRequestBody } from 'oauth4webapi'
import { clientAuthentication } from './client-authentication.ts'
import { createConnection } from './connection.ts'
import type { Connection } from './connection.ts'
import type { Dialect } from './dialect.ts'
import { dpopHandle } from './dpop.ts'
import { optionsInvalid } from './errors.ts'
import { authorizationParametersOption, hostOption, numberOption, scopesOption } from './options.ts'
import type { ClientOptions } from './options.ts'

/** The options of a provider, checked once, in the form in which oauth4webapi takes them. */
export interface Context extends Connection {
  readonly client: Client
  readonly authentication: ClientAuth
  /** Passed to every request of oauth4webapi. */
  readonly http: LibraryOptions
  /** The same for requests that prove the possession of our key, if there is one. */
  readonly proving: LibraryOptions & { readonly DPoP?: DPoPHandle }
  readonly dpop: DPoPHandle | undefined
  /** Errors of a refresh that mean the end of the grant. */
  readonly reauthErrors: ReadonlySet<string>
  readonly scopes: readonly string[]
  /** What a provider says of itself because of an option. */
  readonly facts: Pick<ProviderBase, 'resourceHosts'>
  readonly scopeSeparator: string
  readonly authorizationParameters: ReadonlyArray<readonly [string, string]>
  /** Seconds. */
  readonly clockTolerance: number
}

interface LibraryOptions {
  readonly [customFetch]: LibraryFetch
  readonly [allowInsecureRequests]: boolean
}

type LibraryFetchInit = CustomFetchOptions<string, ProtectedResourceRequestBody>
type LibraryFetch = (url: string, init: LibraryFetchInit) => Promise<Response>

export interface ContextDefaults {
  scopes: readonly string[]
  scopeSeparator: string
  /** Whom client assertions are for, when that is not the issuer. */
  audience?: string | undefined
  /** Beside `invalid_grant`. */
  reauthErrors?: readonly string[] | undefined
  dialect?: Pick<Dialect, 'translate' | 'authentication'>
}

/** @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID` */
export function createContext (options: ClientOptions, { scopes, scopeSeparator, audience, reauthErrors = [], dialect = {} }: ContextDefaults): Context {
  const { clientId } = options
  // oxlint-disable-next-line no-control-regex
  if (typeof clientId !== 'string' || clientId === '' || /[\x00-\x1f\x7f]/.test(clientId)) throw optionsInvalid('clientId is missing or malformed')
  if (scopeSeparator.length !== 1) throw optionsInvalid('scopeSeparator is not one character')
  const tolerance = numberOption('clockTolerance', options.clockTolerance ?? 30)
  if (!Array.isArray(reauthErrors) || !reauthErrors.every((error) => typeof error === 'string' && /^[\x20-\x7e]+$/.test(error))) throw optionsInvalid('reauthErrors holds one that is malformed')
  const authentication = dialect.authentication ?? clientAuthentication(options, audience)
  const connection = createConnection(options, dialect.translate)
  const { clock, fetch, reach } = connection
  const client: Client = {
    client_id: clientId,
    [clockTolerance]: tolerance,
    // The library reads the system's clock; the difference makes it ours.
    get [clockSkew] () { return Math.round((clock.now() - Date.now()) / 1000) }
  }
  const dpop = options.dpop === undefined ? undefined : dpopHandle(client, options.dpop)
  const http: LibraryOptions = {
    [customFetch]: (url: string, { body = null, headers, method, redirect }: LibraryFetchInit) => fetch(url, { body, headers, method, redirect }),
    [allowInsecureRequests]: reach.allowLoopback
  }
  return Object.freeze({
    ...connection,
    client,
    authentication,
    http,
    proving: dpop === undefined ? http : { ...http, DPoP: dpop },
    dpop,
    reauthErrors: new Set(['invalid_grant', ...reauthErrors]),
    scopes: scopesOption(options.scopes ?? scopes, scopeSeparator),
    facts: options.resourceHosts === undefined ? {} : { resourceHosts: Object.freeze(options.resourceHosts.map((host) => hostOption('resourceHosts', host, reach))) },
    scopeSeparator,
    authorizationParameters: authorizationParametersOption(options.authorizationParameters),
    clockTolerance: tolerance
  })
}
