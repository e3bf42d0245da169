import { ConsentryError, systemClock, type Clock } from '@consentry/core'
import { hash, randomBytes } from 'node:crypto'
import { createAttempts, type AttemptsOptions } from './attempts.ts'
import type { Client } from './client.ts'
import { readCredentials, wellFormed, type Credential } from './credentials.ts'
import type { RequestSource } from './headers.ts'
import { invalid, refused } from './refused.ts'
import { checkUserIdOptions, type UserIdOptions } from './user-id.ts'
import type { UserInfo } from './user-info.ts'
import { verifiedCache, type CacheOptions } from './verified-cache.ts'
import { verifiers, type CredentialOptions } from './verifiers.ts'

/** How browsers with a session are known. */
export interface SessionCredential<Session> {
  /** The name of the cookie. */
  cookie: string
  /** The session that the cookie's value opens. */
  find: (secret: string) => Promise<Session | undefined>
  /** Whose session it is. */
  userInfo: (session: Session) => UserInfo
}

/** Which credentials count; a kind that is not named is refused. */
export interface IdentityOptions<Session = never> extends UserIdOptions, CredentialOptions {
  session?: SessionCredential<Session>
  /** Of verified credentials; sessions are asked for every time. */
  cache?: CacheOptions
  /** Limits failed passwords, API keys and opaque tokens. Unlimited unless given, and where `trust` leaves the checks to a proxy. */
  attempts?: AttemptsOptions
  /** The system's unless given. */
  clock?: Pick<Clock, 'now' | 'monotonic'>
}

/** Who is calling, and the session they are known by, if any. */
export interface Identified<Session> {
  userInfo: UserInfo
  session?: Session
}

/** Tells who is calling. */
export interface Identity<Session = never> {
  /**
   * Who makes this request; `null` without a credential. All that are there must be good and name the same caller, save
   * that a session which is over is passed over where there is another credential.
   *
   * @throws ConsentryError
   * - `CONSENTRY_ERR_CREDENTIAL_INVALID`: a credential is there and not accepted
   * - `CONSENTRY_ERR_CREDENTIAL_CONFLICT`: two credentials name different callers
   * - `CONSENTRY_ERR_TOO_MANY_REQUESTS`: too many failed; the credential was not looked at
   * - `CONSENTRY_ERR_BUSY`, `CONSENTRY_ERR_STORE_UNAVAILABLE`, `CONSENTRY_ERR_PROVIDER_UNAVAILABLE`: it cannot be told now
   */
  identify (source: RequestSource, client?: Client): Promise<Identified<Session> | null>
  /**
   * Whom `identify` would name, where nothing has to be waited for: the request has one credential, which is no session and is
   * remembered. `undefined` otherwise, also for a credential that `identify` throws for.
   */
  recall (source: RequestSource): UserInfo | undefined
  /** Whose credential this is, such as one of `readAuthMessage`. Throws as `identify` does. */
  authenticate (credential: Credential, client?: Client): Promise<UserInfo>
  /** Drops what is remembered of this user, or of everyone: at a logout, or when a key or password was withdrawn. In this process only. */
  forget (userId?: string): void
  /** What an operator must know, to be logged at start. */
  readonly warnings: readonly string[]
}

/** @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`, whose `cause` says which option */
export function createIdentity<Session = never> (options: IdentityOptions<Session> = {}): Identity<Session> {
  const { session: sessions, clock = systemClock } = options
  checkUserIdOptions(options)
  if (sessions !== undefined && (typeof sessions.cookie !== 'string' || !/^[\w!#$%&'*+.^`|~-]+$/.test(sessions.cookie))) throw invalid('session.cookie must be the name of a cookie')
  const cache = verifiedCache(options.cache ?? {}, clock)
  const { verify, warnings } = verifiers(options, clock, (issuer) => { cache.forget((userInfo) => userInfo.issuer === issuer) })
  const attempts = options.attempts === undefined || options.trust !== undefined ? undefined : createAttempts(options.attempts, options.basic?.realm ?? '', clock)
  // Nobody can make a key of this memory from a credential, nor a credential from its key.
  const pepper = randomBytes(32).toString('base64')
  const peppered = (text: string) => hash('sha256', pepper + text, 'base64')

  function keyOf (credential: Exclude<Credential, { kind: 'session' }>): string {
    switch (credential.kind) {
      case 'jwt': return credential.token
      case 'bearer': return peppered(`bearer:${credential.token}`)
      case 'api_key': return peppered(`api_key:${credential.key}`)
      case 'basic': return peppered(`basic:${credential.username}:${credential.password}`)
    }
  }

  /** Asked of what is not remembered. */
  function verifyLimited (credential: Exclude<Credential, { kind: 'session' }>, client: Client): Promise<UserInfo> {
    if (attempts === undefined || credential.kind === 'jwt') return verify(credential, client)
    return attempts.run(credential, client, () => verify(credential, client))
  }

  /** `undefined` for a session that is over, or never was. */
  async function check (credential: Credential, client: Client | undefined): Promise<Identified<Session> | undefined> {
    try {
      if (credential.kind !== 'session') return { userInfo: await cache.check(keyOf(credential), (client) => verifyLimited(credential, client), client) }
      const session = await sessions?.find(credential.secret)
      return sessions === undefined || session === undefined || session === null ? undefined : { userInfo: sessions.userInfo(session), session }
    } catch (error) {
      // What the application looks things up with has failed: that makes nobody a stranger.
      throw ConsentryError.is(error) ? error : new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE', { cause: error })
    }
  }

  return {
    warnings,
    forget: (userId) => { cache.forget(userId === undefined ? undefined : (userInfo) => userInfo.userId === userId) },
    async authenticate (credential, client) {
      const caller = await check(wellFormed(credential), client)
      if (caller === undefined) throw refused()
      return caller.userInfo
    },
    recall (source) {
      try {
        const [credential, ...others] = readCredentials(source, sessions?.cookie)
        return credential === undefined || credential.kind === 'session' || others.length > 0 ? undefined : cache.get(keyOf(credential))
      } catch {
        return undefined
      }
    },
    async identify (source, client) {
      let caller: Identified<Session> | null = null
      const credentials = readCredentials(source, sessions?.cookie)
      for (const credential of credentials) {
        const found = await check(credential, client)
        // A browser sends the cookie of a session that is over along with whatever else somebody meant.
        if (found === undefined && credentials.length > 1) continue
        if (found === undefined) throw refused()
        if (caller !== null && caller.userInfo.userId !== found.userInfo.userId) throw new ConsentryError('CONSENTRY_ERR_CREDENTIAL_CONFLICT')
        caller ??= found
      }
      return caller
    }
  }
}
