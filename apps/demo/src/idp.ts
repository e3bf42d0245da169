import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { startLocalProvider } from '@consentry/testing'
import type { LocalProvider } from '@consentry/testing'

/** How the demo's identity provider is started. */
export interface IdpOptions {
  /** The address to listen on. `127.0.0.1` unless given. */
  host?: string
  /** 3001 unless given; 0 for a free one. */
  port?: number
  /** The origin of the demo, such as `http://127.0.0.1:3000`. */
  appUrl: string
  /** The secret of the client `corp`, which signs people in. */
  corpSecret: string
  /** The secret of the client `calendar`, which reads their calendar. */
  calendarSecret: string
  /** Seconds. An hour unless given; a short one shows a refresh. */
  accessTokenTtl?: number
}

/**
 * Starts the identity provider that the demo signs in with and whose calendar it reads. Its issuer is on `localhost`,
 * so that to a browser it is another site than a demo on 127.0.0.1. Rejects when the port is taken.
 */
export async function startIdp ({ host, port = 3001, appUrl, corpSecret, calendarSecret, accessTokenTtl }: IdpOptions): Promise<LocalProvider> {
  const url = (path: string): string => new URL(path, appUrl).href
  return startLocalProvider({
    issuerHost: 'localhost',
    port,
    ...(host === undefined ? {} : { host }),
    ...(accessTokenTtl === undefined ? {} : { accessTokenTtl }),
    clients: [
      {
        clientId: 'corp',
        clientSecret: corpSecret,
        name: 'Report demo',
        redirectUris: [url('/auth/callback/corp')],
        postLogoutRedirectUris: [url('/')],
        scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
        firstParty: true
      },
      {
        clientId: 'calendar',
        clientSecret: calendarSecret,
        name: 'Report demo',
        redirectUris: [url('/auth/callback/calendar')],
        scopes: ['openid', 'profile', 'email', 'offline_access', 'calendar.read', 'calendar.write']
      }
    ]
  })
}

class SetupError extends Error {}

function setting (name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '') throw new SetupError(`${name} is not set. The demo starts this process by itself: npm run demo`)
  return value
}

function integer (name: string, value: string, least: number, most: number): number {
  const number = Number(value)
  if (!Number.isInteger(number) || number < least || number > most) throw new SetupError(`${name} must be a number from ${least} to ${most}, not "${value}"`)
  return number
}

function explain (error: unknown, port: string): string {
  if (error instanceof SetupError) return error.message
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') return `Port ${port} is taken. Choose another with IDP_PORT.`
  if (code === 'EACCES') return `Port ${port} may not be used. Choose another with IDP_PORT.`
  return error instanceof Error ? error.stack ?? error.message : String(error)
}

/** Runs as a process of its own: settings by environment, readiness by message to the parent or a line on standard output. */
async function main (): Promise<void> {
  const { HOST: host, IDP_PORT: port = '3001', IDP_ACCESS_TOKEN_TTL: ttl } = process.env
  try {
    const idp = await startIdp({
      ...(host === undefined || host === '' ? {} : { host }),
      ...(ttl === undefined || ttl === '' ? {} : { accessTokenTtl: integer('IDP_ACCESS_TOKEN_TTL', ttl, 1, 86400) }),
      port: integer('IDP_PORT', port, 0, 65535),
      appUrl: setting('IDP_APP_URL'),
      corpSecret: setting('IDP_CORP_SECRET'),
      calendarSecret: setting('IDP_CALENDAR_SECRET')
    })
    const stop = (): void => { void idp.close().then(() => process.exit()) }
    process.once('SIGINT', stop).once('SIGTERM', stop)
    // Without its parent nobody would stop it.
    process.once('disconnect', stop)
    if (process.send === undefined) console.log(`listening ${idp.issuer}`)
    else process.send({ type: 'listening', issuer: idp.issuer })
  } catch (error) {
    console.error(explain(error, port))
    process.exit(1)
  }
}

const [, script] = process.argv
if (script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url)) await main()
