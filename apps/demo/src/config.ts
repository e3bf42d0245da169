import { hkdfSync, randomBytes } from 'node:crypto'

/** A registration at an OpenID provider. */
export interface Registration {
  issuer: string
  clientId: string
  clientSecret?: string
}

/** Everything the demo is told by its environment, checked. */
export interface Config {
  /** The address to listen on. */
  host: string
  port: number
  /** The origin of this process, to open. */
  origin: string
  /** The origin of the application, which is that of another process where this one joins it. */
  baseUrl: string
  /** What the processes of one application share, if anything. */
  shared?: { redisUrl: string, prefix: string, grantsKey: string }
  idpPort: number
  calendarPort: number
  weatherPort: number
  secret: string
  /** The secret was made up, and ends with this process. */
  madeUpSecret: boolean
  /** Signs people in. */
  corp: Registration & { label?: string, scopes: readonly string[] }
  /** Whether that is the local provider. */
  localSignIn: boolean
  /** Whose calendar is read; always a local provider, with accounts of its own. */
  calendar: Required<Registration> & { eventsUrl: string }
  /** How long an access token of the calendar lives, in seconds. */
  calendarTokenLifetime: number
  /** The weather service, which gives people a key. */
  weather: { url: string }
  /** The secret of the client `corp` at the local provider, which is there whoever signs people in. */
  localCorpSecret: string
  /** How long a person has to answer a question, in seconds. */
  flowLifetime: number
}

/** A variable of the environment that cannot be used; the message is for the person who set it. */
export class ConfigError extends Error {}

type Environment = Readonly<Record<string, string | undefined>>

/** Reads the configuration. Throws `ConfigError`. */
export function readConfig (env: Environment): Config {
  const host = text(env, 'HOST') ?? '127.0.0.1'
  const port = integer(env, 'PORT', 3000, 1, 65535)
  const idpPort = integer(env, 'IDP_PORT', 3001, 1, 65535)
  const calendarPort = integer(env, 'CALENDAR_PORT', 3002, 1, 65535)
  const weatherPort = integer(env, 'WEATHER_PORT', 3003, 1, 65535)
  mustDiffer({ PORT: port, IDP_PORT: idpPort, CALENDAR_PORT: calendarPort, WEATHER_PORT: weatherPort })
  const secret = text(env, 'CONSENTRY_SECRET')
  if (secret !== undefined && Buffer.byteLength(secret) < 32) throw new ConfigError('CONSENTRY_SECRET must have at least 32 bytes')
  // Another site than the app at 127.0.0.1, as providers are in real life.
  const [issuer, calendarIssuer, weatherUrl] = [idpPort, calendarPort, weatherPort].map((own) => `http://localhost:${own}`) as [string, string, string]
  const outside = outsideProvider(env)
  const origin = originOf(host, port)
  const baseUrl = joined(env) ?? origin
  const common = secret ?? newSecret()
  const redisUrl = text(env, 'REDIS_URL')
  if (redisUrl !== undefined && !/^rediss?:\/\//.test(redisUrl)) throw new ConfigError('REDIS_URL must begin with redis:// or rediss://')
  // Every process that knows the secret knows these.
  const localCorpSecret = derive(common, 'corp')
  return {
    host,
    port,
    origin,
    baseUrl,
    // Who has another secret could read none of it, and is given a place of its own.
    ...(redisUrl !== undefined && { shared: { redisUrl, prefix: `consentry-demo:${derive(common, 'prefix').slice(0, 12)}:`, grantsKey: derive(common, 'grants') } }),
    idpPort,
    calendarPort,
    weatherPort,
    secret: common,
    madeUpSecret: secret === undefined,
    corp: outside ?? { issuer, clientId: 'corp', clientSecret: localCorpSecret, label: 'Corp ID', scopes: ['openid', 'profile', 'email', 'groups'] },
    localSignIn: outside === undefined,
    calendar: { issuer: calendarIssuer, clientId: 'report-demo', clientSecret: derive(common, 'calendar'), eventsUrl: `${calendarIssuer}/calendar/events` },
    calendarTokenLifetime: integer(env, 'CALENDAR_TOKEN_LIFETIME', 30, 2, 86400),
    weather: { url: weatherUrl },
    localCorpSecret,
    flowLifetime: integer(env, 'FLOW_LIFETIME', 600, 1, 86400)
  }
}

/** Whether browsers and providers treat this host as this machine: plain http is allowed there, and nowhere else. */
export function isLoopback (hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}

function outsideProvider (env: Environment): Config['corp'] | undefined {
  const issuer = text(env, 'OIDC_ISSUER')
  const clientId = text(env, 'OIDC_CLIENT_ID')
  const clientSecret = text(env, 'OIDC_CLIENT_SECRET')
  if (issuer === undefined) {
    for (const name of ['OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET', 'OIDC_SCOPES']) {
      if (text(env, name) !== undefined) throw new ConfigError(`${name} is of no use without OIDC_ISSUER`)
    }
    return undefined
  }
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined
  const usable = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))
  if (!usable) throw new ConfigError(`OIDC_ISSUER must be an https URL, or an http URL on this machine, not "${issuer}"`)
  if (clientId === undefined) throw new ConfigError('OIDC_CLIENT_ID is missing; OIDC_ISSUER needs it')
  const scopes = (text(env, 'OIDC_SCOPES') ?? 'openid profile email groups').split(/\s+/).filter((scope) => scope !== '')
  return { issuer, clientId, ...(clientSecret !== undefined && { clientSecret }), scopes }
}

/** The application that this process joins. */
function joined (env: Environment): string | undefined {
  const baseUrl = text(env, 'BASE_URL')
  if (baseUrl === undefined) return undefined
  if (!URL.canParse(baseUrl) || !isLoopback(new URL(baseUrl).hostname)) throw new ConfigError(`BASE_URL must be the address of another process of the demo on this machine, not "${baseUrl}"`)
  for (const name of ['REDIS_URL', 'CONSENTRY_SECRET']) {
    if (text(env, name) === undefined) throw new ConfigError(`BASE_URL joins another process, which takes ${name}, the same for both`)
  }
  return new URL(baseUrl).origin
}

function originOf (host: string, port: number): string {
  // Nobody can open "every address".
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  const hostname = shown.includes(':') ? `[${shown}]` : shown
  const url = `http://${hostname}:${port}`
  // Without TLS browsers keep a session on this machine alone.
  if (!isLoopback(hostname) || !URL.canParse(url)) throw new ConfigError(`HOST must be 127.0.0.1, localhost or another name of this machine, or 0.0.0.0 for every address, not "${host}"`)
  return new URL(url).origin
}

function mustDiffer (ports: Readonly<Record<string, number>>): void {
  const seen = new Map<number, string>()
  for (const [name, port] of Object.entries(ports)) {
    const other = seen.get(port)
    if (other !== undefined) throw new ConfigError(`${other} and ${name} must differ, and both are ${port}`)
    seen.set(port, name)
  }
}

/** An empty variable is one that was not set. */
function text (env: Environment, name: string): string | undefined {
  const value = env[name]?.trim()
  return value === '' ? undefined : value
}

function integer (env: Environment, name: string, fallback: number, least: number, most: number): number {
  const value = text(env, name)
  if (value === undefined) return fallback
  if (!/^\d{1,6}$/.test(value) || Number(value) < least || Number(value) > most) throw new ConfigError(`${name} must be a number from ${least} to ${most}, not "${value}"`)
  return Number(value)
}

/** One secret per purpose (RFC 5869). */
function derive (secret: string, purpose: string): string {
  return Buffer.from(hkdfSync('sha256', secret, '', `demo ${purpose}`, 32)).toString('base64url')
}

function newSecret (): string {
  return randomBytes(32).toString('base64url')
}
