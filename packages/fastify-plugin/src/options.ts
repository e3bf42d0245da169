import { ConsentryError, memoryState, memoryTokens, systemClock, systemRandomBytes, type AuditEntry, type Clock, type Connection, type Owner, type Provider, type RandomBytes, type StateStore, type TokenStore } from '@consentry/core'
import type { AttemptLimits, UserInfo } from '@consentry/user-identity'
import { Ajv, type ErrorObject } from 'ajv'
import { hkdfSync } from 'node:crypto'
import type { ConsentryOptions, IdentityOptions } from './consentry-options.ts'
import type { RouteAuth } from './guard.ts'
import { authSchema, optionsSchema } from './options-schema.ts'

/** The options as the rest of the plugin reads them: complete, checked, in milliseconds, and nobody else's object. */
export interface Settings {
  origin: string
  csrfKeys: readonly string[]
  /** For what is encrypted in the state store. */
  sealKeys: readonly [Buffer, ...Buffer[]]
  providers: Readonly<Record<string, Provider>>
  login: readonly string[]
  identity: Omit<IdentityOptions, 'attempts' | 'reverify'>
  attempts: false | AttemptLimits
  reverify: number
  idleLifetime: number
  absoluteLifetime: number
  tokenStore: TokenStore
  stateStore: StateStore
  defaultAuth: RouteAuth
  prefix: string
  executionsPrefix: string
  allowedOrigins: ReadonlySet<string>
  rateLimit: false | { max: number, timeWindow: number }
  tenant: ((userInfo: UserInfo) => string) | undefined
  flowLifetime: number
  refreshBuffer: number
  executions: { maxAge: number, retention: number, maxPerUser: number, maxEvents: number, lease: number }
  websocket: { authTimeout: number, maxPayload: number, maxBuffered: number, maxMessages: number, heartbeat: number }
  audit: ((entry: AuditEntry) => void) | undefined
  onReauthRequired: ((owner: Owner, ended: Connection) => void) | undefined
  fetch: typeof globalThis.fetch
  clock: Clock
  randomBytes: RandomBytes
}

const second = 1000

/** Checks and completes the options, for routes below `base`. Throws `CONSENTRY_ERR_OPTIONS_INVALID`; its cause names the option. */
export function readOptions (options: ConsentryOptions, base = ''): Settings {
  const { prefix = '/auth', executionsPrefix = '/executions', providers, login = [], identity: { attempts = {}, reverify = 60, ...identity } = {}, rateLimit = {}, clock = systemClock } = options
  const check = compile(optionsSchema)
  if (check(options) !== true) throw invalid(describe(telling(check.errors ?? [])))
  if (login.includes('basic') && identity.basic === undefined) throw invalid('login names "basic", the form for a password, and identity.basic is not there')
  if (login.includes('basic') && identity.trust !== undefined) throw invalid('login names "basic", whose passwords nobody checks with identity.trust')
  for (const name of login) if (name !== 'basic' && !Object.hasOwn(providers, name)) throw invalid(`login names "${name}", which is not among the providers`)
  for (const name of login) if (providers[name] !== undefined && providers[name].kind !== 'redirect') throw invalid(`login names "${name}", to which nobody is sent to sign in`)
  const secrets = typeof options.secret === 'string' ? [options.secret] : options.secret
  for (const secret of secrets) if (Buffer.byteLength(secret) < 32) throw invalid('secret must have at least 32 bytes')
  const { executions = {}, websocket = {} } = options
  const { idleLifetime = 8 * 3600, absoluteLifetime = 7 * 24 * 3600 } = identity.session ?? {}
  if (prefix === executionsPrefix) throw invalid('executionsPrefix must differ from prefix')
  if (idleLifetime > absoluteLifetime) throw invalid('identity.session.idleLifetime is longer than absoluteLifetime')
  return {
    origin: readOrigin(options.baseUrl, 'baseUrl'),
    csrfKeys: secrets.map((secret) => derive(secret, 'csrf').toString('base64url')),
    sealKeys: secrets.map((secret) => derive(secret, 'login tokens')) as [Buffer, ...Buffer[]],
    providers: Object.freeze({ ...providers }),
    login: [...login],
    identity,
    attempts,
    reverify: reverify * second,
    idleLifetime: idleLifetime * second,
    absoluteLifetime: absoluteLifetime * second,
    tokenStore: options.tokenStore ?? memoryTokens(),
    stateStore: options.stateStore ?? memoryState({ clock }),
    defaultAuth: options.defaultAuth ?? false,
    prefix: base + prefix,
    executionsPrefix: base + executionsPrefix,
    allowedOrigins: new Set([options.baseUrl, ...options.allowedOrigins ?? []].map((url) => readOrigin(url, 'allowedOrigins'))),
    rateLimit: rateLimit !== false && { max: rateLimit.max ?? 300, timeWindow: rateLimit.timeWindow ?? 60_000 },
    tenant: options.tenant,
    flowLifetime: (options.flowLifetime ?? 600) * second,
    refreshBuffer: (options.refreshBuffer ?? 60) * second,
    executions: {
      maxAge: (executions.maxAge ?? 3600) * second,
      retention: (executions.retention ?? 600) * second,
      maxPerUser: executions.maxPerUser ?? 100,
      maxEvents: executions.maxEvents ?? 1000,
      lease: (executions.lease ?? 15) * second
    },
    websocket: {
      authTimeout: websocket.authTimeout ?? 10_000,
      maxPayload: websocket.maxPayload ?? 64 * 1024,
      maxBuffered: websocket.maxBuffered ?? 1024 * 1024,
      maxMessages: websocket.maxMessages ?? 100,
      heartbeat: websocket.heartbeat ?? 30_000
    },
    audit: options.audit,
    onReauthRequired: options.onReauthRequired,
    fetch: options.fetch ?? globalThis.fetch,
    clock,
    randomBytes: options.randomBytes ?? systemRandomBytes
  }
}

function compile (schema: object): ReturnType<Ajv['compile']> {
  const ajv = new Ajv({ strict: true, allowUnionTypes: true })
  // JSON Schema has no word for a function.
  ajv.addKeyword({ keyword: 'function', schemaType: 'boolean', validate: (_: boolean, value: unknown) => typeof value === 'function' })
  ajv.addKeyword({ keyword: 'methods', schemaType: 'array', validate: (names: string[], value: Record<string, unknown>) => names.every((name) => typeof value[name] === 'function') })
  return ajv.compile(schema)
}

/** Refuses a route whose `config.auth` would not mean what it looks like. Throws `CONSENTRY_ERR_OPTIONS_INVALID`. */
export function routeAuthChecker (): (auth: unknown, route: string) => void {
  const check = compile(authSchema)
  return (auth, route) => {
    if (check(auth) !== true) throw invalid(`config.auth of ${route}: ${describe(telling(check.errors ?? []))}`)
  }
}

/** An origin and nothing else: what would be ignored must not look as if it counted. */
function readOrigin (value: string, option: string): string {
  let url: URL
  try {
    url = new URL(value)
  } catch (error) {
    throw invalid(`${option} must be a URL such as https://app.example.com`, error)
  }
  const bare = url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '' && url.password === ''
  if (!bare || !/^https?:$/.test(url.protocol) || url.hostname.includes('*')) throw invalid(`${option} must be an origin such as https://app.example.com, without a path`)
  const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname)
  if (url.protocol === 'http:' && !loopback) throw invalid(`${option} must be https; http is for this machine alone`)
  return url.origin
}

/** One key per purpose, so that what one makes is nothing to the other (RFC 5869). */
function derive (secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `consentry ${purpose}`, 32))
}

const weakest = ['anyOf', 'propertyNames', 'const', 'type']
const rank = ({ keyword, instancePath }: ErrorObject): number => instancePath.length * weakest.length - weakest.indexOf(keyword)

/** Of the alternatives that all failed, the one that came furthest tells what was meant. */
function telling (errors: readonly ErrorObject[]): ErrorObject | undefined {
  return errors.toSorted((a, b) => rank(b) - rank(a))[0]
}

function describe (error: ErrorObject | undefined): string {
  if (error === undefined) return 'the options are wrong'
  const option = error.instancePath.slice(1).replaceAll('/', '.')
  const params = error.params as { missingProperty?: string, additionalProperty?: string }
  const name = [option, params.missingProperty ?? params.additionalProperty ?? error.propertyName].filter((part) => part !== undefined && part !== '').join('.')
  if (error.keyword === 'additionalProperties') return `there is no option ${name}`
  if (error.keyword === 'required') return `${name} is required`
  if (error.keyword === 'function') return `${name} must be a function`
  if (error.keyword === 'methods') return `${name} does not have the methods it needs`
  return `${name} ${error.message ?? 'is wrong'}`
}

/** The refusal to start, with what is wrong in words. */
export function invalid (message: string, cause?: unknown): ConsentryError {
  const error = new ConsentryError('CONSENTRY_ERR_OPTIONS_INVALID', { cause: new TypeError(message, { cause }) })
  // Nothing in it but the name of an option: whoever starts the server has to read it.
  error.message = `Consentry: ${message}.`
  return error
}
