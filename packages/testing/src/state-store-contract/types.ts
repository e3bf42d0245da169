/** `Lock` of core, in shape. */
export interface ContractLock {
  fence: number
  renew (ttl: number): Promise<boolean>
  release (): Promise<void>
}

/** `StateStore` of core, in shape. */
export interface ContractState {
  get (key: string): Promise<string | undefined>
  set (key: string, value: string, ttl: number): Promise<void>
  take (key: string): Promise<string | undefined>
  compareAndSet (key: string, expected: string | undefined, value: string | undefined, ttl: number): Promise<boolean>
  compareAndSetWith (first: { key: string, value: string, ttl: number }, key: string, expected: string | undefined, value: string | undefined, ttl: number): Promise<boolean>
  append (log: string, value: string, options: { ttl: number, limit: number, after?: number, last?: boolean }): Promise<number>
  read (log: string, after: number, limit?: number): Promise<Array<{ seq: number, value: string }>>
  publish (channel: string, message: string): Promise<void>
  subscribe (channel: string, listener: (message: string) => void, onMissed?: () => void): Promise<() => Promise<void>>
  lock (name: string, ttl: number): Promise<ContractLock | undefined>
  close? (): Promise<void>
}

/** What the contract needs to know of a store. */
export interface StateStoreContractOptions {
  /** Opens the store; each call is one more node over the same state. The test closes nothing: that is the caller's. */
  open: () => Promise<ContractState> | ContractState
  /** For stores that processes share: a module whose `open(config)` is as above, and what to give it. */
  processes?: { module: string, config: unknown }
  /** Takes away what the store needs, for those that need something; the returned function gives it back. */
  outage?: ReadonlyArray<{ name: string, begin: () => Promise<() => Promise<void>> }>
}
