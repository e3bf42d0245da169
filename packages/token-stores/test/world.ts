import type { TokenStore } from '@consentry/core'
import type { TokenStoreContractOptions } from '@consentry/testing'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { open, type Config } from './open.ts'

/** The contract's options for a store, of which what it opens is closed with the test. */
export function local (t: Test, config: Config): Pick<TokenStoreContractOptions, 'open'> {
  return { open: () => closing(t, open(config)) }
}

/** The same, and processes take part. */
export function shared (t: Test, config: Config): Pick<TokenStoreContractOptions, 'open' | 'processes'> {
  return { ...local(t, config), processes: { module: new URL('open.js', import.meta.url).href, config } }
}

function closing<T extends TokenStore> (t: Test, store: T): T {
  t.teardown(() => store.close?.())
  return store
}

/** A folder that is gone after the test. */
export function folder (t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'consentry-test-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** What an error says to whoever runs the server. */
export function causeOf (error: unknown): string {
  return error instanceof Error && error.cause instanceof Error ? error.cause.message : ''
}
