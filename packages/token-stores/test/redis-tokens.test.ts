import type { TokenStore } from '@consentry/core'
import fastifyRedis from '@fastify/redis'
import { contractKey, contractRecord, freePort, startRedis, startRedisCluster, tokenStoreContract, type RedisServer } from '@consentry/testing'
import Fastify from 'fastify'
import { Cluster, Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis-5'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { redisTokens, type RedisTokensOptions } from '../src/index.ts'
import { connect, newKey, oldKey } from './open.ts'
import { causeOf, folder, local, shared } from './world.ts'

const server = await startRedis()
t.teardown(() => server.close())
const key = contractKey()

/** Waits for what takes a moment; `tap` ends what never comes. */
async function until (condition: () => Promise<boolean>): Promise<void> {
  while (!await condition().catch(() => false)) await new Promise((resolve) => { setTimeout(resolve, 50) })
}

/** A client that ends with the test. */
function client (t: Test, { port }: Pick<RedisServer, 'port'> = server): Redis {
  const redis = connect({ kind: 'redis', port }) as Redis
  t.teardown(() => redis.disconnect())
  return redis
}

const outages = (redis: RedisServer) => [
  { name: 'Redis hangs', async begin () { redis.pause(); return async () => redis.resume() } },
  { name: 'Redis is gone', async begin () { await redis.kill(); return () => redis.start() } }
]

for (const sealed of [false, true]) {
  t.test(`one server${sealed ? ', encrypted' : ''}`, async (t) => {
    tokenStoreContract(t, { ...shared(t, { kind: 'redis', port: server.port, sealed, prefix: `one-${sealed}:` }), outage: outages(server) })
  })
}

t.test('a cluster', async (t) => {
  const cluster = await startRedisCluster()
  t.teardown(() => cluster.close())
  const [{ port }] = cluster.nodes as [RedisServer]
  const outage = [{
    name: 'the nodes hang',
    async begin () {
      for (const node of cluster.nodes) node.pause()
      return async () => { for (const node of cluster.nodes) node.resume() }
    }
  }]
  for (const sealed of [false, true]) {
    t.test(sealed ? 'encrypted' : 'plain', async (t) => {
      tokenStoreContract(t, { ...(sealed ? local : shared)(t, { kind: 'cluster', port, sealed, prefix: `cluster-${sealed}:` }), outage })
    })
  }
  t.test('a lock is in one slot with the grant, whatever the client and the application put before their names', async (t) => {
    for (const keyPrefix of ['theirs:', '{theirs}:']) {
      const redis = new Cluster([{ host: '127.0.0.1', port }], { keyPrefix })
      t.teardown(() => redis.disconnect())
      for (const prefix of ['ours:', '{ours}:']) {
        const store = redisTokens(redis, { prefix, dangerouslyPlaintext: true })
        for (const userId of ['alice', '{bob}', '}', '{']) {
          const name = { ...key, userId }
          const version = await store.save(name, contractRecord(), undefined)
          t.same(await store.withLock(name, version, async () => 'held'), { result: 'held' }, `${keyPrefix} ${prefix} ${userId}`)
        }
      }
    }
  })
  t.test('the keys are on all nodes', async (t) => {
    for (const node of cluster.nodes) t.not(await node.command('DBSIZE'), ':0')
  })
  t.test('R5: of which one node may evict grants is refused at start, before anything else was asked of it', async (t) => {
    for (const node of cluster.nodes) {
      await node.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
      const redis = connect({ kind: 'cluster', port })
      t.teardown(() => redis.disconnect())
      await t.rejects(redisTokens(redis).ready(), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
      await node.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    }
  })
  t.test('with a keyPrefix of the client', async (t) => {
    await underKeyPrefix(t, (keyPrefix) => new Cluster([{ host: '127.0.0.1', port }], { keyPrefix }))
  })
})

t.test('with a keyPrefix of the client', async (t) => {
  await underKeyPrefix(t, (keyPrefix) => new Redis(server.port, '127.0.0.1', { keyPrefix }))
  const names = await client(t).keys('*one of two:*')
  t.ok(names.length > 0)
  t.ok(names.every((name) => name.startsWith('one of two:consentry:')), 'it comes before the prefix of the store')
})

/** Two applications that are told apart by their clients alone. */
async function underKeyPrefix (t: Test, connectWith: (keyPrefix: string) => Redis | Cluster): Promise<void> {
  const openWith = (keyPrefix: string): TokenStore => {
    const redis = connectWith(keyPrefix)
    t.teardown(() => redis.disconnect())
    return redisTokens(redis, { encryption: { keys: [newKey, oldKey] } })
  }
  const [one, two] = [openWith('one of two:'), openWith('two of two:')]
  const own = contractKey()
  const version = await one.save(own, contractRecord(), undefined)
  t.same(await one.load(own), { record: contractRecord(), version })
  t.equal(await two.load(own), undefined)
  t.same(await two.listKeys(own), [])
  t.same(await one.withLock(own, version, () => two.withLock(own, undefined, async () => 'two locks')), { result: { result: 'two locks' } })
  t.same(await one.listKeys(own), [own])
  const next = await one.save(own, contractRecord({ accessToken: 'next' }), version)
  t.equal(await one.delete(own, version), false)
  t.equal(await two.delete(own), false)
  t.equal(await one.delete(own, next), true)
  await one.save(own, contractRecord(), undefined)
}

t.test('through Sentinel: the replica takes over, and what it had goes on', async (t) => {
  const [master, replica] = [await startRedis(), await startRedis()]
  t.teardown(async () => { await Promise.all([master.close(), replica.close()]) })
  // Otherwise it waits for more replicas before it makes a copy, and Sentinel asks who they are every ten seconds.
  await master.command('CONFIG', 'SET', 'repl-diskless-sync-delay', '0')
  await replica.command('REPLICAOF', '127.0.0.1', String(master.port))
  await until(async () => (await replica.command('INFO', 'replication')).includes('master_link_status:up'))
  const port = await freePort()
  const config = join(folder(t), 'sentinel.conf')
  writeFileSync(config, `sentinel monitor main 127.0.0.1 ${master.port} 1\nsentinel down-after-milliseconds main 500\nsentinel failover-timeout main 5000\n`)
  const sentinel = spawn('redis-server', [config, '--sentinel', '--bind', '127.0.0.1', '--port', String(port)], { stdio: 'ignore' })
  t.teardown(() => sentinel.kill('SIGKILL'))
  const throughSentinel = (): Redis => {
    const redis = new Redis({ sentinels: [{ host: '127.0.0.1', port }], name: 'main', sentinelRetryStrategy: () => 50, retryStrategy: () => 50 })
    redis.on('error', () => {})
    t.teardown(() => redis.disconnect())
    return redis
  }
  const redis = throughSentinel()
  const options = { prefix: 'sentinel:', timeout: 1_000, lease: 1_000, encryption: { keys: [newKey] } }
  const store = redisTokens(redis, options)
  const [working, ended] = [contractKey({ userId: 'of sentinel' }), contractKey({ userId: 'of sentinel', profile: 'ended' })]
  const version = await store.save(working, contractRecord(), undefined)
  await store.delete(ended, await store.save(ended, contractRecord(), undefined))
  await until(async () => (await redis.wait(1, 100)) === 1)
  // It has to know the replica before it can choose it.
  const asked = new Redis(port, '127.0.0.1')
  t.teardown(() => asked.disconnect())
  await until(async () => JSON.stringify(await asked.call('SENTINEL', 'REPLICAS', 'main')).includes(`"master-link-status","ok"`))

  await master.kill()
  const during = await store.save(contractKey(), contractRecord(), undefined).catch((error: unknown) => error)
  if (typeof during !== 'string') t.match(during, { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE' })
  await until(async () => (await store.load(working)) !== undefined)
  t.same(await store.load(working), { record: contractRecord(), version }, 'in the version it had')
  t.same(await store.listKeys(working), [working])
  t.equal(await store.load(ended), undefined)
  await until(async () => (await replica.command('ROLE')).includes('master'))
  let next: string | undefined
  await store.withLock(working, version, async () => { next = await store.save(working, contractRecord({ accessToken: 'after' }), version) })
  t.ok(next, 'a refresh that was under way can be saved')
  t.equal(await store.save(working, contractRecord(), version), undefined, 'once')
  t.equal((await store.load(working))?.record.accessToken, 'after')

  // Who was the master comes back empty, takes itself for it, and is not asked.
  await master.start()
  t.equal((await redisTokens(throughSentinel(), options).load(working))?.version, next)
})

t.test('10,000 grants of one person: the list is complete, and holds nobody else\'s', async (t) => {
  const redis = client(t)
  const store = redisTokens(redis, { prefix: 'many:', encryption: { keys: [newKey] }, timeout: 60_000 })
  const person = contractKey()
  const keys = Array.from({ length: 10_000 }, (_, index) => ({ ...person, provider: `provider ${index % 100}`, profile: `${Math.floor(index / 100)}` }))
  await Promise.all(keys.map((each) => store.save(each, contractRecord(), undefined)))
  await store.save({ ...person, userId: `${person.userId}0` }, contractRecord(), undefined)
  const listed = await redisTokens(redis, { prefix: 'many:' }).listKeys(person)
  const names = (list: typeof keys): string[] => list.map((each) => JSON.stringify(each)).toSorted()
  t.same(listed.length, keys.length)
  t.strictSame(names(listed), names(keys))
  t.equal(await store.delete(keys[5_000] as typeof person), true)
  t.equal((await store.listKeys(person)).length, keys.length - 1)
})

t.test('app.redis of @fastify/redis, and a client of ioredis 5', async (t) => {
  const app = Fastify()
  await app.register(fastifyRedis, { url: server.url })
  const older = new Redis5(server.url)
  t.teardown(() => older.disconnect())
  const version = await redisTokens(app.redis).save(key, contractRecord(), undefined)
  t.same(await redisTokens(older).load(key), { record: contractRecord(), version })
  t.ok(await redisTokens(older).delete(key, version))
  await app.close()
})

t.test('seed C: a grant has no end of its own, and with a retention one that every save moves', async (t) => {
  const redis = client(t)
  const left = async (prefix: string): Promise<number> => redis.pttl((await redis.keys(`${prefix}grants:*`))[0] as string)
  const record = contractRecord({ expiresAt: Date.now() + 1_000 })
  await redisTokens(redis, { prefix: 'ever:' }).save(key, record, undefined)
  t.equal(await left('ever:'), -1)
  const day = 86_400_000
  const store = redisTokens(redis, { prefix: 'kept:', retention: 30 * day })
  const version = await store.save(key, record, undefined)
  t.ok(await left('kept:') > 29 * day, 'however short the access token lives')
  await redis.pexpire((await redis.keys('kept:*'))[0] as string, day)
  await store.save(key, record, version)
  t.ok(await left('kept:') > 29 * day)
  await redisTokens(redis, { prefix: 'kept:' }).save(key, record, (await store.load(key))?.version)
  t.equal(await left('kept:'), -1, 'a retention that is taken away')
})

t.test('seed C: with encryption no token or claim reaches Redis in the clear', async (t) => {
  const redis = client(t)
  const store = redisTokens(redis, { prefix: 'sealed:', encryption: { keys: [newKey] } })
  const version = await store.save(key, contractRecord(), undefined)
  t.same(await store.load(key), { record: contractRecord(), version })
  const dump = JSON.stringify(await redis.hgetall((await redis.keys('sealed:grants:*'))[0] as string))
  t.notMatch(dump, /canary|idp\.example|write/)
  await store.ready()
  t.equal(await redisTokens(redis, { prefix: 'sealed:', encryption: { keys: [oldKey, newKey] } }).rewrap(key), 1)
})

t.test('seed C: in production a store that keeps plaintext is refused, unless asked for by its name', async (t) => {
  const redis = client(t)
  const { env } = process
  const before = env['NODE_ENV']
  t.teardown(() => { if (before === undefined) delete env['NODE_ENV']; else env['NODE_ENV'] = before })
  env['NODE_ENV'] = 'production'
  let refused: unknown
  try { redisTokens(redis) } catch (error) { refused = error }
  t.match(refused, { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
  t.match(causeOf(refused), /encryption/)
  redisTokens(redis, { dangerouslyPlaintext: true })
  redisTokens(redis, { encryption: { keys: [newKey] } })
})

t.test('seed C: each call takes its own options', async (t) => {
  const redis = client(t)
  const [one, two] = [redisTokens(redis, { prefix: 'a:' }), redisTokens(redis, { prefix: 'b:' })]
  await one.save(key, contractRecord(), undefined)
  t.equal(await two.load(key), undefined)
  t.same(await two.listKeys(key), [])
})

t.test('R1: a client that reads from replicas, which may be behind, is refused', async (t) => {
  const redis = new Cluster([{ host: '127.0.0.1', port: server.port }], { scaleReads: 'slave', lazyConnect: true })
  t.throws(() => redisTokens(redis), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
})

t.test('R5: a server that may evict grants is refused at start', async (t) => {
  const at = (policy: string, options?: RedisTokensOptions) => async (): Promise<unknown> => {
    await server.command('CONFIG', 'SET', 'maxmemory-policy', policy)
    const store = redisTokens(client(t), options)
    const error = await store.ready().then(() => undefined, (error: unknown) => error)
    t.equal((await Promise.allSettled([store.load(key)]))[0]?.status, error === undefined ? 'fulfilled' : 'rejected', 'and nothing is done there')
    return error
  }
  t.teardown(() => server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction'))
  for (const refused of [at('allkeys-lru'), at('allkeys-random'), at('volatile-lru', { retention: 1_000 })]) {
    const error = await refused()
    t.match(error, { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
    t.match(causeOf(error), /maxmemory-policy/)
  }
  for (const fine of [at('noeviction'), at('volatile-lru'), at('allkeys-lru', { dangerouslyAllowEviction: true })]) t.equal(await fine(), undefined)
})

t.test('R5: a server that may be asked neither CONFIG nor INFO is used', async (t) => {
  await server.command('ACL', 'SETUSER', 'managed', 'on', '>pw', '~*', '&*', '+@all', '-config', '-info')
  const redis = new Redis(server.port, '127.0.0.1', { username: 'managed', password: 'pw', enableReadyCheck: false })
  t.teardown(() => redis.disconnect())
  await redisTokens(redis).ready()
  t.ok(await redisTokens(redis, { prefix: 'managed:' }).save(key, contractRecord(), undefined))
})

/** What the README says that a user of Redis needs. */
const rules = ['+info', '+hget', '+hexists', '+hkeys', '+hset', '+hdel', '+persist', '+pexpire', '+get', '+set', '+del', '+eval', '+evalsha']

t.test('a user of Redis who may do what is needed with what is ours, and nothing else', async (t) => {
  await server.command('ACL', 'SETUSER', 'least', 'on', '>pw', '~least:*', '-@all', ...rules)
  const redis = new Redis(server.port, '127.0.0.1', { username: 'least', password: 'pw', enableReadyCheck: false })
  t.teardown(() => redis.disconnect())
  for (const options of [{}, { retention: 60_000 }]) {
    await server.command('SCRIPT', 'FLUSH')
    const store = redisTokens(redis, { prefix: 'least:', ...options })
    await store.ready()
    const version = await store.save(key, contractRecord(), undefined)
    t.same(await store.load(key), { record: contractRecord(), version })
    t.ok(await store.exists(key))
    t.same(await store.listKeys(key), [key])
    t.match(await store.withLock(key, version, () => store.save(key, contractRecord(), version)), { result: String })
    t.ok(await store.delete(key))
  }
  await server.command('ACL', 'SETUSER', 'least', '-hget')
  const error = await redisTokens(redis, { prefix: 'least:' }).load(key).catch((error: unknown) => error)
  t.match(error, { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE' })
  t.equal(causeOf(error), 'Redis: NOPERM')
})

t.test('R5: out of memory, and a replica: closed failures, and no token in them', async (t) => {
  const full = await startRedis({ args: ['--maxmemory', '4mb'] })
  t.teardown(() => full.close())
  const store = redisTokens(client(t, full))
  const version = await store.save(key, contractRecord(), undefined)
  const big = contractRecord({ accessToken: 'canary'.repeat(1_000_000) })
  for (let filled = false; !filled;) filled = await store.save(contractKey(), big, undefined).then(() => false, () => true)
  const error = await store.save(contractKey(), big, undefined).catch((error: unknown) => error)
  t.match(error, { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE' })
  t.equal(causeOf(error), 'Redis: OOM')
  t.ok(await store.delete(key, version), 'what makes room still works')

  const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(server.port)] })
  t.teardown(() => replica.close())
  const readOnly = await redisTokens(client(t, replica)).save(key, contractRecord(), undefined).catch((error: unknown) => error)
  t.match(readOnly, { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE' })
  t.equal(causeOf(readOnly), 'Redis: READONLY')
})

t.test('scripts are sent again when the server has forgotten them', async (t) => {
  const store = redisTokens(client(t), { prefix: 'forgotten:' })
  await server.command('SCRIPT', 'FLUSH')
  const version = await store.save(key, contractRecord(), undefined)
  await server.command('SCRIPT', 'FLUSH')
  t.ok(await store.delete(key, version))
})

t.test('a save that the client sends twice counts once', async (t) => {
  const redis = client(t)
  // What a client does that reconnects before the answer came.
  const twice = Object.create(redis, { evalsha: { value: async (...args: Parameters<Redis['evalsha']>) => {
    await redis.evalsha(...args)
    return redis.evalsha(...args)
  } } }) as Redis
  await redisTokens(redis, { prefix: 'twice:' }).withLock(key, undefined, async () => {})
  await redisTokens(redis, { prefix: 'twice:' }).save(contractKey(), contractRecord(), undefined)
  const store = redisTokens(twice, { prefix: 'twice:' })
  const version = await store.save(key, contractRecord(), undefined)
  t.equal((await store.load(key))?.version, version)
  t.same(await store.withLock(key, version, async () => 'ran'), { result: 'ran' })
})

t.test('what a newer version wrote is refused and stays; what the first version wrote is read', async (t) => {
  const redis = client(t)
  const store = redisTokens(redis, { prefix: 'versions:' })
  const [place, name] = [`versions:grants:${key.tenant}/${key.userId}`, 'github/default']
  const written = '0123456789012345678901{"v":1,"accessToken":"a","tokenType":"bearer","refreshToken":"r","expiresAt":5,"scopes":["s"],"requestedScopes":["s"],"createdAt":1,"updatedAt":2}'
  await redis.hset(place, name, written)
  t.same(await store.load(key), {
    record: { v: 1, accessToken: 'a', tokenType: 'bearer', refreshToken: 'r', expiresAt: 5, scopes: ['s'], requestedScopes: ['s'], createdAt: 1, updatedAt: 2 },
    version: '0123456789012345678901'
  })
  for (const bad of [written.replace('"v":1', '"v":2'), written.slice(0, 40), written.slice(0, 10), `${written.slice(0, 22)}null`, `${written.slice(0, 22)}{"v":1}`]) {
    await redis.hset(place, name, bad)
    await t.rejects(store.load(key), { code: 'CONSENTRY_ERR_RECORD_UNREADABLE' })
    t.equal(await store.save(key, contractRecord(), undefined), undefined)
    t.equal(await redis.hget(place, name), bad)
  }
})

t.test('R2: waiting for a lock has an end', async (t) => {
  const store = redisTokens(client(t), { lockTimeout: 50 })
  await store.withLock(key, undefined, async () => {
    await t.rejects(store.withLock(key, undefined, async () => t.fail('two at once')), { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE' })
  })
  t.same(await store.withLock(key, undefined, async () => 'free again'), { result: 'free again' })
})

t.test('P14: who joins asks twice, and who comes late once', async (t) => {
  const redis = client(t)
  let commands = 0
  const counting = redisTokens(new Proxy(redis, { get: (target, name) => name !== 'evalsha' ? Reflect.get(target, name) : (...args: Parameters<Redis['evalsha']>) => {
    commands++
    return redis.evalsha(...args)
  } }), { prefix: 'joins:' })
  const store = redisTokens(redis, { prefix: 'joins:' })
  await counting.ready()
  const seen = await store.save(key, contractRecord(), undefined)
  let joined: Promise<unknown> | undefined
  await store.withLock(key, seen, async () => {
    joined = counting.withLock(key, seen, async () => t.fail('the work was another\'s'))
    await new Promise((resolve) => { setTimeout(resolve, 40) })
    await store.save(key, contractRecord({ accessToken: 'new' }), seen)
  })
  t.match(await joined, { stored: { record: { accessToken: 'new' } } })
  t.equal(commands, 2)
  await counting.withLock(key, seen, async () => t.fail('the work was another\'s'))
  t.equal(commands, 3)
})

t.test('R2: a lease is renewed while the work runs', async (t) => {
  const [store, other] = [redisTokens(client(t), { lease: 150 }), redisTokens(client(t), { lease: 150 })]
  const steps: string[] = []
  let second: Promise<unknown> | undefined
  await store.withLock(key, undefined, async () => {
    second = other.withLock(key, undefined, async () => { steps.push('second') })
    await new Promise((resolve) => { setTimeout(resolve, 600) })
    steps.push('first')
  })
  await second
  t.same(steps, ['first', 'second'])
})

t.test('options', async (t) => {
  const redis = client(t)
  for (const options of [{ lease: 0 }, { timeout: -1 }, { lockTimeout: 1.5 }, { retention: 0 }, { retention: NaN }, { prefix: 1 as never }, { prefix: 'a}' }, { prefix: '{a}{b}' }, { encryption: { keys: [] } }]) {
    t.throws(() => redisTokens(redis, options), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
  }
  const odd = new Redis(server.port, '127.0.0.1', { keyPrefix: '}{', lazyConnect: true })
  t.throws(() => redisTokens(odd), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
})
