import type { GrantKey, GrantRecord } from './grant.ts'

/** Time as the rest of the code sees it. Replaced in tests. */
export interface Clock {
  /** The wall clock, in milliseconds since the epoch. May step. */
  now (): number
  /** A clock that never steps back, in milliseconds. */
  monotonic (): number
  /** Calls `fn` once after `ms` milliseconds; the returned function cancels that. Does not keep the process alive. */
  timer (ms: number, fn: () => void): () => void
}

/** Cryptographically random bytes. */
export type RandomBytes = (size: number) => Uint8Array

/** A stored grant and the version it was read at. */
export interface VersionedGrant {
  record: GrantRecord
  /** Changes with every save. Opaque. */
  version: string
}

/** What came of a lock: the result of the work, or what is stored, when that is not what was seen. */
export type Locked<T> = { result: T } | { stored: VersionedGrant | undefined }

/**
 * The long-lived home of grants. Its methods reject with `CONSENTRY_ERR_STORE_UNAVAILABLE` when it cannot be reached, and
 * `load` with `CONSENTRY_ERR_RECORD_UNREADABLE` when what is stored means nothing here.
 */
export interface TokenStore {
  /** The grant, if one is stored. */
  load (key: GrantKey): Promise<VersionedGrant | undefined>
  /**
   * Compare and set: saves only when the stored version is still `expected` (`undefined`: nothing is stored).
   * Resolves to the new version, or `undefined` when another was faster.
   */
  save (key: GrantKey, record: GrantRecord, expected: string | undefined): Promise<string | undefined>
  /** Removes the grant, with `expected` only in that version. Resolves to whether it did. */
  delete (key: GrantKey, expected?: string): Promise<boolean>
  /** Whether a grant is stored. */
  exists (key: GrantKey): Promise<boolean>
  /** The keys of one user's grants. */
  listKeys (owner: Pick<GrantKey, 'tenant' | 'userId'>): Promise<GrantKey[]>
  /**
   * Runs `fn` while nobody else, on any node, runs one with the same key, if the grant is still in version `seen`
   * (`undefined`: none is stored). Once it is in another, whoever waits gets what is stored instead. A lock that ends by
   * itself tells `fn`, when it asks just before a step that nobody may do twice, whether it stood all the time, and still
   * will for a while.
   */
  withLock<T> (key: GrantKey, seen: string | undefined, fn: (stillHeld?: () => Promise<boolean>) => Promise<T>): Promise<Locked<T>>
  /** Gives back what the store opened. */
  close? (): Promise<void>
}

/** One entry of a log. */
export interface LogEntry {
  /** Counts from 1 within a log. */
  seq: number
  value: string
}

/** A value that is stored along with another one. */
export interface Entry {
  key: string
  value: string
  ttl: number
}

/** An exclusive right with an owner; ends by itself. */
export interface Lock {
  /** Grows with every holder of the same lock, so that a late one can be told. */
  fence: number
  /** Extends it by `ttl` milliseconds; `false` when it is already someone else's. */
  renew (ttl: number): Promise<boolean>
  /** Gives it back, if it is still ours. */
  release (): Promise<void>
}

/**
 * The short-lived state that nodes share: a handful of primitives over strings of well-formed Unicode. Values, logs,
 * locks and channels have names of their own. Every `ttl` is in milliseconds, by the store's time; what has none left is gone. Methods reject with `CONSENTRY_ERR_STORE_UNAVAILABLE` when it cannot be reached.
 */
export interface StateStore {
  /** The value, unless its time is over. */
  get (key: string): Promise<string | undefined>
  /** Stores a value, whatever was there. */
  set (key: string, value: string, ttl: number): Promise<void>
  /** Reads and deletes in one step: of many callers one gets the value. */
  take (key: string): Promise<string | undefined>
  /** Sets `value` (or deletes, when `undefined`) only while the stored value is `expected` (`undefined`: none). */
  compareAndSet (key: string, expected: string | undefined, value: string | undefined, ttl: number): Promise<boolean>
  /**
   * The same, and `first` is stored with it, if nothing is under its key: in the same step, or before, and then it may stay,
   * for its own time, also when this resolves to `false`.
   */
  compareAndSetWith (first: Entry, key: string, expected: string | undefined, value: string | undefined, ttl: number): Promise<boolean>
  /**
   * Appends to a log, keeps its newest `limit` entries, and resolves to the entry's sequence number. With `after` it is
   * that and one; when the log is further already, nothing is appended, and it resolves to 0. After an entry that was the
   * `last` nothing is appended either, whatever its number is.
   */
  append (log: string, value: string, options: { ttl: number, limit: number, after?: number, last?: boolean }): Promise<number>
  /** Entries with a sequence number greater than `after`, oldest first; at most `limit` of them, when given. */
  read (log: string, after: number, limit?: number): Promise<LogEntry[]>
  /** Sends a message to whoever listens now. A hint: it may be lost. */
  publish (channel: string, message: string): Promise<void>
  /** Resolves when messages arrive. Calls `onMissed` whenever some may have been lost, and others arrive again. */
  subscribe (channel: string, listener: (message: string) => void, onMissed?: () => void): Promise<() => Promise<void>>
  /** Tries once; `undefined` while someone else holds it. */
  lock (name: string, ttl: number): Promise<Lock | undefined>
  /** Gives back what the store opened. */
  close? (): Promise<void>
}
