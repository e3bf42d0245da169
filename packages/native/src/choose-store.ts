import { ConsentryError, defaultTenant, randomId, systemRandomBytes, type GrantRecord, type TokenStore } from '@consentry/core'
import { invalid } from './invalid.ts'
import { localUser } from './local.ts'

/** A store that may work on this machine. */
export interface StoreChoice {
  /** For people, and the caller: `keyring`, `file`. */
  name: string
  /** Opens the store that was chosen. */
  open: () => TokenStore
  /** Whether it may hold something already, where opening it leaves traces. Unless given, it is opened to find out. */
  used?: () => boolean
}

/** The store that is used, and what it is called. */
export interface ChosenStore {
  name: string
  store: TokenStore
}

/**
 * The first store that holds a grant of the person, so that none is forgotten when another begins to work; without any
 * grant, the first that keeps what is given to it, which is tried with an entry that is deleted again.
 *
 * Rejects with the error of the last one when none works.
 */
export async function chooseStore (choices: readonly StoreChoice[]): Promise<ChosenStore> {
  let failure: unknown = invalid('there is no store to choose')
  for (const attempt of [holding, working]) {
    for (const choice of choices) {
      try {
        const store = await attempt(choice)
        if (store !== undefined) return { name: choice.name, store }
      } catch (error) {
        failure = error
      }
    }
  }
  throw failure
}

async function holding ({ open, used }: StoreChoice): Promise<TokenStore | undefined> {
  if (used?.() === false) return undefined
  const store = open()
  return (await store.listKeys({ tenant: defaultTenant, userId: localUser })).length > 0 ? store : undefined
}

/** Saves, reads and deletes what is no grant of anybody. */
async function working ({ open }: StoreChoice): Promise<TokenStore> {
  const store = open()
  const key = { tenant: defaultTenant, userId: 'probe', provider: randomId(16, systemRandomBytes), profile: 'probe' }
  const record: GrantRecord = { v: 1, accessToken: 'probe', tokenType: 'bearer', expiresAt: 0, scopes: [], requestedScopes: [], createdAt: 0, updatedAt: 0 }
  await store.save(key, record, undefined)
  const found = await store.load(key)
  await store.delete(key)
  if (found?.record.accessToken !== record.accessToken) throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE', { cause: new Error('the store does not keep what it is given') })
  return store
}
