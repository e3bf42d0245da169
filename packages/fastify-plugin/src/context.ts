import { auditFlows, ConsentryError, createAudit, createDeadlines, createExecutions, createFlows, createGrants, createSessions, createWakeups, defaultTenant, type Account, type Deadlines, type Executions, type Flows, type Grants, type Owner, type Provider, type RedirectProvider, type Session, type Sessions, type Wakeups } from '@consentry/core'
import { createIdentity, userInfoFromClaims, type Identity, type UserInfo } from '@consentry/user-identity'
import type { FastifyBaseLogger } from 'fastify'
import { randomUUID } from 'node:crypto'
import { cookieNames } from './cookies.ts'
import { createCsrfTokens, type CsrfTokens } from './csrf.ts'
import { httpError, loggable } from './errors.ts'
import { invalid, type Settings } from './options.ts'
import { createReverification, type Reverification } from './reverification.ts'
import { createSeal, type Seal } from './seal.ts'

/** What a session holds. */
export interface SessionData {
  userInfo: UserInfo
  /** The provider that signed the person in. */
  provider: string
}

export type BrowserSession = Session<SessionData>

/** Everything the routes share: the settings and what was made of them. */
export interface Context {
  settings: Settings
  wakeups: Wakeups
  flows: Flows
  grants: Grants
  executions: Executions
  sessions: Sessions<SessionData>
  identity: Identity<BrowserSession>
  /** Of the credentials that open connections were signed in with. */
  reverification: Reverification
  csrf: CsrfTokens
  /** For what is encrypted in the state store. */
  seal: Seal
  /** Timeouts and expiries of connections. */
  deadlines: Deadlines
  log: FastifyBaseLogger
}

export function createContext (settings: Settings, log: FastifyBaseLogger): Context {
  const { stateStore: state, tokenStore: tokens, clock, randomBytes, providers, origin, prefix } = settings
  const wakeups = createWakeups(state)
  const onError = (error: unknown, doing: string): void => { log.warn(loggable(error), `${doing} failed`) }
  const audit = createAudit({ clock, onAudit: settings.audit, onError })
  const flows = createFlows({
    state,
    wakeups,
    clock,
    randomBytes,
    lifetime: settings.flowLifetime,
    redirectUri: (provider) => `${origin}${prefix}/callback/${provider}`,
    onConnect: auditFlows(audit)
  })
  const grants = createGrants({
    providers,
    tokens,
    flows,
    wakeups,
    clock,
    audit,
    fetch: settings.fetch,
    refreshBuffer: settings.refreshBuffer,
    onReauthRequired: settings.onReauthRequired,
    onError
  })
  const executions = createExecutions({
    ...settings.executions,
    state,
    wakeups,
    clock,
    randomBytes,
    grants,
    connectUrl: (flowId) => connectUrl(settings, flowId),
    onError
  })
  const { idleLifetime, absoluteLifetime } = settings
  const sessions = createSessions<SessionData>({ state, wakeups, clock, randomBytes, idleLifetime, absoluteLifetime })
  const deadlines = createDeadlines(clock)
  const reverification = createReverification(deadlines, settings.reverify)
  const identity = forgetting(readIdentity(settings, sessions), reverification, wakeups)
  for (const warning of identity.warnings) log.warn(warning)
  return { settings, wakeups, flows, grants, executions, sessions, identity, reverification, csrf: createCsrfTokens(settings), seal: createSeal(settings.sealKeys, randomBytes), deadlines, log }
}

/** Who is forgotten here is forgotten on the other nodes too, and their open connections are checked again at once. */
function forgetting (identity: Identity<BrowserSession>, reverification: Reverification, wakeups: Wakeups): Identity<BrowserSession> {
  const self = randomUUID()
  const forget = (userId: string | undefined): void => {
    identity.forget(userId)
    reverification.hurry(userId)
  }
  wakeups.on('identity:forgotten', (detail) => {
    const [node, userId] = detail.split(' ')
    if (node !== self) forget(userId)
  })
  return {
    ...identity,
    forget (userId) {
      forget(userId)
      wakeups.wake('identity:forgotten', userId === undefined ? self : `${self} ${userId}`)
    }
  }
}

function readIdentity (settings: Settings, sessions: Sessions<SessionData>): Identity<BrowserSession> {
  try {
    return createIdentity<BrowserSession>({
      ...settings.identity,
      ...(settings.attempts !== false && { attempts: { ...settings.attempts, state: settings.stateStore } }),
      clock: settings.clock,
      session: { cookie: cookieNames.session, find: (secret) => sessions.find(secret), userInfo: ({ data }) => data.userInfo }
    })
  } catch (error) {
    throw ConsentryError.is(error) && error.cause instanceof Error ? invalid(`identity: ${error.cause.message}`, error) : error
  }
}

/** Where a person answers a flow: on our own origin. */
export function connectUrl ({ origin, prefix }: Settings, flowId: string): string {
  return `${origin}${prefix}/connect/${flowId}`
}

/** The configured provider of this name, or a 404. */
export function providerOf ({ settings: { providers } }: Context, name: string): Provider {
  const provider = Object.hasOwn(providers, name) ? providers[name] : undefined
  if (provider === undefined) throw httpError('CONSENTRY_ERR_PROVIDER_UNKNOWN')
  return provider
}

/** The configured provider of this name, if people are sent there, or a 404. */
export function redirectProviderOf (context: Context, name: string): RedirectProvider {
  const provider = providerOf(context, name)
  if (provider.kind !== 'redirect') throw httpError('CONSENTRY_ERR_PROVIDER_UNKNOWN')
  return provider
}

/** Whose executions and grants a caller has. A tenant that cannot be told is nobody's. */
export function ownerOf ({ settings: { tenant } }: Context, userInfo: UserInfo): Owner {
  const name: unknown = tenant === undefined ? defaultTenant : tenant(userInfo)
  if (typeof name !== 'string' || name === '') throw httpError('CONSENTRY_ERR_FORBIDDEN')
  return { tenant: name, userId: userInfo.userId }
}

/** Who signed in: the account that the provider's checks proved, whatever else its claims say. */
export function sessionUserInfo ({ settings }: Context, { issuer, subject, claims }: Account): UserInfo {
  return userInfoFromClaims({ ...claims, sub: subject }, { ...settings.identity, issuer, source: 'session', verified: true })
}
