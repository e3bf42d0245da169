import { ConsentryError, createDeadlines, systemClock } from '@consentry/core'
import { createHash } from 'node:crypto'

/** What is used of an `ioredis` client: one server, Sentinel or Cluster; `app.redis` of `@fastify/redis` is one too. */
export type RedisClient = RedisCommands & (RedisNode | RedisNodes)

export interface RedisCommands {
  info (section: string): Promise<string>
  get (key: string): Promise<string | null>
  getdel (key: string): Promise<string | null>
  set (key: string, value: string, px: 'PX', ms: number): Promise<unknown>
  del (key: string): Promise<unknown>
  xrange (key: string, from: string, to: string): Promise<StreamEntry[]>
  xrange (key: string, from: string, to: string, count: 'COUNT', limit: number): Promise<StreamEntry[]>
  publish (channel: string, message: string): Promise<unknown>
  eval (script: string, keys: number, ...args: string[]): Promise<unknown>
  evalsha (sha: string, keys: number, ...args: string[]): Promise<unknown>
}

/** A cluster. */
export interface RedisNodes {
  nodes (role: 'master'): RedisNode[]
}

/** One server. */
export interface RedisNode {
  info (section: string): Promise<string>
  duplicate (options: object): RedisConnection
}

/** A connection of our own. */
export interface RedisConnection {
  connect (): Promise<unknown>
  subscribe (...channels: string[]): Promise<unknown>
  unsubscribe (...channels: string[]): Promise<unknown>
  ping (): Promise<unknown>
  on (event: 'message', listener: (channel: string, message: string) => void): unknown
  on (event: 'end' | 'error', listener: () => void): unknown
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

/** Commands with an end: within `timeout` milliseconds or little more each resolves, or rejects with `CONSENTRY_ERR_STORE_UNAVAILABLE`. */
export interface Commands {
  within: <T> (work: Promise<T>) => Promise<T>
  script: (script: Script, key: string, ...args: string[]) => Promise<unknown>
}

export function createCommands (redis: RedisClient, timeout: number): Commands {
  const deadlines = createDeadlines(systemClock)

  function within<T> (work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => { reject(new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE', { cause: withoutArguments(error) })) }
      // The client's own limits are the application's: it may wait for ever for a connection, or for a server that hangs.
      const deadline = deadlines.add(timeout, () => { fail(new Error(`no answer within ${timeout} ms`)) }, undefined)
      work.then(resolve, fail).finally(() => { deadline.cancel() })
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
