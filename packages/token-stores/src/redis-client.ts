import { ConsentryError, createDeadlines, systemClock } from '@consentry/core'
import { createHash } from 'node:crypto'

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
  nodes? (role: 'master'): Array<Pick<RedisClient, 'info'>>
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
  run: <T> (command: (redis: RedisClient) => Promise<T>) => Promise<T>
  script: (script: Script, keys: string | readonly string[], ...args: string[]) => Promise<unknown>
}

export function createCommands (redis: RedisClient, timeout: number): Commands {
  const deadlines = createDeadlines(systemClock)

  function run<T> (command: (redis: RedisClient) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        deadline.cancel()
        reject(new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE', { cause: withoutArguments(error) }))
      }
      // The client's own limits are the application's: it may wait for ever for a connection, or for a server that hangs.
      const deadline = deadlines.add(timeout, () => { fail(new Error(`Redis: no answer within ${timeout} ms`)) }, undefined)
      command(redis).then((answer) => {
        deadline.cancel()
        resolve(answer)
      }, fail)
    })
  }

  return {
    run,
    script ({ text, sha }, keys, ...args) {
      const all = [keys].flat()
      return run(() => redis.evalsha(sha, all.length, ...all, ...args).catch((error: unknown) => {
        if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
        return redis.eval(text, all.length, ...all, ...args)
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
