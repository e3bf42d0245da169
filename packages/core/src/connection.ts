import { ConsentryError } from './errors.ts'
import { accountSummary, type AccountSummary } from './grant-handle.ts'
import type { GrantKey, Owner } from './grant.ts'
import type { TokenStore, VersionedGrant } from './ports.ts'

/** A user's grant, as far as it may be shown. Times are ISO 8601. */
export interface Connection {
  provider: string
  profile: string
  scopes: string[]
  account?: AccountSummary
  /**
   * `ended`: the provider refuses to renew it, so the person has to consent again. `unreadable`: the store cannot read it
   * any more, and it can only be disconnected.
   */
  status: 'active' | 'ended' | 'unreadable'
  /** Absent when it cannot be read. */
  createdAt?: string
  updatedAt?: string
}

export function connection (key: GrantKey, grant: VersionedGrant): Connection {
  const { record } = grant
  const account = accountSummary(grant)
  return {
    provider: key.provider,
    profile: key.profile,
    scopes: record.scopes,
    ...(account !== undefined && { account }),
    status: record.endedAt === undefined ? 'active' : 'ended',
    createdAt: new Date(record.createdAt).toISOString(),
    updatedAt: new Date(record.updatedAt).toISOString()
  }
}

/** The owner's grants, as far as they may be shown. */
export async function listConnections (tokens: TokenStore, owner: Owner): Promise<Connection[]> {
  const connections = await Promise.all((await tokens.listKeys(owner)).map(async (key): Promise<Connection | undefined> => {
    try {
      const grant = await tokens.load(key)
      return grant && connection(key, grant)
    } catch (error) {
      // One that nobody can read hides no other; disconnecting it takes it away.
      if (!ConsentryError.is(error, 'CONSENTRY_ERR_RECORD_UNREADABLE')) throw error
      return { provider: key.provider, profile: key.profile, scopes: [], status: 'unreadable' }
    }
  }))
  return connections.filter((found) => found !== undefined)
}
