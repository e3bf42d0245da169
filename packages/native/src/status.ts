import type { Connection } from '@consentry/core'
import { createLocal, type LocalOptions } from './local.ts'

/** The grant that is stored, as far as it may be shown; `undefined` when there is none. Asks no provider. */
export async function status (options: LocalOptions): Promise<Connection | undefined> {
  const { grants, owner, key } = createLocal(options)
  const connections = await grants.list(owner)
  return connections.find(({ provider, profile }) => provider === key.provider && profile === key.profile)
}
