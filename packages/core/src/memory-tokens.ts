import { ConsentryError } from './errors.ts'
import type { GrantKey, GrantRecord, Owner } from './grant.ts'
import { grantKeyId, ownerId } from './keys.ts'
import type { TokenStore, VersionedGrant } from './ports.ts'
import { createTurns } from './turns.ts'

interface Slot {
  key: GrantKey
  /** As JSON, so that nobody holds a reference into the store. */
  json: string
  version: string
}

/** How many grants the store in memory holds. */
export interface MemoryTokensOptions {
  /** How many grants it holds; beyond that it refuses new ones and evicts nobody's. 1,000,000 unless given. */
  maxEntries?: number
}

/** Grants for as long as the process runs. */
export function memoryTokens ({ maxEntries = 1_000_000 }: MemoryTokensOptions = {}): TokenStore {
  const slots = new Map<string, Slot>()
  const byOwner = new Map<string, Set<string>>()
  const inTurn = createTurns()
  let versions = 0

  function read (id: string): VersionedGrant | undefined {
    const slot = slots.get(id)
    return slot && { record: JSON.parse(slot.json) as GrantRecord, version: slot.version }
  }

  return {
    async load (key) {
      return read(grantKeyId(key))
    },

    async save (key, record, expected) {
      const id = grantKeyId(key)
      if (slots.get(id)?.version !== expected) return undefined
      if (expected === undefined && slots.size >= maxEntries) {
        throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE', { cause: new RangeError('the memory store is full') })
      }
      const version = String(++versions)
      const { tenant, userId, provider, profile } = key
      slots.set(id, { key: { tenant, userId, provider, profile }, json: JSON.stringify(record), version })
      const owner = ownerId(key)
      const ids = byOwner.get(owner)
      if (ids === undefined) byOwner.set(owner, new Set([id]))
      else ids.add(id)
      return version
    },

    async delete (key, expected) {
      const id = grantKeyId(key)
      const slot = slots.get(id)
      if (slot === undefined || (expected !== undefined && slot.version !== expected)) return false
      slots.delete(id)
      const ids = byOwner.get(ownerId(key))
      ids?.delete(id)
      if (ids?.size === 0) byOwner.delete(ownerId(key))
      return true
    },

    async exists (key) {
      return slots.has(grantKeyId(key))
    },

    async listKeys (owner: Owner) {
      const ids = byOwner.get(ownerId(owner)) ?? []
      return Array.from(ids, (id) => ({ ...(slots.get(id) as Slot).key }))
    },

    async withLock (key, seen, fn) {
      const id = grantKeyId(key)
      return inTurn(id, async () => slots.get(id)?.version === seen ? { result: await fn() } : { stored: read(id) })
    }
  }
}
