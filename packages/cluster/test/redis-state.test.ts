import fastifyRedis from '@fastify/redis'
import { freePort, startRedis, startRedisCluster, stateStoreContract, type RedisServer, type StateStoreContractOptions } from '@consentry/testing'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis-5'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { redisState, type RedisStateOptions } from '../src/index.ts'
import { connect, open, type Config } from './open.ts'

const minute = 60_000
const server = await startRedis()
t.teardown(() => server.close())

function contract (t: Test, config: Config): Pick<StateStoreContractOptions, 'open' | 'processes'> {
  return {
    open () {
      const state = open(config)
      t.teardown(() => state.close())
      return state
    },
    processes: { module: new URL('open.js', import.meta.url).href, config }
  }
}

/** A client that ends with the test. */
function client (t: Test, { port }: Pick<RedisServer, 'port'> = server): Redis {
  const redis = connect({ kind: 'single', port }) as Redis
  t.teardown(() => redis.disconnect())
  return redis
}

/** What an error says to whoever runs the server. */
function causeOf (error: unknown): string {
  return error instanceof Error && error.cause instanceof Error ? error.cause.message : ''
}

const failureOf = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => undefined, (error: unknown) => error)

t.test('one server', async (t) => {
  stateStoreContract(t, {
    ...contract(t, { kind: 'single', port: server.port, prefix: 'one:' }),
    outage: [
      { name: 'Redis hangs', async begin () { server.pause(); return async () => server.resume() } },
      { name: 'Redis is gone, and comes back empty', async begin () { await server.kill(); return () => server.start() } }
    ]
  })
})

t.test('a cluster', async (t) => {
  const cluster = await startRedisCluster()
  t.teardown(() => cluster.close())
  const [{ port }] = cluster.nodes as [RedisServer]
  t.test('contract', async (t) => { stateStoreContract(t, contract(t, { kind: 'cluster', port, prefix: 'cluster:' })) })
  t.test('the keys are on all nodes', async (t) => {
    for (const node of cluster.nodes) t.not(await node.command('DBSIZE'), ':0')
  })
  t.test('R5: the eviction policy of each node counts', async (t) => {
    for (const node of cluster.nodes) {
      await node.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
      const state = open({ kind: 'cluster', port, prefix: 'evicting:' })
      t.teardown(() => state.close())
      t.match(await failureOf(state.ready()), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
      await node.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    }
  })
})

t.test('through Sentinel', async (t) => {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'consentry-test-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'sentinel.conf'), `sentinel monitor main 127.0.0.1 ${server.port} 1\n`)
  const sentinel = spawn('redis-server', [join(folder, 'sentinel.conf'), '--sentinel', '--bind', '127.0.0.1', '--port', String(port)], { stdio: 'ignore' })
  t.teardown(() => sentinel.kill('SIGKILL'))
  const redis = new Redis({ sentinels: [{ host: '127.0.0.1', port }], name: 'main', sentinelRetryStrategy: () => 50 })
  redis.on('error', () => {})
  t.teardown(() => redis.disconnect())
  const state = redisState(redis, { prefix: 'sentinel:' })
  t.teardown(() => state.close())
  const heard = new Promise<string>((resolve, reject) => { state.subscribe('c', resolve).then(() => state.publish('c', 'heard')).catch(reject) })
  t.equal(await heard, 'heard')
})

t.test('app.redis of @fastify/redis, and a client of ioredis 5', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyRedis, { url: server.url })
  const older = new Redis5(server.url)
  t.teardown(() => older.disconnect())
  const [one, two] = [redisState(app.redis), redisState(older)]
  t.teardown(() => Promise.all([one.close(), two.close()]))
  const heard = new Promise<string>((resolve, reject) => { two.subscribe('c', resolve).then(() => one.publish('c', 'heard')).catch(reject) })
  t.equal(await heard, 'heard')
  await one.set('a', '1', minute)
  t.ok(await two.compareAndSet('a', '1', '2', minute))
  t.equal(await one.take('a'), '2')
  t.equal(await one.append('l', 'x', { ttl: minute, limit: 2 }), 1)
  t.same(await two.read('l', 0), [{ seq: 1, value: 'x' }])
})

t.test('prefixes keep applications apart', async (t) => {
  const redis = client(t)
  const [one, two] = [redisState(redis, { prefix: 'a:' }), redisState(redis, { prefix: 'b:' })]
  t.teardown(() => Promise.all([one.close(), two.close()]))
  await one.set('k', '1', minute)
  t.equal(await two.get('k'), undefined)
  await two.subscribe('c', () => t.fail('heard another application'))
  const heard = new Promise<string>((resolve, reject) => { one.subscribe('c', resolve).then(() => one.publish('c', 'mine')).catch(reject) })
  t.equal(await heard, 'mine')
  t.same((await redis.keys('a:*')).length, 1)

  const prefixed = new Redis(server.port, '127.0.0.1', { keyPrefix: 'theirs:' })
  t.teardown(() => prefixed.disconnect())
  const three = redisState(prefixed, { prefix: 'a:' })
  t.teardown(() => three.close())
  t.ok(await three.compareAndSet('k', undefined, '3', minute), 'the client\'s own prefix comes before ours')
  const news = new Promise<string>((resolve, reject) => { three.subscribe('d', resolve).then(() => three.publish('d', 'mine')).catch(reject) })
  t.equal(await news, 'mine')
  t.equal(await one.get('k'), '1')
})

t.test('everything has a lifetime on the server', async (t) => {
  const redis = client(t)
  const state = redisState(redis, { prefix: 'lives:' })
  await state.set('a', '1', minute)
  await state.compareAndSet('b', undefined, '1', minute)
  await state.append('c', '1', { ttl: minute, limit: 1 })
  await (await state.lock('d', minute))?.release()
  const keys = await redis.keys('lives:*')
  t.equal(keys.length, 4)
  for (const key of keys) t.ok(await redis.pttl(key) > 0, key)
})

t.test('one connection listens, however many channels, and ends with the last of them', async (t) => {
  const redis = client(t)
  const state = redisState(redis, { prefix: 'listening:' })
  const listening = async (): Promise<number> => String(await redis.client('LIST')).split('\n').filter(Boolean).length
  const before = await listening()
  const stops = await Promise.all(Array.from({ length: 50 }, (_, index) => state.subscribe(`c${index % 25}`, () => {})))
  t.equal(await listening(), before + 1)
  for (const stop of stops) await stop()
  while (await listening() > before) await sleep(10)
  const heard = new Promise<string>((resolve, reject) => { state.subscribe('c', resolve).then(() => state.publish('c', 'again')).catch(reject) })
  t.equal(await heard, 'again', 'and begins again when it is needed')
  await state.close()
  while (await listening() > before) await sleep(10)
  t.equal(await redis.ping(), 'PONG', 'the client is the application\'s')
})

t.test('R6: a connection that is cut comes back, and listeners hear that they may have missed something', async (t) => {
  const redis = client(t)
  const state = redisState(redis, { prefix: 'cut:' })
  t.teardown(() => state.close())
  const heard: string[] = []
  let tell = (): void => {}
  for (let round = 0; round < 3; round++) {
    const missed = new Promise<void>((resolve) => { tell = resolve })
    if (round === 0) await state.subscribe('c', (message) => { heard.push(message) }, () => { tell() })
    await redis.client('KILL', 'TYPE', 'PUBSUB')
    await missed
    await state.publish('c', `after ${round}`)
    while (!heard.includes(`after ${round}`)) await sleep(10)
  }
  t.same(heard, ['after 0', 'after 1', 'after 2'])
})

t.test('a command that the client sends twice counts once', async (t) => {
  const redis = client(t)
  await redisState(redis, { prefix: 'twice:' }).compareAndSet('scripts', undefined, 'are known', minute)
  // What a client does that reconnects before the answer came.
  const twice = Object.create(redis, { evalsha: { value: async (...args: Parameters<Redis['evalsha']>) => {
    await redis.evalsha(...args).catch(() => {})
    return redis.evalsha(...args)
  } } }) as Redis
  const state = redisState(twice, { prefix: 'twice:' })
  await redisState(redis, { prefix: 'twice:' }).append('log', 'first', { ttl: minute, limit: 9 })
  await (await redisState(redis, { prefix: 'twice:' }).lock('warm', minute))?.release()
  t.ok(await state.compareAndSet('claim', undefined, 'mine', minute))
  t.ok(await state.compareAndSet('claim', 'mine', 'mine', minute))
  t.equal(await state.append('log', 'second', { ttl: minute, limit: 9 }), 2)
  t.equal(await state.append('log', 'third', { ttl: minute, limit: 9, after: 2 }), 3)
  t.same((await state.read('log', 0)).map(({ value }) => value), ['first', 'second', 'third'])
  t.ok(await state.lock('lock', minute))
})

t.test('what is asked in one turn is sent in one write, and what the application asks keeps its place', async (t) => {
  const redis = client(t)
  await redis.ping()
  const state = redisState(redis, { prefix: 'turn:' })
  const { stream } = redis
  let writes = 0
  for (const name of ['_write', '_writev'] as const) {
    const own = stream[name] as (...args: unknown[]) => void
    Object.assign(stream, { [name] (...args: unknown[]) {
      writes++
      own.apply(stream, args)
    } })
  }
  const set = state.set('k', 'ours', minute)
  const theirs = redis.del('turn:value:k')
  const got = state.get('k')
  t.equal(writes, 0)
  await set
  t.equal(await theirs, 1)
  t.equal(await got, undefined)
  await Promise.all(Array.from({ length: 9 }, async (_, index) => {
    await state.set(`${index}`, 'value', minute)
    t.equal(await state.get(`${index}`), 'value')
  }))
  t.equal(writes, 3)
})

t.test('scripts are sent again when the server has forgotten them', async (t) => {
  const state = redisState(client(t), { prefix: 'forgotten:' })
  await state.append('l', '1', { ttl: minute, limit: 2 })
  await server.command('SCRIPT', 'FLUSH')
  t.equal(await state.append('l', '2', { ttl: minute, limit: 2 }), 2)
})

t.test('R5: a server that may evict state is refused at start', async (t) => {
  t.teardown(() => server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction'))
  const at = async (policy: string, options?: RedisStateOptions): Promise<unknown> => {
    await server.command('CONFIG', 'SET', 'maxmemory-policy', policy)
    const state = redisState(client(t), options)
    t.teardown(() => state.close())
    return failureOf(state.subscribe('c', () => {}))
  }
  for (const policy of ['allkeys-lru', 'volatile-ttl']) {
    const error = await at(policy)
    t.match(error, { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
    t.match(causeOf(error), policy)
  }
  t.equal(await at('allkeys-lru', { dangerouslyAllowEviction: true }), undefined)
  t.equal(await at('noeviction'), undefined)
})

t.test('R5: a server that may be asked neither CONFIG nor INFO is used', async (t) => {
  await server.command('ACL', 'SETUSER', 'managed', 'on', '>pw', '~*', '&*', '+@all', '-config', '-info')
  const redis = new Redis(server.port, '127.0.0.1', { username: 'managed', password: 'pw', enableReadyCheck: false })
  t.teardown(() => redis.disconnect())
  const state = redisState(redis, { prefix: 'managed:' })
  t.teardown(() => state.close())
  await state.subscribe('c', () => {})
  await state.set('a', '1', minute)
  t.equal(await state.get('a'), '1')
})

t.test('R5: out of memory, and a replica: closed failures', async (t) => {
  const full = await startRedis({ args: ['--maxmemory', '4mb'] })
  t.teardown(() => full.close())
  const state = redisState(client(t, full))
  const big = 'canary'.repeat(100_000)
  let error: unknown
  for (let index = 0; error === undefined; index++) error = await failureOf(state.set(String(index), big, minute))
  for (const refused of [error, await failureOf(state.append('l', big, { ttl: minute, limit: 2 })), await failureOf(state.compareAndSet('x', undefined, big, minute))]) {
    t.match(refused, { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE' })
    t.match(causeOf(refused), /^Redis: OOM|refused/)
  }
  t.ok(await state.take('0'), 'what makes room still works')

  const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(server.port)] })
  t.teardown(() => replica.close())
  const readOnly = await failureOf(redisState(client(t, replica)).set('a', '1', minute))
  t.match(readOnly, { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE' })
  t.equal(causeOf(readOnly), 'Redis: READONLY')
})

t.test('R5: a replica that lags becomes the master: the count goes on where the writer was', async (t) => {
  const master = await startRedis()
  const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] })
  t.teardown(() => Promise.all([master.close(), replica.close()]))
  const [before, after] = [redisState(client(t, master)), redisState(client(t, replica))]
  const options = { ttl: minute, limit: 10 }
  await before.append('l', '1', { ...options, after: 0 })
  const first = await before.lock('lock', minute)
  while ((await after.read('l', 0)).length === 0 || await client(t, replica).exists('consentry:lock:lock') === 0) await sleep(20)
  // From here on it hears nothing; what comes is acknowledged by the other alone.
  await replica.command('REPLICAOF', 'NO', 'ONE')
  await before.append('l', '2', { ...options, after: 1 })
  await first?.release()
  const second = await before.lock('lock', 1)
  await master.kill()
  t.equal(await after.append('l', '3', { ...options, after: 2 }), 3)
  t.equal(await after.append('l', 'late', { ...options, after: 2 }), 0)
  let third = await after.lock('lock', minute)
  // The release was lost, the end of the lease is not.
  if (third === undefined) {
    await replica.command('HSET', 'consentry:lock:lock', 'until', '0')
    third = await after.lock('lock', minute)
  }
  t.ok(third !== undefined && second !== undefined && third.fence > second.fence, 'R2: a fence grows though the newest was lost')
})

t.test('options', async (t) => {
  for (const options of [{ timeout: 0 }, { timeout: 1.5 }, { prefix: 1 as never }]) {
    t.throws(() => redisState(client(t), options), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
  }
})
