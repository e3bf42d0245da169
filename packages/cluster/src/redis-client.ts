import { ConsentryError, createDeadlines, systemClock } from '@consentry/core'
import { createHash } from 'node:crypto'
import { oneWrite } from './one-write.ts'

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
  /** The connection to it, once there is one. */
  readonly stream?: RedisStream | null
  /** [INFO](https://redis.io/docs/latest/commands/info/) */
  info (section: string): Promise<string>
  /** A connection to the same server, with other options. */
  duplicate (options: object): RedisConnection
}

/** What holds back what is written: https://nodejs.org/api/stream.html#writablecork */
export interface RedisStream {
  /** Holds it back. */
  cork (): void
  /** Sends it. */
  uncork (): void
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

/** Whether keys lie on several servers. */
export function isCluster (redis: RedisClient): redis is RedisCommands & RedisNodes {
  return 'nodes' in redis
}

/** The servers behind a client; of a cluster those it knows by now. */
export function nodesOf (redis: RedisClient): RedisNode[] {
  return isCluster(redis) ? redis.nodes('master') : [redis]
}

/** Whether what is read may be older than what was written: who waits would miss what they were told of. */
export function readsReplicas (redis: RedisClient): boolean {
  return isCluster(redis) && (redis.options.scaleReads ?? 'master') !== 'master'
}

/** Commands with an end: within `timeout` milliseconds or little more each resolves, or rejects with `CONSENTRY_ERR_STORE_UNAVAILABLE`. */
export interface Commands {
  /** Sends commands of the client, together with what else is asked in this turn of the event loop. */
  run: <T> (send: () => Promise<T>) => Promise<T>
  /** The same of a script. */
  script: (script: Script, keys: readonly string[], ...args: string[]) => Promise<unknown>
  /** Waits for what is not sent through the client. */
  within: <T> (work: Promise<T>) => Promise<T>
}

export function createCommands (redis: RedisClient, timeout: number): Commands {
  const deadlines = createDeadlines(systemClock)
  const inOneWrite = oneWrite(redis)
  const late = (fail: (error: unknown) => void): void => { fail(new Error(`Redis: no answer within ${timeout} ms`)) }

  function within<T> (work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        deadline.cancel()
        reject(new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE', { cause: withoutArguments(error) }))
      }
      // The client's own limits are the application's: it may wait for ever for a connection, or for a server that hangs.
      const deadline = deadlines.add(timeout, late, fail)
      work.then((answer) => {
        deadline.cancel()
        resolve(answer)
      }, fail)
    })
  }

  function run<T> (send: () => Promise<T>): Promise<T> {
    inOneWrite()
    return within(send())
  }

  return {
    run,
    within,
    script ({ text, sha }, keys, ...args) {
      return run(() => redis.evalsha(sha, keys.length, ...keys, ...args).catch((error: unknown) => {
        if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
        return redis.eval(text, keys.length, ...keys, ...args)
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
