import { ConsentryError, createDeadlines, systemClock } from '@consentry/core'
import { createHash } from 'node:crypto'
import { oneWrite } from './one-write.ts'

/** What is used of an `ioredis` client: one server, Sentinel or Cluster; `app.redis` of `@fastify/redis` is one too. */
export interface RedisClient {
  /** [HGET](https://redis.io/docs/latest/commands/hget/) */
  hget (key: string, field: string): Promise<string | null>
  /** [HEXISTS](https://redis.io/docs/latest/commands/hexists/) */
  hexists (key: string, field: string): Promise<unknown>
  /** [HKEYS](https://redis.io/docs/latest/commands/hkeys/) */
  hkeys (key: string): Promise<string[]>
  /** [INFO](https://redis.io/docs/latest/commands/info/) */
  info (section: string): Promise<string>
  /** [EVAL](https://redis.io/docs/latest/commands/eval/) */
  eval (script: string, keys: number, ...args: string[]): Promise<unknown>
  /** [EVALSHA](https://redis.io/docs/latest/commands/evalsha/) */
  evalsha (sha: string, keys: number, ...args: string[]): Promise<unknown>
  /** What the client puts before every key, and where one of a cluster reads. */
  readonly options?: { readonly keyPrefix?: string | undefined, readonly scaleReads?: unknown }
  /** Of a cluster. */
  nodes? (role: 'master'): RedisNode[]
  /** Of one server: the connection to it, once there is one. */
  readonly stream?: RedisStream | null
}

/** One server. */
export type RedisNode = Pick<RedisClient, 'info' | 'stream'>

/** What holds back what is written: https://nodejs.org/api/stream.html#writablecork */
export interface RedisStream {
  /** Holds it back. */
  cork (): void
  /** Sends it. */
  uncork (): void
}

/** The servers behind a client; of a cluster those it knows by now. */
export function nodesOf (redis: RedisClient): RedisNode[] {
  return redis.nodes?.('master') ?? [redis]
}

/** Whether what is read may be older than what was written: a refresh token that is spent would be sent again. */
export function readsReplicas ({ options: { scaleReads = 'master' } = {} }: RedisClient): boolean {
  return scaleReads !== 'master'
}

/** A script that runs on the server, in one step. */
export interface Script {
  text: string
  sha: string
}

/** The script with this text. */
export function script (text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

/** Commands with an end: within `timeout` milliseconds or little more each resolves, or rejects with `CONSENTRY_ERR_STORE_UNAVAILABLE`. */
export interface Commands {
  /** Sends commands, together with what else is asked in this turn of the event loop. */
  run: <T> (send: (redis: RedisClient) => Promise<T>) => Promise<T>
  /** The same of a script. */
  script: (script: Script, keys: readonly string[], ...args: string[]) => Promise<unknown>
}

export function createCommands (redis: RedisClient, timeout: number): Commands {
  const deadlines = createDeadlines(systemClock)
  const inOneWrite = oneWrite(redis)
  const late = (fail: (error: unknown) => void): void => { fail(new Error(`Redis: no answer within ${timeout} ms`)) }

  function run<T> (send: (redis: RedisClient) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        deadline.cancel()
        reject(new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE', { cause: withoutArguments(error) }))
      }
      // The client's own limits are the application's: it may wait for ever for a connection, or for a server that hangs.
      const deadline = deadlines.add(timeout, late, fail)
      inOneWrite()
      send(redis).then((answer) => {
        deadline.cancel()
        resolve(answer)
      }, fail)
    })
  }

  return {
    run,
    script ({ text, sha }, keys, ...args) {
      return run(() => redis.evalsha(sha, keys.length, ...keys, ...args).catch((error: unknown) => {
        if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
        return redis.eval(text, keys.length, ...keys, ...args)
      }))
    }
  }
}

/** An error of the client carries the command with its arguments, and one of the server may quote them: tokens. */
function withoutArguments (error: unknown): Error {
  if (!(error instanceof Error)) return new Error('Redis failed')
  if ('code' in error && typeof error.code === 'string') return Object.assign(new Error(`Redis: ${error.code}`), { code: error.code })
  const [word = ''] = error.message.split(' ', 1)
  // The server's errors begin with a code: OOM, READONLY, LOADING.
  return new Error(/^[A-Z]{2,}$/.test(word) ? `Redis: ${word}` : 'command' in error ? 'Redis refused the command' : error.message)
}
