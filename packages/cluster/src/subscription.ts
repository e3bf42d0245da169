import { ConsentryError } from '@consentry/core'
import { setTimeout as sleep } from 'node:timers/promises'
import { nodesOf, type Commands, type RedisClient, type RedisConnection } from './redis-client.ts'

/** What a node listens to, over one connection of its own that comes back by itself. */
export interface Subscription {
  /** Resolves when messages arrive. */
  add (channel: string, listener: (message: string) => void, onMissed?: () => void): Promise<() => Promise<void>>
  close (): void
}

interface Listener {
  hear: (message: string) => void
  missed: (() => void) | undefined
}

/** How often the connection is asked whether it still is one: what was cut without a word is noticed by this alone. Milliseconds. */
const heartbeat = 5_000
/** Milliseconds. */
const [shortestPause, longestPause] = [20, 1_000]

/**
 * The connection is a copy of the application's, for a connection that listens can do nothing else. In a cluster it goes
 * to any node: a message to one reaches them all. Sharded messages would save the way, but all hints are in one channel,
 * and so with one shard.
 */
export function createSubscription (redis: RedisClient, { within }: Commands): Subscription {
  const channels = new Map<string, Set<Listener>>()
  let opened: Promise<RedisConnection> | undefined
  let current: RedisConnection | undefined
  let timer: NodeJS.Timeout | undefined

  async function open (): Promise<RedisConnection> {
    // A cluster knows its nodes once it has answered, and be it that it must not be asked.
    if (nodesOf(redis).length === 0) await within(redis.info('memory').catch(() => {}))
    const nodes = nodesOf(redis)
    const node = nodes[Math.floor(Math.random() * nodes.length)]
    if (node === undefined) throw unavailable('no node of the cluster is known')
    const connection = node.duplicate({ lazyConnect: true, retryStrategy: null, sentinelRetryStrategy: null, autoResubscribe: false, readOnly: false, enableOfflineQueue: true, maxRetriesPerRequest: null })
    connection.on('error', () => {})
    let state: 'opening' | 'open' | 'ended' = 'opening'
    connection.on('end', () => {
      const wasOpen = state === 'open'
      state = 'ended'
      if (wasOpen && connection === current) lost()
    })
    connection.on('message', (channel, message) => {
      // One that was given up may still have something on its way.
      if (connection !== current) return
      for (const { hear } of channels.get(channel) ?? []) hear(message)
    })
    current = connection
    try {
      await within(connection.connect())
      if (channels.size > 0) await within(connection.subscribe(...channels.keys()))
      if (state !== 'opening') throw unavailable('the connection was lost')
    } catch (error) {
      connection.disconnect()
      throw error
    }
    state = 'open'
    beat(connection)
    return connection
  }

  function connect (): Promise<RedisConnection> {
    const attempt = opened ??= open().catch((error: unknown) => {
      if (opened === attempt) opened = undefined
      throw error
    })
    return attempt
  }

  function beat (connection: RedisConnection): void {
    // Nobody needed it any more before it was there.
    if (connection !== current) return
    clearInterval(timer)
    timer = setInterval(() => { within(connection.ping()).catch(() => { connection.disconnect() }) }, heartbeat).unref()
  }

  function lost (): void {
    opened = current = undefined
    clearInterval(timer)
    void comeBack()
  }

  async function comeBack (): Promise<void> {
    for (let pause = shortestPause; channels.size > 0; pause = Math.min(pause * 2, longestPause)) {
      try {
        await connect()
        break
      } catch {
        await sleep(pause + Math.random() * pause, undefined, { ref: false })
      }
    }
    for (const listeners of channels.values()) for (const { missed } of listeners) missed?.()
  }

  /** Ends the connection that nobody needs. */
  function disconnect (): void {
    clearInterval(timer)
    opened?.then((connection) => { connection.disconnect() }).catch(() => {})
    opened = current = undefined
  }

  return {
    async add (channel, hear, missed) {
      const listener = { hear, missed }
      const listeners = channels.get(channel) ?? new Set()
      channels.set(channel, listeners.add(listener))
      const remove = (): void => {
        listeners.delete(listener)
        if (listeners.size === 0 && channels.get(channel) === listeners) channels.delete(channel)
        if (channels.size === 0) disconnect()
      }
      try {
        const connection = await connect()
        await within(connection.subscribe(channel))
      } catch (error) {
        remove()
        throw error
      }
      return async () => {
        remove()
        if (!channels.has(channel) && opened !== undefined) await within(opened.then((connection) => connection.unsubscribe(channel))).catch(() => {})
      }
    },

    close () {
      channels.clear()
      disconnect()
    }
  }
}

function unavailable (why: string): ConsentryError {
  return new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE', { cause: new Error(why) })
}
