import { ConsentryError } from '@consentry/core'
import { readCredentials, type HeadersSource } from './credentials.ts'
import { jwtVerifier, type JwtOptions } from './jwt.ts'
import type { UserIdOptions } from './user-id.ts'
import type { UserInfo } from './user-info.ts'

/** How browsers with a session are known. */
export interface SessionCredential<Session> {
  /** The name of the cookie. */
  cookie: string
  /** The session that the cookie's value opens. */
  find: (secret: string) => Promise<Session | undefined>
  userInfo: (session: Session) => UserInfo
}

export interface IdentityOptions<Session = never> extends UserIdOptions {
  session?: SessionCredential<Session>
  jwt?: JwtOptions
}

/** Who is calling, and the session they are known by, if any. */
export interface Identified<Session> {
  userInfo: UserInfo
  session?: Session
}

export interface Identity<Session> {
  /**
   * Who presents these headers; `null` without a credential. Never tries the next credential after a bad one. Rejects with
   * - `CONSENTRY_ERR_CREDENTIAL_INVALID`: a credential is there and not accepted
   * - `CONSENTRY_ERR_CREDENTIAL_CONFLICT`: two credentials name different people
   * - `CONSENTRY_ERR_STORE_UNAVAILABLE`, `CONSENTRY_ERR_PROVIDER_UNAVAILABLE`: it cannot be told now
   */
  identify (headers: HeadersSource): Promise<Identified<Session> | null>
}

export function createIdentity<Session = never> (options: IdentityOptions<Session>): Identity<Session> {
  const { session: sessions, jwt } = options
  const verifyJwt = jwt === undefined ? undefined : jwtVerifier(jwt, options)

  async function bySession (secret: string): Promise<Identified<Session>> {
    const session = await sessions?.find(secret)
    if (sessions === undefined || session === undefined) throw new ConsentryError('CONSENTRY_ERR_CREDENTIAL_INVALID')
    return { userInfo: sessions.userInfo(session), session }
  }

  async function byJwt (token: string): Promise<Identified<Session>> {
    if (verifyJwt === undefined) throw new ConsentryError('CONSENTRY_ERR_CREDENTIAL_INVALID')
    return { userInfo: await verifyJwt(token) }
  }

  return {
    async identify (headers) {
      const all = await Promise.all(readCredentials(headers, sessions?.cookie).map(async (credential) => {
        if (credential.source === 'session') return bySession(credential.secret)
        if (credential.source === 'jwt') return byJwt(credential.token)
        throw new ConsentryError('CONSENTRY_ERR_CREDENTIAL_INVALID')
      }))
      const [first, ...others] = all
      if (first === undefined) return null
      if (others.some(({ userInfo }) => userInfo.userId !== first.userInfo.userId)) throw new ConsentryError('CONSENTRY_ERR_CREDENTIAL_CONFLICT')
      return first
    }
  }
}
