import { ConsentryError, type Clock, type StateStore } from '@consentry/core'
import { createHash } from 'node:crypto'
import { networkOf, type Client } from './client.ts'
import type { Credential } from './credentials.ts'
import { invalid } from './refused.ts'

/** So many failures within a time. */
export interface AttemptLimit {
  max: number
  /** In seconds. Counted in fixed windows, so that nobody waits for longer than one. */
  window: number
}

/** How many failures are too many. */
export interface AttemptLimits {
  /** One user name from one address: 10 in 300 seconds unless given. */
  nameAndAddress?: AttemptLimit
  /** One address, whatever it presents; passwords and tokens count apart. 100 in 60 seconds unless given. */
  address?: AttemptLimit
  /** One user name from all addresses: 100 in 900 seconds unless given. Who was right from an address before is not held up there. */
  name?: AttemptLimit
}

/** How failed attempts are limited. */
export interface AttemptsOptions extends AttemptLimits {
  /** Where they are counted. Servers that share it share the counts. */
  state: Pick<StateStore, 'append' | 'read'>
}

/** The credentials that can be guessed, or cost their check a question to someone else. Sessions and JWTs do neither. */
export type LimitedCredential = Extract<Credential, { kind: 'basic' | 'api_key' | 'bearer' }>

/** The one place that limits failed attempts. */
export interface Attempts {
  /**
   * What `check` resolves to. It is not made after too many failures, and counted when it refuses the credential.
   *
   * @throws ConsentryError `CONSENTRY_ERR_TOO_MANY_REQUESTS`, with `retryAfter`; `CONSENTRY_ERR_STORE_UNAVAILABLE` when
   *   nobody can say how many failed
   */
  run<T> (credential: LimitedCredential, client: Client, check: () => Promise<T>): Promise<T>
}

interface Counter {
  /** Its name and whom it counts, as a key that tells neither. */
  key: string
  max: number
  /** In milliseconds. */
  window: number
}

const defaults: Required<AttemptLimits> = {
  nameAndAddress: { max: 10, window: 300 },
  address: { max: 100, window: 60 },
  name: { max: 100, window: 900 }
}

/** How many pairs of name and address are remembered to have been right. */
const mostKnown = 10_000

/** When passwords that are checked right now have used up what is left, in milliseconds. */
const soon = 1000

/**
 * Counts failures in the state store, and only failures. Passwords that are being checked count as failed until they
 * are answered, in this process, so that trying many at once gains nothing.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`
 */
export function createAttempts ({ state, ...options }: AttemptsOptions, realm: string, clock: Pick<Clock, 'now'>): Attempts {
  const limits = readLimits(options)
  const underWay = new Map<string, number>()
  // In the order of their use.
  const known = new Set<string>()

  function counter (rule: keyof AttemptLimits, ...of: string[]): Counter {
    const { max, window } = limits[rule]
    return { key: `${rule}:${createHash('sha256').update(JSON.stringify(of)).digest('base64url')}`, max, window: window * 1000 }
  }

  function countersOf (credential: LimitedCredential, { address }: Client): Counter[] {
    const from = address === undefined ? undefined : networkOf(address)
    if (credential.kind !== 'basic') return from === undefined ? [] : [counter('address', 'token', from)]
    // However it is written: a check that does not care must not be asked more often for it.
    const name = credential.username.normalize('NFKC').toLowerCase()
    const byName = counter('name', realm, name)
    if (from === undefined) return [byName]
    const pair = counter('nameAndAddress', realm, name, from)
    const byAddress = counter('address', 'password', from)
    return known.has(pair.key) ? [pair, byAddress] : [pair, byAddress, byName]
  }

  const logOf = ({ key, window }: Counter): string => `attempts:${Math.floor(clock.now() / window)}:${key}`
  const leftOf = ({ window }: Counter): number => window - clock.now() % window

  /** `position` counts those under way before this one, and this one. */
  async function refuseIfFull (counter: Counter, position: number): Promise<void> {
    if (position > counter.max) throw tooMany(soon)
    const [newest] = await state.read(logOf(counter), 0, 1)
    const failed = newest?.seq ?? 0
    if (failed + position > counter.max) throw tooMany(failed >= counter.max ? leftOf(counter) : soon)
  }

  /** The sequence number of a log is its number of entries. */
  async function count (counter: Counter): Promise<void> {
    await state.append(logOf(counter), '', { ttl: leftOf(counter), limit: 1 })
  }

  function enter ({ key }: Counter): number {
    const position = (underWay.get(key) ?? 0) + 1
    underWay.set(key, position)
    return position
  }

  function leave ({ key }: Counter): void {
    const others = (underWay.get(key) ?? 1) - 1
    if (others === 0) underWay.delete(key)
    else underWay.set(key, others)
  }

  function remember ({ key }: Counter): void {
    known.delete(key)
    known.add(key)
    for (const oldest of known) {
      if (known.size <= mostKnown) break
      known.delete(oldest)
    }
  }

  async function counted<T> (counters: Counter[], check: () => Promise<T>): Promise<T> {
    try {
      return await check()
    } catch (error) {
      if (ConsentryError.is(error, 'CONSENTRY_ERR_CREDENTIAL_INVALID')) await Promise.all(counters.map(count))
      throw error
    }
  }

  return {
    async run (credential, client, check) {
      if (client.isKnown === true) return check()
      const counters = countersOf(credential, client)
      const isPassword = credential.kind === 'basic'
      const positions = counters.map((counter) => isPassword ? enter(counter) : 1)
      try {
        await Promise.all(counters.map((counter, index) => refuseIfFull(counter, positions[index] as number)))
        const answer = await counted(counters, check)
        if (isPassword && counters[0] !== undefined) remember(counters[0])
        return answer
      } finally {
        if (isPassword) counters.forEach(leave)
      }
    }
  }
}

function readLimits (options: AttemptLimits): Required<AttemptLimits> {
  const limits = { ...defaults, ...options }
  for (const [name, { max, window }] of Object.entries(limits)) {
    if (!Object.hasOwn(defaults, name)) throw invalid(`attempts.${name} is no limit`)
    if (!Number.isSafeInteger(max) || max < 1 || !Number.isFinite(window) || window < 1) throw invalid(`attempts.${name} must have a max of 1 or more, and a window of 1 second or more`)
  }
  return limits
}

function tooMany (retryAfter: number): ConsentryError {
  return new ConsentryError('CONSENTRY_ERR_TOO_MANY_REQUESTS', { retryAfter })
}
