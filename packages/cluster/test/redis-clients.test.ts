import { freePort, startRedis, startRedisCluster, type RedisServer } from '@consentry/testing'
import { Cluster, Redis } from 'ioredis'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { redisState, type RedisState } from '../src/index.ts'

t.setTimeout(120_000)

const minute = 60_000
const server = await startRedis()
t.teardown(() => server.close())

/** A store that ends with the test, as its client does. */
function open (t: Test, redis: Redis | Cluster, prefix: string): RedisState {
  redis.on('error', () => {})
  const state = redisState(redis, { prefix, timeout: 2_000 })
  t.teardown(async () => {
    await state.close()
    redis.disconnect()
  })
  return state
}

/** Everything that the port can do, once. */
async function useAll (t: Test, state: RedisState): Promise<void> {
  t.ok(await state.compareAndSet('claim', undefined, 'a', minute))
  t.notOk(await state.compareAndSet('claim', undefined, 'b', minute))
  t.ok(await state.compareAndSet('claim', 'a', 'c', minute))
  t.equal(await state.take('claim'), 'c')
  await state.set('value', '', minute)
  t.equal(await state.get('value'), '')
  t.equal(await state.append('log', 'first', { ttl: minute, limit: 9, after: 0 }), 1)
  t.equal(await state.append('log', 'second', { ttl: minute, limit: 9, after: 1, last: true }), 2)
  t.equal(await state.append('log', 'late', { ttl: minute, limit: 9, after: 2 }), 0)
  t.same(await state.read('log', 0, 5), [{ seq: 1, value: 'first' }, { seq: 2, value: 'second' }])
  const lock = await state.lock('lock', minute)
  t.equal(await state.lock('lock', minute), undefined)
  t.equal(await lock?.renew(minute), true)
  await lock?.release()
  t.ok((await state.lock('lock', minute)) !== undefined)
  const heard = new Promise<string>((resolve, reject) => { state.subscribe('news', resolve).then(() => state.publish('news', 'heard')).catch(reject) })
  t.equal(await heard, 'heard')
}

const settings = [
  {}, { keyPrefix: 'theirs:' }, { enableAutoPipelining: true }, { lazyConnect: true }, { maxRetriesPerRequest: null }, { stringNumbers: true },
  { protocol: 2 as const }, { replyMapping: 'resp3' as const }, { commandTimeout: 1_000 }, { autoResubscribe: false }, { db: 3 }, { connectionName: 'theirs' }, { showFriendlyErrorStack: true }
]
for (const options of settings) {
  t.test(`a client with ${JSON.stringify(options)}`, async (t) => {
    await useAll(t, open(t, new Redis(server.port, '127.0.0.1', options), `${JSON.stringify(options)}:`))
  })
}

t.test('a client that queues nothing: failures with a code while it is not connected, and all is well afterwards', async (t) => {
  const redis = new Redis(server.port, '127.0.0.1', { enableOfflineQueue: false })
  const state = open(t, redis, 'unqueued:')
  await t.rejects(state.get('a'), { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE' })
  while (redis.status !== 'ready') await sleep(10)
  await useAll(t, state)
})

for (const prefix of ['', '{one}:', '{', '}{', '*', 'ü\n\r\n"\\', '\0', `${'x'.repeat(5_000)}:`, '$1 %s ${}']) {
  t.test(`the prefix ${JSON.stringify(prefix.slice(0, 20))}`, async (t) => { await useAll(t, open(t, new Redis(server.port, '127.0.0.1', { db: 5 + prefix.length % 5 }), prefix)) })
}

/** What the README says that a user of Redis needs. */
const rules = ['+info', '+get', '+getdel', '+set', '+del', '+xrange', '+xrevrange', '+xadd', '+pexpire', '+hmget', '+hset', '+hdel', '+time', '+eval', '+evalsha', '+publish', '+subscribe', '+unsubscribe', '+ping']

t.test('a user of Redis who may do what is needed with what is ours, and nothing else', async (t) => {
  await server.command('ACL', 'SETUSER', 'least', 'on', '>pw', '~least:*', '&least:*', '-@all', ...rules)
  await useAll(t, open(t, new Redis(server.port, '127.0.0.1', { username: 'least', password: 'pw', enableReadyCheck: false }), 'least:'))
  await server.command('ACL', 'SETUSER', 'least', '-evalsha')
  const refused = open(t, new Redis(server.port, '127.0.0.1', { username: 'least', password: 'pw', enableReadyCheck: false }), 'least:')
  const error: unknown = await refused.lock('lock', minute).catch((error: unknown) => error)
  t.match(error, { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE', cause: { message: 'Redis: NOPERM' } })
})

t.test('a cluster', async (t) => {
  const cluster = await startRedisCluster({ args: ['--cluster-require-full-coverage', 'no'] })
  t.teardown(() => cluster.close())
  const [first, second] = cluster.nodes as [RedisServer, RedisServer, RedisServer]
  const seeds = [{ host: '127.0.0.1', port: first.port }]

  for (const options of [{}, { keyPrefix: 'theirs:' }, { enableAutoPipelining: true }, { lazyConnect: true }, { slotsRefreshInterval: 100 }, { redisOptions: { stringNumbers: true, enableOfflineQueue: true } }]) {
    await t.test(`a client with ${JSON.stringify(options)}`, async (t) => { await useAll(t, open(t, new Cluster(seeds, options), `${JSON.stringify(options)}:`)) })
  }

  await t.test('a user of Redis who may do nothing with other keys, and a cluster that was not asked yet', async (t) => {
    for (const node of cluster.nodes) await node.command('ACL', 'SETUSER', 'least', 'on', '>pw', '~least:*', '&least:*', '-@all', ...rules, '+cluster')
    const redis = new Cluster(seeds, { lazyConnect: true, redisOptions: { username: 'least', password: 'pw', enableReadyCheck: false } }).on('error', () => {})
    const state = redisState(redis, { prefix: 'least:', timeout: 2_000, dangerouslyAllowEviction: true })
    t.teardown(async () => {
      await state.close()
      redis.disconnect()
    })
    await state.subscribe('a', () => {})
    await useAll(t, state)
  })

  await t.test('R5: reads of replicas, which may be behind, are refused', async (t) => {
    for (const scaleReads of ['slave', 'all', () => undefined] as const) {
      const redis = new Cluster(seeds, { scaleReads: scaleReads as 'slave', lazyConnect: true })
      t.throws(() => redisState(redis), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
    }
  })

  await t.test('keys that move to another node while they are used lose nothing', async (t) => {
    const state = open(t, new Cluster(seeds), '{move}:')
    const slot = (await first.command('CLUSTER', 'KEYSLOT', '{move}')).slice(1)
    const nodes = await Promise.all(cluster.nodes.map(async (node) => ({ node, id: await myId(node.port) })))
    const owner = nodes[Math.floor(Number(slot) * 3 / 16_384)] ?? nodes[0]
    const target = nodes.find((each) => each !== owner)
    if (owner === undefined || target === undefined) return t.fail('no nodes')
    const logs = Array.from({ length: 20 }, (_, index) => `log-${index}`)
    const move = { isOver: false }
    const writing = Promise.all(logs.map(async (log) => {
      let seq = 0
      do {
        t.equal(await state.append(log, String(seq), { ttl: minute, limit: 10_000, after: seq }), ++seq)
        await state.compareAndSet(log, seq === 1 ? undefined : String(seq - 1), String(seq), minute).then((done) => { if (!done) t.fail(`${log} ${seq}`) })
        await sleep(1)
      } while (!move.isOver)
      return seq
    }))
    await sleep(50)
    await target.node.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', owner.id)
    await owner.node.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target.id)
    const client = new Redis(owner.node.port, '127.0.0.1')
    for (;;) {
      const keys = await client.cluster('GETKEYSINSLOT', Number(slot), 5)
      if (keys.length === 0) break
      await client.call('MIGRATE', '127.0.0.1', target.node.port, '', 0, 5_000, 'KEYS', ...keys)
      await sleep(5)
    }
    client.disconnect()
    for (const { node } of [target, owner]) await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', target.id)
    await sleep(100)
    move.isOver = true
    const last = await writing
    for (const [index, log] of logs.entries()) {
      const entries = await state.read(log, 0)
      t.same([entries.length, entries.at(-1)?.seq, await state.get(log)], [last[index], last[index], String(last[index])])
    }
  })

  await t.test('R6: the node that a connection listens to dies: it listens to another', async (t) => {
    const state = open(t, new Cluster([...seeds, { host: '127.0.0.1', port: second.port }]), 'dies:')
    const heard: string[] = []
    let tell = (): void => {}
    const missed = new Promise<void>((resolve) => { tell = resolve })
    await state.subscribe('news', (message) => { heard.push(message) }, tell)
    const listening = await Promise.all(cluster.nodes.map((node) => listeners(node.port)))
    const doomed = cluster.nodes[listening.findIndex((count) => count > 0)] as RedisServer
    await doomed.kill()
    await missed
    while (!heard.includes('after')) {
      await state.publish('news', 'after').catch(() => {})
      await sleep(20)
    }
    const alive = cluster.nodes.filter((node) => node !== doomed)
    t.same(await Promise.all(alive.map((node) => listeners(node.port))).then((counts) => counts.filter((count) => count > 0).length), 1)
  })
})

t.test('R6: through Sentinel the connection that listens follows to the new master', async (t) => {
  const master = await startRedis()
  const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] })
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'consentry-test-'))
  writeFileSync(join(folder, 'sentinel.conf'), `sentinel monitor main 127.0.0.1 ${master.port} 1\nsentinel down-after-milliseconds main 300\nsentinel failover-timeout main 2000\n`)
  const sentinel = spawn('redis-server', [join(folder, 'sentinel.conf'), '--sentinel', '--bind', '127.0.0.1', '--port', String(port)], { stdio: 'ignore' })
  t.teardown(async () => {
    sentinel.kill('SIGKILL')
    await Promise.all([master.close(), replica.close()])
    rmSync(folder, { recursive: true, force: true })
  })
  const state = open(t, new Redis({ sentinels: [{ host: '127.0.0.1', port }], name: 'main', sentinelRetryStrategy: () => 50, retryStrategy: () => 50 }), 'followed:')
  const heard: string[] = []
  let tell = (): void => {}
  const missed = new Promise<void>((resolve) => { tell = resolve })
  await state.subscribe('news', (message) => { heard.push(message) }, tell)
  const sentinels = new Redis(port, '127.0.0.1')
  t.teardown(() => sentinels.disconnect())
  while (!String(await sentinels.call('SENTINEL', 'REPLICAS', 'main')).includes(String(replica.port))) await sleep(50)
  await sleep(500)
  await master.kill()
  await missed
  while (!heard.includes('after')) {
    await state.publish('news', 'after').catch(() => {})
    await sleep(50)
  }
  t.match(await replica.command('INFO', 'replication'), 'role:master')
})

async function myId (port: number): Promise<string> {
  const redis = new Redis(port, '127.0.0.1')
  const id = await redis.cluster('MYID')
  redis.disconnect()
  return id
}

async function listeners (port: number): Promise<number> {
  const redis = new Redis(port, '127.0.0.1')
  const list = String(await redis.call('CLIENT', 'LIST', 'TYPE', 'pubsub'))
  redis.disconnect()
  return list.split('\n').filter((line) => line.includes('sub=1')).length
}
