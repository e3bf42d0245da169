import type { AuditEntry, Clock, Connection, Owner, Provider, RandomBytes, StateStore, TokenStore } from '@consentry/core'
import type { AttemptLimits, CacheOptions, CredentialOptions, UserIdOptions, UserInfo } from '@consentry/user-identity'
import type { RouteAuth } from './guard.ts'

/** Which credentials count, beside sessions; a kind that is not named is refused. */
export interface IdentityOptions extends UserIdOptions, CredentialOptions {
  /** How verified credentials are remembered. */
  cache?: CacheOptions
  /** How many failed passwords, API keys and opaque tokens are too many; `false` where something else limits them. */
  attempts?: false | AttemptLimits
  /** How often the credentials of open WebSockets and event streams are checked again, in seconds; 60 unless given. */
  reverify?: number
  /** Lifetimes of signed-in browsers, in seconds. */
  session?: {
    /** Ends this long after the last request; 8 hours unless given. */
    idleLifetime?: number
    /** Ends this long after the sign-in; 7 days unless given. */
    absoluteLifetime?: number
  }
}

/** The options of the plugin. */
export interface ConsentryOptions {
  /** The origin under which people reach the application, such as `https://app.example.com`. Redirect URIs come from here. */
  baseUrl: string
  /** 32 bytes or more. In an array the first is used, the others are still accepted. */
  secret: string | readonly string[]
  /** The providers, by the name under which routes and `authorize()` know them. */
  providers: Readonly<Record<string, Provider>>
  /** The providers that sign people in; `basic` stands for a form whose passwords `identity.basic` checks. */
  login?: readonly string[]
  identity?: IdentityOptions
  /** Where grants live. In memory unless given. */
  tokenStore?: TokenStore
  /** Where flows, executions and sessions live. In memory unless given. */
  stateStore?: StateStore
  /** Guards every route that does not say otherwise. */
  defaultAuth?: RouteAuth
  /** The path of login, callback and connect; `/auth` unless given. */
  prefix?: string
  /** The path of executions; `/executions` unless given. */
  executionsPrefix?: string
  /** Other origins whose pages may use the session, such as a development server. */
  allowedOrigins?: readonly string[]
  /** Requests to login, callback, connect, sign-out and refresh from one address before it has to wait; `false` where a proxy limits them. */
  rateLimit?: false | {
    /** 300 unless given. */
    max?: number
    /** In milliseconds; 60000 unless given. */
    timeWindow?: number
  }
  /** The tenant of a caller; one for all unless given. */
  tenant?: (userInfo: UserInfo) => string
  /** How long a person has to answer, in seconds; 600 unless given. */
  flowLifetime?: number
  /** How long before its expiry an access token is refreshed, in seconds; 60 unless given. */
  refreshBuffer?: number
  executions?: {
    /** How long one may run, in seconds; 3600 unless given. */
    maxAge?: number
    /** How long status and events can be read after the end, in seconds; 600 unless given. */
    retention?: number
    /** How many of one user may run at once; 100 unless given. */
    maxPerUser?: number
    /** How many of its newest events are kept for each; 1000 unless given. */
    maxEvents?: number
    /** A node that is not heard of for this long has died, and its executions with it, in seconds; 15 unless given. */
    lease?: number
  }
  websocket?: {
    /** How long a connection may stay unauthenticated, in milliseconds; 10000 unless given. */
    authTimeout?: number
    /** The largest message, in bytes; 65536 unless given. */
    maxPayload?: number
    /** How much may be on its way to a client before the next event waits, in bytes; 1048576 unless given. */
    maxBuffered?: number
    /** Messages in ten seconds before the connection is closed; 100 unless given. */
    maxMessages?: number
    /** How often connections are checked for life, in milliseconds; 30000 unless given. */
    heartbeat?: number
  }
  /** Told what happens to grants: started, granted, denied, refreshed, failed, revoked. Holds no secret. */
  audit?: (entry: AuditEntry) => void
  /** Told once when a provider ended a grant, so that its owner has to consent again before it can be used. */
  onReauthRequired?: (owner: Owner, ended: Connection) => void
  /** What `grant.fetch()` uses; the global `fetch` unless given. */
  fetch?: typeof globalThis.fetch
  /** Replaced in tests. */
  clock?: Clock
  randomBytes?: RandomBytes
}
