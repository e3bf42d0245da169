import { grantKeyId, randomId, systemRandomBytes, type TokenStore } from '@consentry/core'
import { encrypted, type EncryptedTokens, type EncryptionOptions } from './encrypted.ts'
import { fileLease } from './file-lock.ts'
import { keyFile } from './key-file.ts'
import { grantKey, namesOf } from './keys.ts'
import { grantLease, withLease } from './lease.ts'
import { invalid, milliseconds } from './options.ts'
import { readFile, readRecord } from './record.ts'
import { sharedFile } from './shared-file.ts'

/** How grants are kept in a file. Times in milliseconds. */
export interface FileTokensOptions {
  /** A folder of its own, which only its owner may read; made when it is not there. */
  directory: string
  /** The keys. Unless given, one is made and kept in the folder, in the file `key`. */
  encryption?: EncryptionOptions
  /** A lock ends this long after its holder was last heard of; 10000 unless given. */
  lease?: number
  /** How long to wait for a lock; 30000 unless given. */
  lockTimeout?: number
}

interface Grants {
  v: 1
  /** By the key's id; the record as JSON. */
  grants: Record<string, { version: string, record: string }>
}

/**
 * Grants in one encrypted file, for the processes of one machine that has no keyring. Every change writes the whole file
 * anew: it is meant for the grants of a few people.
 *
 * Encryption protects backups and copies of the file. A key in the same folder protects neither; hand one in where that matters.
 *
 * Throws `CONSENTRY_ERR_OPTIONS_INVALID` for a wrong option, and when others may read the folder or the key. Methods reject
 * with `CONSENTRY_ERR_STORE_UNAVAILABLE` when the file system fails.
 */
export function fileTokens (options: FileTokensOptions): EncryptedTokens {
  const { directory, encryption } = options
  if (typeof directory !== 'string' || directory === '') throw invalid('directory must be a path')
  return encrypted(plainTokens(options), encryption ?? { keys: [keyFile(directory)] })
}

function plainTokens (options: FileTokensOptions): TokenStore {
  const file = sharedFile(options.directory, 'grants')
  const locks = sharedFile(options.directory, 'locks')
  const lease = milliseconds('lease', options.lease, 10_000)
  const lockTimeout = milliseconds('lockTimeout', options.lockTimeout, 30_000)

  async function all (): Promise<Grants['grants']> {
    return parse(await file.read())
  }

  /** Compare and set: `undefined` removes. */
  function change (id: string, expected: string | undefined, next: Grants['grants'][string] | undefined): Promise<boolean> {
    return file.change((text) => {
      const { [id]: stored, ...grants } = parse(text)
      if (stored?.version !== expected) return { result: false }
      if (next !== undefined) grants[id] = next
      return { text: JSON.stringify({ v: 1, grants } satisfies Grants), result: true }
    })
  }

  const tokens: TokenStore = {
    async load (key) {
      const stored = (await all())[grantKeyId(key)]
      return stored && { record: readRecord(stored.record), version: stored.version }
    },

    async save (key, record, expected) {
      const version = randomId(16, systemRandomBytes)
      return await change(grantKeyId(key), expected, { version, record: JSON.stringify(record) }) ? version : undefined
    },

    async delete (key, expected) {
      const id = grantKeyId(key)
      for (;;) {
        const stored = (await all())[id]
        if (stored === undefined || (expected !== undefined && stored.version !== expected)) return false
        if (await change(id, stored.version, undefined)) return true
      }
    },

    async exists (key) {
      return Object.hasOwn(await all(), grantKeyId(key))
    },

    async listKeys (owner) {
      return namesOf(owner, Object.keys(await all())).map((name) => grantKey(owner, name))
    },

    async withLock (key, seen, fn) {
      return withLease(grantLease(fileLease(locks, grantKeyId(key)), seen, () => tokens.load(key)), fn, { lease, lockTimeout })
    }
  }
  return tokens
}

function parse (text: string | undefined): Grants['grants'] {
  return text === undefined ? {} : (readFile(text, 'grants') as Grants).grants
}
