import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { killChild, startChild, whenEnded } from './child.ts'
import { freePort } from './port.ts'

/** A `redis-server` of this machine, which nobody else uses. */
export interface RedisServer {
  readonly port: number
  readonly url: string
  /** Sends a command of plain words, and resolves to what comes back first. */
  command (...words: string[]): Promise<string>
  /** From here on it hangs (SIGSTOP). */
  pause (): void
  resume (): void
  /** Ends at once, as in a crash (SIGKILL). Without persistence, which is the default, what it held is gone. */
  kill (): Promise<void>
  /** Starts again after `kill`, on the same port. */
  start (): Promise<void>
  close (): Promise<void>
}

export interface RedisServerOptions {
  /** More settings, as on the command line: `['--maxmemory', '2mb']`. */
  args?: readonly string[]
}

/** Three servers that share the keys. */
export interface RedisCluster {
  readonly nodes: readonly RedisServer[]
  close (): Promise<void>
}

const slots = 16_384

/** Starts the `redis-server` of this machine (7 or later) on a free port of loopback, without persistence. */
export async function startRedis ({ args = [] }: RedisServerOptions = {}): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'consentry-redis-'))
  const port = await freePort()
  let server: ChildProcess | undefined

  async function start (): Promise<void> {
    server = startChild('redis-server', ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', '', ...args], { stdio: 'ignore' })
    const ended = whenEnded(server)
    // Ready means that it answers; while it loads it answers with an error.
    await Promise.race([ended, until(async () => await send(port, ['PING']) === '+PONG')])
    ended.catch(() => {})
  }

  const kill = (): Promise<void> => killChild(server)
  const signal = (name: NodeJS.Signals): void => { server?.kill(name) }
  const started: RedisServer = {
    port,
    url: `redis://127.0.0.1:${port}`,
    command: (...words) => send(port, words),
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    kill,
    start,
    async close () {
      await kill()
      await rm(folder, { recursive: true, force: true })
    }
  }
  try {
    await start()
    return started
  } catch (error) {
    await started.close()
    throw error
  }
}

/** Starts a cluster of three masters on loopback. */
export async function startRedisCluster (options: RedisServerOptions = {}): Promise<RedisCluster> {
  const nodes = await Promise.all([0, 1, 2].map(async () => {
    const bus = await freePort()
    return startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-port', String(bus), ...options.args ?? []] }).then((node) => ({ ...node, bus }))
  }))
  try {
    // A node takes an epoch only while it knows no other, and a node that was met comes to know the others on its own.
    for (const [index, node] of nodes.entries()) {
      const [from, to] = [index, index + 1].map((part) => Math.floor(part * slots / nodes.length)) as [number, number]
      await expectOk(node, 'CLUSTER', 'ADDSLOTSRANGE', String(from), String(to - 1))
      await expectOk(node, 'CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1))
    }
    for (const node of nodes) {
      for (const other of nodes) if (other !== node) await expectOk(node, 'CLUSTER', 'MEET', '127.0.0.1', String(other.port), String(other.bus))
    }
    await Promise.all(nodes.map((node) => until(async () => /cluster_state:ok[^]*cluster_known_nodes:3/.test(await node.command('CLUSTER', 'INFO')))))
  } catch (error) {
    await Promise.all(nodes.map((node) => node.close()))
    throw error
  }
  return {
    nodes,
    async close () {
      await Promise.all(nodes.map((node) => node.close()))
    }
  }
}

async function expectOk (node: RedisServer, ...words: string[]): Promise<void> {
  const answer = await node.command(...words)
  if (answer !== '+OK') throw new Error(`${words.join(' ')}: ${answer}`)
}

/** One inline command: https://redis.io/docs/latest/develop/reference/protocol-spec/#inline-commands */
async function send (port: number, words: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  try {
    socket.write(`${words.join(' ')}\r\n`)
    const [data] = await once(socket, 'data') as [Buffer]
    return data.toString().trimEnd()
  } finally {
    socket.destroy()
  }
}

/** Asks again every 20 ms; for ten seconds. */
export async function until (condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    if (await condition().catch(() => false)) return
    await sleep(20)
  }
  throw new Error('Redis does not become ready')
}
