import type { Clock } from '@consentry/core'
import { allowInsecureRequests, clockSkew, clockTolerance, customFetch } from 'oauth4webapi'
import type { Client, ClientAuth, CustomFetchOptions, ProtectedResourceRequestBody } from 'oauth4webapi'
import { onlyAnswers } from './answers.ts'
import { clientAuthentication } from './client-authentication.ts'
import type { Reach } from './endpoint.ts'
import { optionsInvalid } from './errors.ts'
import { createFetch } from './fetch.ts'
import type { Fetch } from './fetch.ts'
import { authorizationParametersOption, numberOption, reachOf, scopesOption } from './options.ts'
import type { ClientOptions } from './options.ts'

/** The options of a provider, checked once, in the form in which oauth4webapi takes them. */
export interface Context {
  readonly client: Client
  readonly authentication: ClientAuth
  /** Passed to every request of oauth4webapi. */
  readonly http: { readonly [customFetch]: LibraryFetch, readonly [allowInsecureRequests]: boolean }
  readonly fetch: Fetch
  readonly reach: Reach
  readonly scopes: readonly string[]
  readonly scopeSeparator: string
  readonly authorizationParameters: ReadonlyArray<readonly [string, string]>
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  /** Seconds. */
  readonly clockTolerance: number
  /** Closes the connections, if they are ours. */
  close (): Promise<void>
}

type LibraryFetchInit = CustomFetchOptions<string, ProtectedResourceRequestBody>
type LibraryFetch = (url: string, init: LibraryFetchInit) => Promise<Response>

const systemClock: Pick<Clock, 'now' | 'monotonic'> = { now: () => Date.now(), monotonic: () => performance.now() }

export interface ContextDefaults {
  scopes: readonly string[]
  scopeSeparator: string
  /** Whom client assertions are for, when that is not the issuer. */
  audience?: string | undefined
}

/** @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID` */
export function createContext (options: ClientOptions, { scopes, scopeSeparator, audience }: ContextDefaults): Context {
  const { clientId, clock = systemClock } = options
  // oxlint-disable-next-line no-control-regex
  if (typeof clientId !== 'string' || clientId === '' || /[\x00-\x1f\x7f]/.test(clientId)) throw optionsInvalid('clientId is missing or malformed')
  if (scopeSeparator.length !== 1) throw optionsInvalid('scopeSeparator is not one character')
  const tolerance = numberOption('clockTolerance', options.clockTolerance ?? 30)
  const timeout = numberOption('timeout', options.timeout ?? 10_000)
  if (timeout === 0) throw optionsInvalid('timeout is 0')
  const reach = reachOf(options)
  const authentication = clientAuthentication(options, audience)
  const own = options.fetch === undefined ? createFetch({ timeout, ...reach }) : undefined
  const fetch = onlyAnswers(options.fetch ?? own ?? globalThis.fetch, () => clock.now())
  return Object.freeze({
    client: {
      client_id: clientId,
      [clockTolerance]: tolerance,
      // The library reads the system's clock; the difference makes it ours.
      get [clockSkew] () { return Math.round((clock.now() - Date.now()) / 1000) }
    },
    authentication,
    http: {
      [customFetch]: (url: string, { body = null, headers, method, redirect }: LibraryFetchInit) => fetch(url, { body, headers, method, redirect }),
      [allowInsecureRequests]: reach.allowLoopback
    },
    fetch,
    reach,
    scopes: scopesOption(options.scopes ?? scopes, scopeSeparator),
    scopeSeparator,
    authorizationParameters: authorizationParametersOption(options.authorizationParameters),
    clock,
    clockTolerance: tolerance,
    close: async () => { await own?.close() }
  })
}
