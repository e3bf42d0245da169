import type { Disconnected } from '@consentry/core'
import { createLocal, type LocalOptions } from './local.ts'

/**
 * Deletes the stored grant, then ends its tokens at the provider (RFC 7009). `undefined` when there was none. It is gone
 * here in any case; `revoked` says whether the provider confirmed the end.
 */
export async function logout (options: LocalOptions): Promise<Disconnected | undefined> {
  const { grants, key } = createLocal(options)
  return grants.disconnect(key)
}
