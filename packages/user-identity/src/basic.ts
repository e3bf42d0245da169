import type { Claims } from '@consentry/core'
import { passwordQueue, type Client } from './client.ts'
import type { FairQueue } from './fair-queue.ts'
import { createPasswordQueue, parsePasswordHash, verifyPassword } from './password.ts'
import { invalid, refused } from './refused.ts'
import type { UserIdOptions } from './user-id.ts'
import { userInfoFromClaims, type UserInfo } from './user-info.ts'

/**
 * What a check of a password says: the user's claims (`groups`, `roles`, …) or `true` when it is right. It hands the
 * client on to `verifyPassword`, so that nobody's passwords keep others waiting.
 */
export type PasswordCheck = (username: string, password: string, client?: Client) => Claims | boolean | null | undefined | Promise<Claims | boolean | null | undefined>

/** How user names and passwords are known. */
export interface BasicOptions {
  /** Whose users these are. Part of their identity: the same name in another realm is another person. */
  realm: string
  /** Required unless something in front has checked (`trust: 'upstream'`), when it is not called. */
  check?: PasswordCheck
}

/** The issuer of callers with a user name and a password. */
export function basicIssuer (realm: string): string {
  return `urn:consentry:basic:${encodeURIComponent(realm)}`
}

/**
 * Checks user names and passwords.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; the returned function `CONSENTRY_ERR_CREDENTIAL_INVALID`
 */
export function basicVerifier ({ realm, check }: BasicOptions, userId: UserIdOptions = {}): (username: string, password: string, client?: Client) => Promise<UserInfo> {
  if (typeof check !== 'function') throw invalid('basic.check must be a function')
  const issuer = issuerOf(realm)
  const queue = createPasswordQueue()
  return async (username, password, client = {}) => {
    const answer = await check(username, password, inQueue(client, queue))
    const claims = answer === true ? {} : answer
    if (typeof claims !== 'object' || claims === null) throw refused()
    return userInfoFromClaims({ preferred_username: username, ...claims, sub: username }, { ...userId, source: 'basic', verified: true, issuer })
  }
}

/** The client as it is, whose passwords wait in this queue. */
function inQueue (client: Client, queue: FairQueue): Client {
  return {
    ...(client.isKnown !== undefined && { isKnown: client.isKnown }),
    get address () { return client.address },
    isGone: () => client.isGone?.() === true,
    [passwordQueue]: queue
  }
}

/** Reads user names that something in front has checked. @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID` */
export function upstreamBasic ({ realm }: Pick<BasicOptions, 'realm'>, userId: UserIdOptions): (username: string) => UserInfo {
  const issuer = issuerOf(realm)
  return (username) => userInfoFromClaims({ preferred_username: username, sub: username }, { ...userId, source: 'basic', verified: false, issuer })
}

function issuerOf (realm: string): string {
  if (typeof realm !== 'string' || /[\p{Cc}\p{Surrogate}]/u.test(realm)) throw invalid('basic.realm must be a text')
  return basicIssuer(realm)
}

/** A user in a table. */
export interface PasswordEntry {
  /** Made by `hashPassword`. */
  hash: string
  claims?: Claims
}

/**
 * A `check` over a table of users. An unknown user takes as long as a wrong password, if all hashes are of one cost (T12).
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID` when a hash is not one that `hashPassword` makes
 */
export function passwordTable (table: Readonly<Record<string, PasswordEntry>>): PasswordCheck {
  const users = new Map(Object.entries(table).map(([name, { hash, claims }]) => [name.normalize('NFC'), { hash, claims: claims ?? {} }]))
  for (const { hash } of users.values()) parsePasswordHash(hash)
  const [someone] = users.values()
  return async (username, password, client) => {
    const user = users.get(username)
    const isRight = await verifyPassword(password, (user ?? someone)?.hash, client)
    return isRight && user !== undefined && user.claims
  }
}
