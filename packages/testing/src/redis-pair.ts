import { startProxy } from './proxy.ts'
import { startRedis, until, type RedisServer, type RedisServerOptions } from './redis.ts'

/** A master and its replica behind one address, as a managed service has it. */
export interface RedisPair {
  /** The address, which always leads to the master. */
  readonly port: number
  /** The server that is the master now. */
  readonly master: RedisServer
  /** The other one. */
  readonly replica: RedisServer
  /** Resolves when the replica has all that the master has by now. */
  heard (): Promise<void>
  /** From here on the replica hears nothing, and the master does not know it: what is written now is acknowledged by it alone. */
  lag (): void
  /** The replica hears the master again. */
  catchUp (): Promise<void>
  /** The master crashes, the replica takes its place with what it has, and the fallen one comes back empty, as its replica. */
  failOver (): Promise<void>
  close (): Promise<void>
}

/** Starts both on free ports of loopback, without persistence. */
export async function startRedisPair ({ args = [] }: RedisServerOptions = {}): Promise<RedisPair> {
  // Without the delay a master waits for more replicas before it makes a copy.
  const started = await Promise.all([0, 1].map(() => startRedis({ args: ['--repl-diskless-sync-delay', '0', ...args] })))
  let [master, replica] = started as [RedisServer, RedisServer]
  const [address, link] = await Promise.all([startProxy(master.port), startProxy(master.port)])

  async function follow (): Promise<void> {
    await replica.command('REPLICAOF', '127.0.0.1', String(link.port))
    await until(async () => (await replica.command('INFO', 'replication')).includes('master_link_status:up'))
  }

  await follow()
  return {
    port: address.port,
    get master () { return master },
    get replica () { return replica },
    // `WAIT` would wait for what its own connection wrote, and nothing else.
    async heard () {
      const written = await offsetOf(master, 'master_repl_offset')
      await until(async () => await offsetOf(replica, 'slave_repl_offset') >= written)
    },
    lag () { link.halfOpen() },
    async catchUp () {
      link.mend()
      await until(async () => (await replica.command('INFO', 'replication')).includes('master_link_status:up'))
    },
    async failOver () {
      await master.kill()
      await replica.command('REPLICAOF', 'NO', 'ONE')
      ;[master, replica] = [replica, master]
      address.lead(master.port)
      link.lead(master.port)
      link.mend()
      await replica.start()
      await follow()
    },
    async close () {
      await Promise.all([address.close(), link.close(), master.close(), replica.close()])
    }
  }
}

/** How many bytes of writes it has seen. */
async function offsetOf (server: RedisServer, field: string): Promise<number> {
  return Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(await server.command('INFO', 'replication'))?.[1])
}
