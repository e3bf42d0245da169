import { createHash } from 'node:crypto'

/** What stands in a calendar. Times are RFC 3339. */
export interface LocalEvent {
  title: string
  start: string
  end: string
}

/** A person who can sign in at the local provider, with any password that is not empty. */
export interface LocalAccount {
  /** What is typed on the sign-in page; also `preferred_username`. */
  username: string
  /** The `sub` claim. Derived from the name, and unlike it, unless given. */
  sub?: string
  name?: string
  email?: string
  /** `true` unless given. */
  emailVerified?: boolean
  groups?: readonly string[]
  /** What is in their calendar at first. A few built-in events unless given. */
  events?: readonly LocalEvent[]
}

/** An account with everything filled in. */
export type Account = Required<LocalAccount>

const builtIn: readonly LocalAccount[] = [
  { username: 'alice', name: 'Alice Novak', groups: ['staff', 'admins'] },
  { username: 'bob', name: 'Bob Okafor', groups: ['staff'] }
]

/** The accounts of one local provider. */
export class Accounts {
  readonly #byName = new Map<string, Account>()
  readonly #bySub = new Map<string, Account>()

  constructor (extra: readonly LocalAccount[] = []) {
    for (const account of [...builtIn, ...extra]) this.#add(account)
  }

  #add (given: LocalAccount): void {
    const { username } = given
    const account: Account = {
      username,
      sub: given.sub ?? `usr_${createHash('sha256').update(username).digest('hex').slice(0, 16)}`,
      name: given.name ?? username,
      email: given.email ?? `${username}@example.com`,
      emailVerified: given.emailVerified ?? true,
      groups: given.groups ?? [],
      events: given.events ?? []
    }
    this.#byName.set(username, account)
    this.#bySub.set(account.sub, account)
  }

  byName (username: string): Account | undefined {
    return this.#byName.get(username)
  }

  bySub (sub: string): Account | undefined {
    return this.#bySub.get(sub)
  }

  names (): string[] {
    return [...this.#byName.keys()]
  }
}

/** The claims of each scope. */
export const claimsByScope: Readonly<Record<string, readonly string[]>> = {
  openid: ['sub'],
  profile: ['name', 'given_name', 'family_name', 'preferred_username'],
  email: ['email', 'email_verified'],
  groups: ['groups']
}

/** Every claim of an account; the provider leaves out what was not granted. */
export function claimsOf (account: Account): { sub: string, [claim: string]: unknown } {
  const [given, ...family] = account.name.split(' ')
  return {
    sub: account.sub,
    name: account.name,
    given_name: given,
    family_name: family.join(' ') || undefined,
    preferred_username: account.username,
    email: account.email,
    email_verified: account.emailVerified,
    groups: [...account.groups]
  }
}
