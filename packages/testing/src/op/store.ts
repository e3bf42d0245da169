import type { Adapter, AdapterPayload } from 'oidc-provider'

interface Entry {
  payload: AdapterPayload
  /** Milliseconds since the epoch. */
  expiresAt: number
}

/** What the provider remembers, in memory, one store per provider. */
export class Store {
  readonly #models = new Map<string, Map<string, Entry>>()

  #entries (model: string): Map<string, Entry> {
    let entries = this.#models.get(model)
    if (entries === undefined) {
      entries = new Map()
      this.#models.set(model, entries)
    }
    return entries
  }

  set (model: string, id: string, payload: AdapterPayload, ttl?: number): void {
    const entries = this.#entries(model)
    // Oldest first: what has run out goes as new entries come.
    for (const [key, entry] of entries) {
      if (entry.expiresAt > Date.now()) break
      entries.delete(key)
    }
    entries.delete(id)
    entries.set(id, { payload, expiresAt: ttl === undefined ? Infinity : Date.now() + ttl * 1000 })
  }

  get (model: string, id: string): AdapterPayload | undefined {
    const entry = this.#entries(model).get(id)
    return entry !== undefined && entry.expiresAt > Date.now() ? entry.payload : undefined
  }

  find (model: string, matches: (payload: AdapterPayload) => boolean): AdapterPayload | undefined {
    for (const [id, { payload }] of this.#entries(model)) {
      if (matches(payload)) return this.get(model, id)
    }
    return undefined
  }

  delete (model: string, id: string): void {
    this.#entries(model).delete(id)
  }

  deleteWhere (model: string, matches: (payload: AdapterPayload) => boolean): void {
    const entries = this.#entries(model)
    for (const [id, { payload }] of entries) {
      if (matches(payload)) entries.delete(id)
    }
  }

  /** The store as `oidc-provider` wants it: one adapter for each of its models. */
  adapter (model: string): Adapter {
    return {
      upsert: async (id, payload, ttl) => { this.set(model, id, payload, ttl) },
      find: async (id) => this.get(model, id),
      findByUid: async (uid) => this.find(model, (payload) => payload.uid === uid),
      findByUserCode: async (userCode) => this.find(model, (payload) => payload.userCode === userCode),
      consume: async (id) => {
        const payload = this.get(model, id)
        if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000)
      },
      destroy: async (id) => { this.delete(model, id) },
      revokeByGrantId: async (grantId) => { this.deleteWhere(model, (payload) => payload.grantId === grantId) }
    }
  }
}
