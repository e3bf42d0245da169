import { ConsentryError, createDeadlines, systemClock } from '@consentry/core'
import { createHash } from 'node:crypto'

/** What is used of an `ioredis` client: one server, Sentinel or Cluster; `app.redis` of `@fastify/redis` is one too. */
export type RedisClient = RedisCommands & (RedisNode | RedisNodes)

/** The commands that are used. */
export interface RedisCommands {
  /** [INFO](https://redis.io/docs/latest/commands/info/) */
  info (section: string): Promise<string>
  /** [GET](https://redis.io/docs/latest/commands/get/) */
  get (key: string): Promise<string | null>
  /** [GETDEL](https://redis.io/docs/latest/commands/getdel/) */
  getdel (key: string): Promise<string | null>
  /** [SET](https://redis.io/docs/latest/commands/set/) */
  set (key: string, value: string, px: 'PX', ms: number): Promise<unknown>
  /** [DEL](https://redis.io/docs/latest/commands/del/) */
  del (key: string): Promise<unknown>
  /** [XRANGE](https://redis.io/docs/latest/commands/xrange/) */
  xrange (key: string, from: string, to: string): Promise<StreamEntry[]>
  /** [XRANGE](https://redis.io/docs/latest/commands/xrange/) */
  xrange (key: string, from: string, to: string, count: 'COUNT', limit: number): Promise<StreamEntry[]>
  /** [PUBLISH](https://redis.io/docs/latest/commands/publish/) */
  publish (channel: string, message: string): Promise<unknown>
  /** [EVAL](https://redis.io/docs/latest/commands/eval/) */
  eval (script: string, keys: number, ...args: string[]): Promise<unknown>
  /** [EVALSHA](https://redis.io/docs/latest/commands/evalsha/) */
  evalsha (sha: string, keys: number, ...args: string[]): Promise<unknown>
}

/** A cluster. */
export interface RedisNodes {
  /** Where it reads. */
  readonly options: { readonly scaleReads?: unknown }
  /** The servers that are masters. */
  nodes (role: 'master'): RedisNode[]
}

/** One server. */
export interface RedisNode {
  /** [INFO](https://redis.io/docs/latest/commands/info/) */
  info (section: string): Promise<string>
  /** A connection to the same server, with other options. */
  duplicate (options: object): RedisConnection
}

/** A connection of our own. */
export interface RedisConnection {
  /** Opens it. */
  connect (): Promise<unknown>
  /** [SUBSCRIBE](https://redis.io/docs/latest/commands/subscribe/) */
  subscribe (...channels: string[]): Promise<unknown>
  /** [UNSUBSCRIBE](https://redis.io/docs/latest/commands/unsubscribe/) */
  unsubscribe (...channels: string[]): Promise<unknown>
  /** [PING](https://redis.io/docs/latest/commands/ping/) */
  ping (): Promise<unknown>
  /** Hears a message. */
  on (event: 'message', listener: (channel: string, message: string) => void): unknown
  /** Hears that it ended, or failed. */
  on (event: 'end' | 'error', listener: () => void): unknown
  /** Closes it at once. */
  disconnect (): void
}

/** `seq-0`, then a field and its value. */
export type StreamEntry = [id: string, fields: string[]]

/** A script that runs on the server, in one step. */
export interface Script {
  text: string
  sha: string
}

/** The script with this text. */
export function script (text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

/** The servers behind a client; of a cluster those it knows by now. */
export function nodesOf (redis: RedisClient): RedisNode[] {
  return 'nodes' in redis ? redis.nodes('master') : [redis]
}

/** Whether what is read may be older than what was written: who waits would miss what they were told of. */
export function readsReplicas (redis: RedisClient): boolean {
  return 'nodes' in redis && (redis.options.scaleReads ?? 'master') !== 'master'
}

/** Commands with an end: within `timeout` milliseconds or little more each resolves, or rejects with `CONSENTRY_ERR_STORE_UNAVAILABLE`. */
export interface Commands {
  within: <T> (work: Promise<T>) => Promise<T>
  script: (script: Script, key: string, ...args: string[]) => Promise<unknown>
}

export function createCommands (redis: RedisClient, timeout: number): Commands {
  const deadlines = createDeadlines(systemClock)

  function within<T> (work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        deadline.cancel()
        reject(new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE', { cause: withoutArguments(error) }))
      }
      // The client's own limits are the application's: it may wait for ever for a connection, or for a server that hangs.
      const deadline = deadlines.add(timeout, () => { fail(new Error(`Redis: no answer within ${timeout} ms`)) }, undefined)
      work.then((answer) => {
        deadline.cancel()
        resolve(answer)
      }, fail)
    })
  }

  return {
    within,
    script ({ text, sha }, key, ...args) {
      return within(redis.evalsha(sha, 1, key, ...args).catch((error: unknown) => {
        if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
        return redis.eval(text, 1, key, ...args)
      }))
    }
  }
}

/** An error of the client carries the command with its arguments, and one of the server may quote them. */
function withoutArguments (error: unknown): Error {
  if (!(error instanceof Error)) return new Error('Redis failed')
  if ('code' in error && typeof error.code === 'string') return Object.assign(new Error(`Redis: ${error.code}`), { code: error.code })
  const [word = ''] = error.message.split(' ', 1)
  // The server's errors begin with a code: OOM, READONLY, LOADING.
  return new Error(/^[A-Z]{2,}$/.test(word) ? `Redis: ${word}` : 'command' in error ? 'Redis refused the command' : error.message)
}
