import type { TokenStore } from '@consentry/core'
import { Cluster, Redis } from 'ioredis'
import { encrypted, fileTokens, keyringTokens, redisTokens, type EncryptionKey } from '../src/index.ts'

/** A store as a process of its own can open it. */
export type Config = { sealed: boolean } & (
  | { kind: 'redis' | 'cluster', port: number, prefix?: string }
  | { kind: 'keyring', service: string, directory: string, maxEntryLength?: number }
  | { kind: 'file', directory: string }
)

export const oldKey: EncryptionKey = { id: 'old', key: Buffer.alloc(32, 1).toString('base64') }
export const newKey: EncryptionKey = { id: 'new', key: Buffer.alloc(32, 2).toString('base64url') }

/** Short enough for tests that outlive a lease; long enough for a busy machine. */
const lease = 1_000

const retryStrategy = (): number => 50

/** A client that leaves when it is told to. */
export function connect ({ kind, port }: { kind: string, port: number }): Redis | Cluster {
  const client = kind === 'cluster'
    ? new Cluster([{ host: '127.0.0.1', port }], { clusterRetryStrategy: retryStrategy })
    : new Redis(port, '127.0.0.1', { retryStrategy })
  client.on('error', () => {})
  return client
}

export function open (config: Config): TokenStore {
  const plain = openPlain(config)
  return config.sealed ? encrypted(plain, { keys: [newKey, oldKey] }) : plain
}

function openPlain (config: Config): TokenStore {
  if (config.kind === 'file') return fileTokens({ directory: config.directory, lease })
  if (config.kind === 'keyring') return keyringTokens({ ...config, lease })
  const client = connect(config)
  const store = redisTokens(client, { lease, timeout: 1_000, ...(config.prefix !== undefined && { prefix: config.prefix }) })
  return { ...store, close: async () => { client.disconnect() } }
}
