import type { Grant } from '@consentry/core'
import { createLocal, type LocalOptions } from './local.ts'

/**
 * The grant that is stored, renewed if need be; `undefined` when the person has to sign in. Its `accessToken()` is valid
 * when it resolves: of all callers, in all processes that share the store, one refreshes and the others get its tokens.
 *
 * Rejects with `CONSENTRY_ERR_PROVIDER_UNAVAILABLE`, `CONSENTRY_ERR_STORE_UNAVAILABLE` or `CONSENTRY_ERR_OPTIONS_INVALID`.
 */
export async function signedIn (options: LocalOptions): Promise<Grant | undefined> {
  const { grants, key, requirement } = createLocal(options)
  return grants.available(key, requirement)
}
