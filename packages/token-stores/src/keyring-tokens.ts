import { grantKeyId, randomId, systemRandomBytes, type TokenStore } from '@consentry/core'
import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileLease } from './file-lock.ts'
import { keyringEntries } from './keyring-entries.ts'
import { adopt, announce, discard, drop, isAt, readIndex, type Generation, type KeyringIndex } from './keyring-index.ts'
import { grantKey, namesOf } from './keys.ts'
import { grantLease, withLease } from './lease.ts'
import { invalid, milliseconds } from './options.ts'
import { readRecord, unreadable } from './record.ts'
import { sharedFile } from './shared-file.ts'

/** How grants are kept in the keyring. Times in milliseconds. */
export interface KeyringTokensOptions {
  /** The name of the application, under which the keyring shows its entries: `com.example.tool`. */
  service: string
  /** A folder for the index of the entries, which holds no secret; unless given, one of the user's, named after the service. */
  directory?: string
  /** The most that is put into one entry, in UTF-16 code units; 1280 on Windows, which takes no more, else 65536. */
  maxEntryLength?: number
  /** How long the keyring may take for an entry, in which a person may have to unlock it; 60000 unless given. */
  timeout?: number
  /** A lock ends this long after its holder was last heard of; 10000 unless given. */
  lease?: number
  /** How long to wait for a lock; 30000 unless given. */
  lockTimeout?: number
}

/** CRED_MAX_CREDENTIAL_BLOB_SIZE is 2560 bytes: https://learn.microsoft.com/en-us/windows/win32/api/wincred/ns-wincred-credentialw */
const longestEntry = process.platform === 'win32' ? 1280 : 65_536
/** Whoever has not finished writing after this long never will. */
const abandonedAfter = 10 * 60_000

/**
 * Grants in the keyring of the operating system, for programs that a person runs: Secret Service on Linux, Keychain on
 * macOS, Credential Manager on Windows, through the package `@napi-rs/keyring`.
 *
 * A grant is written to new entries, in parts when it is too long for one; then the index, a file, points to them. So
 * nobody ever reads a mixture, and of several processes one wins. What a crash leaves behind is removed by a later save.
 *
 * Throws `CONSENTRY_ERR_OPTIONS_INVALID` for a wrong option. Methods reject with `CONSENTRY_ERR_STORE_UNAVAILABLE` when no
 * keyring answers; the cause says what to do. `fileTokens` is for machines that have none.
 */
export function keyringTokens (options: KeyringTokensOptions): TokenStore {
  const { service, maxEntryLength = longestEntry } = options
  if (typeof service !== 'string' || !/^[\w.@-]{1,100}$/.test(service)) throw invalid('service must be 1 to 100 letters, digits or . _ @ -')
  if (!Number.isSafeInteger(maxEntryLength) || maxEntryLength < 1) throw invalid('maxEntryLength must be a whole number, 1 or more')
  const directory = options.directory ?? join(userFolder(), `${service}.consentry`)
  const entries = keyringEntries(service, milliseconds('timeout', options.timeout, 60_000))
  const lease = milliseconds('lease', options.lease, 10_000)
  const lockTimeout = milliseconds('lockTimeout', options.lockTimeout, 30_000)
  const file = sharedFile(directory, 'index')
  const locks = sharedFile(directory, 'locks')

  const index = async (): Promise<KeyringIndex> => readIndex(await file.read())

  /** Changes the index unless `next` has nothing to change; resolves to whether it did. */
  function change (next: (index: KeyringIndex) => KeyringIndex | undefined): Promise<boolean> {
    return file.change((text) => {
      const changed = next(readIndex(text))
      return changed === undefined ? { result: false } : { text: JSON.stringify(changed), result: true }
    })
  }

  /** What the entries hold together; `undefined` when one is not there. */
  async function read (names: readonly string[]): Promise<string | undefined> {
    const parts = await Promise.all(names.map((name) => entries.get(name)))
    return parts.every((part) => part !== undefined) ? parts.join('') : undefined
  }

  /** Removes what no grant needs any more. */
  async function sweep (): Promise<void> {
    const late = Date.now() - abandonedAfter
    if ((await index()).loose.some(({ dead, since }) => !dead && since < late)) {
      // Who is still writing has to find out before anything is removed.
      await change((index) => ({ ...index, loose: index.loose.map((each) => ({ ...each, dead: each.dead || each.since < late })) }))
    }
    const dead = (await index()).loose.filter((each) => each.dead)
    if (dead.length === 0) return
    for (const each of dead) for (const name of names(each.id, each)) await entries.remove(name)
    const removed = new Set(dead.map(({ generation }) => generation))
    await change((index) => ({ ...index, loose: index.loose.filter(({ generation }) => !removed.has(generation)) }))
  }

  /** What was saved or deleted is so; a failure to clean up is made up for by the next one. */
  const tidy = (): Promise<void> => sweep().catch(() => {})

  const tokens: TokenStore = {
    async load (key) {
      const id = grantKeyId(key)
      let found = (await index()).grants[id]
      while (found !== undefined) {
        const [parts] = await Promise.allSettled([read(names(id, found))])
        if (parts.status === 'fulfilled' && parts.value !== undefined) return { record: readRecord(parts.value), version: found.generation }
        // Replaced while it was read: then a part is gone, or the keyring fails over one that is just going.
        const { grants: { [id]: now } } = await index()
        if (now?.generation === found.generation) throw parts.status === 'rejected' ? parts.reason : unreadable('the keyring has lost a part of it')
        found = now
      }
      return undefined
    },

    async save (key, record, expected) {
      const id = grantKeyId(key)
      const secrets = split(ascii(JSON.stringify(record)), maxEntryLength)
      const written = { generation: randomId(16, systemRandomBytes), parts: secrets.length }
      if (!await change((index) => isAt(index, id, expected) ? announce(index, id, written, Date.now()) : undefined)) return undefined
      for (const [part, name] of names(id, written).entries()) await entries.set(name, secrets[part] as string)
      const saved = await change((index) => isAt(index, id, expected) ? adopt(index, id, written.generation, Date.now()) : undefined)
      if (!saved) await change((index) => discard(index, id, written, Date.now()))
      await tidy()
      return saved ? written.generation : undefined
    },

    async delete (key, expected) {
      const id = grantKeyId(key)
      const deleted = await change((index) => {
        const present = index.grants[id] !== undefined && (expected === undefined || isAt(index, id, expected))
        return present ? drop(index, id, Date.now()) : undefined
      })
      if (deleted) await tidy()
      return deleted
    },

    async exists (key) {
      return Object.hasOwn((await index()).grants, grantKeyId(key))
    },

    async listKeys (owner) {
      return namesOf(owner, Object.keys((await index()).grants)).map((name) => grantKey(owner, name))
    },

    async withLock (key, seen, fn) {
      return withLease(grantLease(fileLease(locks, grantKeyId(key)), seen, () => tokens.load(key)), fn, { lease, lockTimeout })
    }
  }
  return tokens
}

/** The names of the entries; their length has a limit, the key's has none. */
function names (id: string, { generation, parts }: Generation): string[] {
  const hash = createHash('sha256').update(id).digest('base64url')
  return Array.from({ length: parts }, (_, part) => `${hash}.${generation}.${part}`)
}

/** Where programs keep what is not configuration, for this user. */
function userFolder (): string {
  const { env: { LOCALAPPDATA, XDG_STATE_HOME }, platform } = process
  if (platform === 'win32') return LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local')
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support')
  return XDG_STATE_HOME ?? join(homedir(), '.local', 'state')
}

/** JSON that can be cut anywhere, and has as many bytes everywhere. */
function ascii (json: string): string {
  return json.replace(/[\u007F-\uFFFF]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function split (text: string, length: number): string[] {
  return Array.from({ length: Math.ceil(text.length / length) }, (_, part) => text.slice(part * length, (part + 1) * length))
}
