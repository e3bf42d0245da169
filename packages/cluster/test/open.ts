import { Cluster, Redis } from 'ioredis'
import { redisState, type RedisState } from '../src/index.ts'

/** A store as a process of its own can open it. */
export interface Config {
  kind: 'single' | 'cluster'
  port: number
  prefix: string
}

const retryStrategy = (): number => 50

/** A client that keeps quiet and comes back soon. */
export function connect ({ kind, port }: Pick<Config, 'kind' | 'port'>): Redis | Cluster {
  const client = kind === 'cluster'
    ? new Cluster([{ host: '127.0.0.1', port }], { clusterRetryStrategy: retryStrategy })
    : new Redis(port, '127.0.0.1', { retryStrategy })
  client.on('error', () => {})
  return client
}

/** The store, which closes its client too. */
export function open (config: Config): RedisState {
  const client = connect(config)
  const state = redisState(client, { prefix: config.prefix, timeout: 1_000 })
  return {
    ...state,
    async close () {
      await state.close()
      client.disconnect()
    }
  }
}
