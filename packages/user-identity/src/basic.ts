import { ConsentryError, type Claims } from '@consentry/core'
import { verifyPassword } from './password.ts'
import type { UserIdOptions } from './user-id.ts'
import { userInfoFromClaims, type UserInfo } from './user-info.ts'

export interface BasicOptions {
  /** Whose users these are. Part of their identity: the same name in another realm is another person. */
  realm: string
  /** Claims of the user (`groups`, `roles`, …) when the password is right, otherwise `undefined` or `false`. */
  check: (username: string, password: string) => Claims | false | undefined | Promise<Claims | false | undefined>
}

/** Checks user names and passwords. The returned function rejects with `CONSENTRY_ERR_CREDENTIAL_INVALID`. */
export function basicVerifier ({ realm, check }: BasicOptions, userId: UserIdOptions = {}): (username: string, password: string) => Promise<UserInfo> {
  return async (username, password) => {
    const claims = await check(username, password)
    if (typeof claims !== 'object' || claims === null) throw new ConsentryError('CONSENTRY_ERR_CREDENTIAL_INVALID')
    return userInfoFromClaims(
      { preferred_username: username, ...claims, sub: username },
      { ...userId, source: 'basic', verified: true, issuer: `urn:consentry:basic:${encodeURIComponent(realm)}` }
    )
  }
}

/** A user in a table. */
export interface PasswordEntry {
  /** Made by `hashPassword`. */
  hash: string
  claims?: Claims
}

/** A `check` over a table of users. An unknown user takes as long as a wrong password. */
export function passwordTable (table: Readonly<Record<string, PasswordEntry>>): BasicOptions['check'] {
  return async (username, password) => {
    const entry = Object.hasOwn(table, username) ? table[username] : undefined
    return await verifyPassword(password, entry?.hash) ? entry?.claims ?? {} : undefined
  }
}
