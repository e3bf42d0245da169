import { ConsentryError, grantKeyId, randomId, seal, systemRandomBytes, unseal, type GrantKey, type GrantRecord, type Owner, type TokenStore, type VersionedGrant } from '@consentry/core'
import { readRecord, unreadable } from './record.ts'
import { keyRing, type EncryptionKey } from './key-ring.ts'

/** How grants are encrypted. */
export interface EncryptionOptions {
  /** The first encrypts; all decrypt. */
  keys: readonly EncryptionKey[]
}

/** A store whose grants are encrypted. */
export interface EncryptedTokens extends TokenStore {
  /**
   * Encrypts the owner's grants with the first key, where another one did, and resolves to how many that were. When it
   * has resolved for every owner, the other keys can go. Rejects when one could not be moved, or not be read; with
   * `CONSENTRY_ERR_RECORD_UNREADABLE` the others have been moved.
   */
  rewrap (owner: Owner): Promise<number>
}

/** What a sealed record holds where a plain one has its access token. */
interface Sealed {
  keyId: string
  /** Changes with every save, and not when another key takes over. */
  revision: string
  /** Nonce, ciphertext and tag. */
  data: string
}

/** A sealed record that was opened, at the version of the store. */
interface Opened {
  sealed: Sealed
  record: GrantRecord
  version: string
}

/** Tells a sealed record from a plain one. */
const tokenType = 'sealed'
const format = '1'

/**
 * Encrypts what a store keeps: AES-256-GCM, with the grant's key as associated data, so that a record put in the place
 * of another user, provider or profile does not open. Nothing of the record is left in the clear; the grant's key is.
 *
 * A grant that an older key encrypted is encrypted with the first when it is read or saved. For rotation, first deploy
 * with the new key in second place everywhere, then with the new key in front.
 *
 * Throws `CONSENTRY_ERR_OPTIONS_INVALID` for keys that are none. `load` rejects with `CONSENTRY_ERR_RECORD_UNREADABLE`
 * for a grant that is plain, moved, changed, or encrypted with a key that is not among `keys`.
 */
export function encrypted (store: TokenStore, { keys }: EncryptionOptions): EncryptedTokens {
  const { current, byId } = keyRing(keys)

  function sealRecord (key: GrantKey, record: GrantRecord, revision: string): GrantRecord {
    const data = seal(current.key, JSON.stringify(record), contextOf(key, { keyId: current.id, revision }), systemRandomBytes)
    // Whoever reads it without the keys sees a grant that has expired, and sends the ciphertext nowhere.
    return { v: 1, accessToken: [format, current.id, revision, data].join('.'), tokenType, expiresAt: 0, scopes: [], requestedScopes: [], createdAt: 0, updatedAt: 0 }
  }

  function openRecord (key: GrantKey, sealed: Sealed): GrantRecord {
    const secret = byId.get(sealed.keyId)
    if (secret === undefined) throw unreadable(`there is no key ${sealed.keyId}`)
    return readRecord(unseal(secret, sealed.data, contextOf(key, sealed)))
  }

  function open (key: GrantKey, found: VersionedGrant | undefined): Opened | undefined {
    if (found === undefined) return undefined
    const sealed = parse(found.record)
    return { sealed, record: openRecord(key, sealed), version: found.version }
  }

  /** Encrypts it with the first key, where another one did. Resolves to its new version, if it has one. */
  async function move (key: GrantKey, { sealed, record, version }: Opened): Promise<string | undefined> {
    return sealed.keyId === current.id ? undefined : store.save(key, sealRecord(key, record, sealed.revision), version)
  }

  async function rewrapOne (key: GrantKey): Promise<boolean> {
    for (;;) {
      const found = open(key, await store.load(key))
      if (found === undefined || found.sealed.keyId === current.id) return false
      if (await move(key, found) !== undefined) return true
      // Who was faster may have encrypted it with another key again.
    }
  }

  async function read (key: GrantKey, stored: VersionedGrant | undefined): Promise<VersionedGrant | undefined> {
    const found = open(key, stored)
    if (found === undefined) return undefined
    // When that fails or another is faster, what was read is no less right.
    const moved = await move(key, found).catch(() => undefined)
    return { record: found.record, version: versionOf(found.sealed.revision, moved ?? found.version) }
  }

  /** Tries again when the store's version has changed and the grant has not: only another key took over. */
  async function whileUnchanged<T> (key: GrantKey, expected: string, change: (version: string) => Promise<T>, done: (result: T) => boolean): Promise<T | undefined> {
    let [revision, version] = split(expected)
    for (;;) {
      if (version === undefined) return undefined
      const result = await change(version)
      if (done(result)) return result
      const now = await store.load(key)
      if (now === undefined || now.version === version || parse(now.record).revision !== revision) return undefined
      version = now.version
    }
  }

  const tokens: EncryptedTokens = {
    async load (key) {
      return read(key, await store.load(key))
    },

    async save (key, record, expected) {
      const revision = randomId(16, systemRandomBytes)
      const sealed = sealRecord(key, record, revision)
      const saved = expected === undefined
        ? await store.save(key, sealed, undefined)
        : await whileUnchanged(key, expected, (version) => store.save(key, sealed, version), (version) => version !== undefined)
      return saved && versionOf(revision, saved)
    },

    async delete (key, expected) {
      if (expected === undefined) return store.delete(key)
      return await whileUnchanged(key, expected, (version) => store.delete(key, version), (deleted) => deleted) ?? false
    },

    async rewrap (owner) {
      let count = 0
      const failures: unknown[] = []
      for (const key of await store.listKeys(owner)) {
        try {
          if (await rewrapOne(key)) count++
        } catch (error) {
          if (!ConsentryError.is(error, 'CONSENTRY_ERR_RECORD_UNREADABLE')) throw error
          // One that is damaged keeps no other from being moved.
          failures.push(error)
        }
      }
      if (failures.length > 0) throw failures[0]
      return count
    },

    async withLock (key, seen, fn) {
      // One that has no two parts is nobody's version.
      const locked = await store.withLock(key, seen && (split(seen)[1] ?? seen), fn)
      return 'result' in locked ? locked : { stored: await read(key, locked.stored) }
    },

    exists: (key) => store.exists(key),
    listKeys: (owner) => store.listKeys(owner)
  }
  if (store.close !== undefined) tokens.close = () => store.close?.() ?? Promise.resolve()
  return tokens
}

/** What a ciphertext is bound to. */
function contextOf (key: GrantKey, { keyId, revision }: Pick<Sealed, 'keyId' | 'revision'>): string {
  return [format, keyId, revision, grantKeyId(key)].join('.')
}

function parse ({ accessToken, tokenType: type }: GrantRecord): Sealed {
  if (type !== tokenType) throw unreadable('it is not encrypted')
  const [version, keyId, revision, data, ...rest] = accessToken.split('.')
  if (version !== format || keyId === undefined || revision === undefined || data === undefined || rest.length > 0) throw unreadable('it is encrypted in a way that is not known here')
  return { keyId, revision, data }
}

function versionOf (revision: string, version: string): string {
  return `${revision}.${version}`
}

function split (version: string): [revision: string, version?: string] {
  const dot = version.indexOf('.')
  return dot === -1 ? [version] : [version.slice(0, dot), version.slice(dot + 1)]
}

