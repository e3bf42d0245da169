import { readFileSync } from 'node:fs'
import type { LoginMethod, RedirectOptions } from '@consentry/native'
import type { Flags } from './arguments.ts'
import { UsageError } from './exit-codes.ts'
import { configFile } from './places.ts'

/** What the file, the environment and the flags say together; a flag counts before a variable, and that before the file. */
export interface Config {
  /** As variables of `providersFromEnv()`, of the one provider `LOGIN`. */
  provider: Readonly<Record<string, string>>
  profile: string | undefined
  store: 'keyring' | 'file' | undefined
  server: string | undefined
  apiKey: string | undefined
  methods: readonly LoginMethod[] | undefined
  redirect: RedirectOptions
  /** Milliseconds. */
  timeout: number | undefined
}

type Env = Readonly<Record<string, string | undefined>>
type Json = Record<string, unknown>

const prefix = 'CONSENTRY_LOGIN_'
const settings: ReadonlySet<string> = new Set(['provider', 'profile', 'store', 'server', 'methods', 'redirect', 'timeout'])

export function readConfig (flags: Flags, env: Env): Config {
  const file = readFile(flags.config ?? nonEmpty(env['CONSENTRY_CONFIG']), configFile(env))
  const provider: Record<string, string> = { [`${prefix}TYPE`]: 'oidc', ...variablesOf(member(file, 'provider')), ...providerVariables(env), ...flagVariables(flags) }
  // One that is mounted and one that is given would be two.
  if (nonEmpty(env[`${prefix}CLIENT_SECRET`]) !== undefined) delete provider[`${prefix}CLIENT_SECRET_FILE`]
  const redirect = { ...member(file, 'redirect') as RedirectOptions, ...number('port', flags['redirect-port']), ...flags['redirect-path'] !== undefined && { path: flags['redirect-path'] } }
  const seconds = number('timeout', flags.timeout)['timeout'] ?? file['timeout']
  if (seconds !== undefined && !(typeof seconds === 'number' && seconds > 0)) throw new UsageError('timeout is not a number of seconds.')
  const store = flags.store ?? nonEmpty(env['CONSENTRY_STORE']) ?? file['store']
  if (store !== undefined && store !== 'keyring' && store !== 'file') throw new UsageError('store is neither keyring nor file.')
  return {
    provider,
    profile: text('profile', flags.profile ?? nonEmpty(env['CONSENTRY_PROFILE']) ?? file['profile']),
    store,
    server: text('server', flags.server ?? nonEmpty(env['CONSENTRY_SERVER']) ?? file['server']),
    apiKey: nonEmpty(env['CONSENTRY_API_KEY']),
    // Checked by `login()`.
    methods: (flags.method ?? file['methods']) as readonly LoginMethod[] | undefined,
    redirect,
    timeout: seconds === undefined ? undefined : seconds * 1000
  }
}

/** The usual file need not be there. */
function readFile (given: string | undefined, usual: string): Json {
  let content: string
  try {
    content = readFileSync(given ?? usual, 'utf8')
  } catch (error) {
    if (given === undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new UsageError(`The configuration at ${given ?? usual} cannot be read.`)
  }
  const file = parse(content, given ?? usual)
  const strange = Object.keys(file).find((name) => !settings.has(name))
  if (strange !== undefined) throw new UsageError(`The configuration has no ${JSON.stringify(strange)}.`)
  return file
}

function parse (content: string, path: string): Json {
  try {
    const value: unknown = JSON.parse(content)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json
  } catch {}
  throw new UsageError(`The configuration at ${path} is not a JSON object.`)
}

function member (file: Json, name: string): Json {
  const value = file[name] ?? {}
  if (typeof value !== 'object' || Array.isArray(value)) throw new UsageError(`${name} is not a JSON object.`)
  return value as Json
}

/** `clientId` is `CONSENTRY_LOGIN_CLIENT_ID`. */
function variablesOf (options: Json): Record<string, string> {
  if (Object.hasOwn(options, 'clientSecret')) throw new UsageError('clientSecret does not belong in this file: name a file with clientSecretFile, or set CONSENTRY_LOGIN_CLIENT_SECRET.')
  return Object.fromEntries(Object.entries(options).map(([name, value]) => {
    const simple = Array.isArray(value) ? value.join(' ') : String(value)
    return [prefix + name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase(), simple]
  }))
}

function providerVariables (env: Env): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[0].startsWith(prefix) && nonEmpty(entry[1]) !== undefined))
}

function flagVariables ({ type, issuer, 'client-id': clientId, scope }: Flags): Record<string, string> {
  return {
    ...type !== undefined && { [`${prefix}TYPE`]: type },
    ...issuer !== undefined && { [`${prefix}ISSUER`]: issuer },
    ...clientId !== undefined && { [`${prefix}CLIENT_ID`]: clientId },
    ...scope !== undefined && { [`${prefix}SCOPES`]: scope.join(' ') }
  }
}

function number (name: string, value: string | undefined): Record<string, number> {
  if (value === undefined) return {}
  if (!/^\d{1,9}$/.test(value)) throw new UsageError(`${name} is not a whole number.`)
  return { [name]: Number(value) }
}

function text (name: string, value: unknown): string | undefined {
  if (value !== undefined && typeof value !== 'string') throw new UsageError(`${name} is not a text.`)
  return value
}

function nonEmpty (value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}
