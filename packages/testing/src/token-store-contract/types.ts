/** `GrantKey` of core, in shape. */
export interface ContractKey {
  tenant: string
  userId: string
  provider: string
  profile: string
}

/** `GrantRecord` of core, in shape. */
export interface ContractRecord {
  v: 1
  accessToken: string
  tokenType: string
  refreshToken?: string
  expiresAt?: number
  scopes: string[]
  requestedScopes: string[]
  account?: { issuer: string, subject: string, claims: Record<string, unknown> }
  createdAt: number
  updatedAt: number
  endedAt?: number
}

/** `TokenStore` of core, in shape. */
export interface ContractStore {
  load (key: ContractKey): Promise<{ record: ContractRecord, version: string } | undefined>
  save (key: ContractKey, record: ContractRecord, expected: string | undefined): Promise<string | undefined>
  delete (key: ContractKey, expected?: string): Promise<boolean>
  exists (key: ContractKey): Promise<boolean>
  listKeys (owner: { tenant: string, userId: string }): Promise<ContractKey[]>
  withLock<T> (key: ContractKey, seen: string | undefined, fn: (stillHeld?: () => Promise<boolean>) => Promise<T>): Promise<{ result: T } | { stored: { record: ContractRecord, version: string } | undefined }>
  close? (): Promise<void>
}

/** What the contract needs to know of a store. */
export interface TokenStoreContractOptions {
  /** Opens the store; each call is one more node over the same grants. The test closes nothing: that is the caller's. */
  open: () => Promise<ContractStore> | ContractStore
  /**
   * For stores that processes share: a module whose `open(config)` is as above, with a lock that ends within a second or
   * two of its holder, and what to give it.
   */
  processes?: { module: string, config: unknown }
  /** Takes away what the store needs, for those that need something; the returned function gives it back. */
  outage?: ReadonlyArray<{ name: string, begin: () => Promise<() => Promise<void>> }>
}
