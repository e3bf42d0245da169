import { ownerId, randomId, systemRandomBytes, type GrantKey, type Owner, type TokenStore, type VersionedGrant } from '@consentry/core'
import { encrypted, type EncryptedTokens, type EncryptionOptions } from './encrypted.ts'
import { checkEviction } from './eviction.ts'
import { grantKey, grantName } from './keys.ts'
import { withLease } from './lease.ts'
import { invalid, milliseconds } from './options.ts'
import { readRecord, unreadable } from './record.ts'
import { createCommands, readsReplicas, type RedisClient } from './redis-client.ts'
import { hold, release, remove, save, take, versionLength } from './redis-scripts.ts'

/** How grants are kept in Redis. Times in milliseconds. */
export interface RedisTokensOptions {
  /**
   * Begins the name of every key; `consentry:` unless given. Two applications in one database need different ones. Braces
   * only around a hash tag.
   */
  prefix?: string
  /** Encrypts grants at rest. Needed where `NODE_ENV` is `production`. */
  encryption?: EncryptionOptions
  /** Stores tokens as they are, in production too: whoever reads the database or a backup of it has them. */
  dangerouslyPlaintext?: boolean
  /**
   * The grants of a person are removed this long after the last save of any of them. Every refresh saves. Never unless
   * given: a refresh token has no lifetime that we know of, and outlives its access tokens.
   */
  retention?: number
  /** How long a command may take; 5000 unless given. */
  timeout?: number
  /** A lock ends this long after its holder was last heard of; 10000 unless given. */
  lease?: number
  /** How long to wait for a lock; 30000 unless given. */
  lockTimeout?: number
  /** Works on a server that may evict grants when its memory is full. */
  dangerouslyAllowEviction?: boolean
}

/** A token store in Redis. */
export interface RedisTokens extends TokenStore {
  /**
   * Asks the server whether grants are safe there, once; every other method waits for it. To be called at start.
   * Rejects with `CONSENTRY_ERR_OPTIONS_INVALID` when its eviction policy may remove grants.
   */
  ready: () => Promise<void>
}

/**
 * Grants in Redis, for many nodes, through a client of the application, which closes it too: `ioredis` with one server,
 * Sentinel or Cluster.
 *
 * All grants of an owner are fields of one hash, so that saving one and listing them cannot disagree. Every change is a
 * compare-and-set of one script. The lock saves work; who was faster is decided by the version.
 *
 * Throws `CONSENTRY_ERR_OPTIONS_INVALID` for a wrong option, and in production without `encryption`. Every method rejects
 * with `CONSENTRY_ERR_STORE_UNAVAILABLE` when Redis does not answer in time, or with an error. A command that timed out
 * may still be carried out; the versions tell.
 */
export function redisTokens (redis: RedisClient, options: RedisTokensOptions & { encryption: EncryptionOptions }): RedisTokens & EncryptedTokens
export function redisTokens (redis: RedisClient, options?: RedisTokensOptions): RedisTokens
export function redisTokens (redis: RedisClient, options: RedisTokensOptions = {}): RedisTokens {
  const { encryption, dangerouslyPlaintext = false } = options
  const { env: { NODE_ENV } } = process
  if (encryption === undefined && !dangerouslyPlaintext && NODE_ENV === 'production') {
    throw invalid('redisTokens stores tokens as they are: pass encryption with keys, or dangerouslyPlaintext')
  }
  const tokens = plainTokens(redis, options)
  return encryption === undefined ? tokens : { ...encrypted(tokens, encryption), ready: tokens.ready }
}

/** What is between the first braces of a key decides on its slot: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags */
const bracesAroundTag = /^[^{}]*(\{[^{}]+\}[^{}]*)?$/

function plainTokens (redis: RedisClient, options: RedisTokensOptions): RedisTokens {
  const { prefix = 'consentry:', retention, dangerouslyAllowEviction = false } = options
  const { keyPrefix = '' } = redis.options ?? {}
  if (typeof prefix !== 'string' || ![prefix, keyPrefix].every((text) => bracesAroundTag.test(text))) throw invalid('prefix must be a string, and have braces around a hash tag alone, as the keyPrefix of the client')
  if (readsReplicas(redis)) throw invalid('the client reads from replicas (scaleReads), which may be behind: grants are read from masters')
  const lifetime = retention === undefined ? '' : String(milliseconds('retention', retention, 0))
  const lease = milliseconds('lease', options.lease, 10_000)
  const lockTimeout = milliseconds('lockTimeout', options.lockTimeout, 30_000)
  const commands = createCommands(redis, milliseconds('timeout', options.timeout, 5_000))
  // Made before a command is: a key that is none is the caller's mistake, and not the server's.
  const grantsOf = (owner: Owner): string => `${prefix}grants:${ownerId(owner)}`
  // In one slot with the grants: by their name as its hash tag, unless a prefix has one already.
  const lockOf = (key: GrantKey): string => `${prefix}lock:{${keyPrefix}${grantsOf(key)}}/${grantName(key)}`

  let checked: Promise<void> | undefined
  const ready = (): Promise<void> => {
    checked ??= dangerouslyAllowEviction
      ? Promise.resolve()
      : checkEviction(commands, { expiring: lifetime !== '' }).catch((error: unknown) => {
        checked = undefined
        throw error
      })
    return checked
  }

  return {
    ready,

    async load (key) {
      const [grants, name] = [grantsOf(key), grantName(key)]
      await ready()
      const stored = await commands.run((redis) => redis.hget(grants, name))
      return read(stored)
    },

    async save (key, record, expected) {
      await ready()
      // An empty one would say that nothing is expected.
      if (expected === '') return undefined
      const version = randomId(16, systemRandomBytes)
      const saved = await commands.script(save, [grantsOf(key)], grantName(key), expected ?? '', version, JSON.stringify(record), lifetime)
      return Number(saved) === 1 ? version : undefined
    },

    async delete (key, expected) {
      await ready()
      if (expected === '') return false
      return Number(await commands.script(remove, [grantsOf(key)], grantName(key), expected ?? '')) === 1
    },

    async exists (key) {
      const [grants, name] = [grantsOf(key), grantName(key)]
      await ready()
      return Number(await commands.run((redis) => redis.hexists(grants, name))) === 1
    },

    async listKeys (owner) {
      const grants = grantsOf(owner)
      await ready()
      const names = await commands.run((redis) => redis.hkeys(grants))
      return names.map((name) => grantKey(owner, name))
    },

    async withLock (key, seen, fn) {
      const [lock, grants, name] = [lockOf(key), grantsOf(key), grantName(key)]
      await ready()
      return withLease({
        async take (holder, ms) {
          // An empty version would say that nothing was seen.
          const answer = await commands.script(take, [lock, grants], holder, String(ms), name, seen === '' ? '-' : seen ?? '')
          const [taken, stored] = answer as [number | string, string | null]
          return Number(taken) === 2 ? { stored: read(stored) } : Number(taken) === 1
        },
        hold: async (holder, ms) => Number(await commands.script(hold, [lock], holder, String(ms))) === 1,
        release: async (holder) => { await commands.script(release, [lock], holder) }
      }, fn, { lease, lockTimeout })
    }
  }
}

function read (stored: string | null): VersionedGrant | undefined {
  if (stored === null) return undefined
  if (stored.length < versionLength) throw unreadable('it has no version')
  return { record: readRecord(stored.slice(versionLength)), version: stored.slice(0, versionLength) }
}
