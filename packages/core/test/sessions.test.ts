import t from 'tap'
import { createClock } from '@consentry/testing'
import { memoryState } from '../src/memory-state.ts'
import type { StateStore } from '../src/ports.ts'
import { systemRandomBytes } from '../src/random.ts'
import { createSessions } from '../src/sessions.ts'
import { createWakeups, type Wakeups } from '../src/wakeups.ts'
import { minute, rest } from './world.ts'

const alice = { tenant: 'default', userId: 'alice' }
const bob = { tenant: 'default', userId: 'bob' }

function bench () {
  const clock = createClock(1_700_000_000_000)
  const written: string[] = []
  const inner = memoryState({ clock })
  const state: StateStore = {
    ...inner,
    set: (key, value, ttl) => { written.push(key, value); return inner.set(key, value, ttl) },
    compareAndSet: (key, expected, value, ttl) => { written.push(key, String(expected), String(value)); return inner.compareAndSet(key, expected, value, ttl) }
  }
  const node = () => createSessions<{ userId: string }>({ state, wakeups: createWakeups(state), clock, randomBytes: systemRandomBytes, idleLifetime: 30 * minute, absoluteLifetime: 120 * minute })
  return { clock, written, node, sessions: node() }
}

t.test('create, find, revoke', async (t) => {
  const { sessions, clock } = bench()
  const { secret, session } = await sessions.create(alice, { userId: 'alice' })
  t.match(secret, /^[\w-]{43}$/)
  t.same(await sessions.find(secret), session)
  t.same([session.data, session.createdAt, session.expiresAt], [{ userId: 'alice' }, clock.now(), clock.now() + 120 * minute])
  t.equal(await sessions.find(session.id), undefined, 'the id opens nothing')
  t.equal(await sessions.find(''), undefined)
  t.not((await sessions.create(alice, { userId: 'alice' })).secret, secret)
  t.same(await sessions.revoke(session.id), session)
  t.equal(await sessions.revoke(session.id), undefined)
  t.equal(await sessions.find(secret), undefined)
})

t.test('what a node remembers of a session is what the store says now, and nobody can change it', async (t) => {
  const { node } = bench()
  const [here, there] = [node(), node()]
  const { secret, session } = await here.create(alice, { userId: 'alice' })
  const found = await here.find(secret)
  t.throws(() => { (found as { data: { userId: string } }).data.userId = 'bob' }, TypeError)
  t.same((await here.find(secret))?.data, { userId: 'alice' })
  await there.update(session.id, { data: { userId: 'alice, renamed' } })
  t.same((await here.find(secret))?.data, { userId: 'alice, renamed' })
  await there.revoke(session.id)
  t.equal(await here.find(secret), undefined)
})

t.test('the secret is nowhere in the store', async (t) => {
  const { sessions, written, clock } = bench()
  const { secret, session } = await sessions.create(alice, { userId: 'alice' })
  await clock.advance(10 * minute)
  await sessions.find(secret)
  t.ok(written.length > 2 && written.join().includes(session.id))
  t.notOk(written.join().includes(secret))
})

t.test('idle: it ends when it is not seen', async (t) => {
  const { sessions, clock } = bench()
  const { secret } = await sessions.create(alice, { userId: 'alice' })
  for (let visit = 0; visit < 3; visit++) {
    await clock.advance(29 * minute)
    t.ok(await sessions.find(secret), 'kept alive by being seen')
  }
  await clock.advance(30 * minute)
  t.equal(await sessions.find(secret), undefined)
})

t.test('absolute: it ends however often it is seen', async (t) => {
  const { sessions, clock } = bench()
  const { secret } = await sessions.create(alice, { userId: 'alice' })
  for (let visit = 0; visit < 11; visit++) {
    await clock.advance(10 * minute)
    t.ok(await sessions.find(secret))
  }
  await clock.advance(10 * minute)
  t.equal(await sessions.find(secret), undefined)
})

t.test('the lifetimes hold by the clock, whatever the store still has', async (t) => {
  const { sessions, clock } = bench()
  const one = await sessions.create(alice, { userId: 'alice' })
  clock.step(30 * minute)
  t.equal(await sessions.find(one.secret), undefined, 'idle')
  const two = await sessions.create(alice, { userId: 'alice' })
  for (let visit = 0; visit < 5; visit++) {
    clock.step(20 * minute)
    t.ok(await sessions.find(two.secret))
  }
  clock.step(20 * minute)
  t.equal(await sessions.find(two.secret), undefined, 'absolute')
})

t.test('a look is written down only from time to time', async (t) => {
  const { sessions, clock, written } = bench()
  const { secret } = await sessions.create(alice, { userId: 'alice' })
  const before = written.length
  await clock.advance(3 * minute)
  await sessions.find(secret)
  t.equal(written.length, before)
  await clock.advance(1)
  await sessions.find(secret)
  t.ok(written.length > before)
})

t.test('a look does not bring a revoked session back', async (t) => {
  const { sessions, clock } = bench()
  const { secret, session } = await sessions.create(alice, { userId: 'alice' })
  await clock.advance(10 * minute)
  await Promise.all([sessions.find(secret), sessions.revoke(session.id)])
  t.equal(await sessions.find(secret), undefined)
})

t.test('B20: who listens hears of the revocation, on whichever node', async (t) => {
  const { sessions, node } = bench()
  const elsewhere = node()
  const heard: string[] = []
  const { session } = await sessions.create(alice, { userId: 'alice' })
  const other = await sessions.create(bob, { userId: 'bob' })
  sessions.onRevoked(session.id, () => { heard.push('here') })
  sessions.onRevoked(session.id, () => { heard.push('here too') })
  const stop = sessions.onRevoked(session.id, () => { heard.push('not any more') })
  elsewhere.onRevoked(session.id, () => { heard.push('there') })
  elsewhere.onRevoked(other.session.id, () => { heard.push('bob') })
  stop()
  await rest()
  await sessions.revoke(session.id)
  await rest()
  t.same(heard.sort(), ['here', 'here too', 'there'])
})

t.test('an owner\'s sessions: listed, updated, ended all at once', async (t) => {
  const { node, clock } = bench()
  const [one, two] = [node(), node()]
  const first = await one.create(alice, { userId: 'alice' })
  const second = await two.create(alice, { userId: 'alice' })
  const other = await one.create(bob, { userId: 'bob' })
  t.same((await two.list(alice)).map(({ id }) => id), [first.session.id, second.session.id])
  t.equal(await two.update(first.session.id, { data: { userId: 'renamed' } }), true)
  t.same((await one.find(first.secret))?.data, { userId: 'renamed' })
  t.equal((await one.revokeAll(alice, second.session.id)).length, 1)
  t.equal(await one.find(first.secret), undefined)
  t.equal(await one.update(first.session.id, { data: { userId: 'alice' } }), false, 'an update brings nothing back')
  t.equal(await one.find(first.secret), undefined)
  t.ok(await one.find(second.secret), 'the one that was named')
  t.equal((await two.revokeAll(alice)).length, 1)
  t.same(await one.list(alice), [])
  t.ok(await one.find(other.secret), 'nobody else\'s')
  await clock.advance(31 * minute)
  t.same(await one.list(bob), [], 'one that ran out is not listed')
})

t.test('who signs in again and again has a hundred sessions at most, and loses the oldest', async (t) => {
  const { sessions } = bench()
  const all = []
  for (let count = 0; count < 103; count++) all.push(await sessions.create(alice, { userId: 'alice' }))
  t.equal((await sessions.list(alice)).length, 100)
  t.equal(await sessions.find(all[2]?.secret ?? ''), undefined)
  t.ok(await sessions.find(all[3]?.secret ?? ''))
})

t.test('sessions are found by their other names too', async (t) => {
  const { node } = bench()
  const [one, two] = [node(), node()]
  const first = await one.create(alice, { userId: 'alice' }, { names: ['sub', 'sid-1'] })
  const second = await one.create(alice, { userId: 'alice' }, { names: ['sub', 'sid-2'] })
  t.equal((await two.revokeNamed('sid-3')).length, 0)
  t.equal((await two.revokeNamed('sid-1')).length, 1)
  t.equal(await one.find(first.secret), undefined)
  t.ok(await one.find(second.secret))
  t.equal((await two.revokeNamed('sub')).length, 1)
  t.equal((await two.revokeNamed('sub')).length, 0, 'nothing is left under the name')
  t.same(await one.list(alice), [])
})

t.test('R6: who missed the revocation while cut off hears of it afterwards, and others hear nothing', async (t) => {
  const clock = createClock(1_700_000_000_000)
  const inner = memoryState({ clock })
  const missed: Array<() => void> = []
  const state: StateStore = { ...inner, publish: async () => {}, subscribe: async (channel, listener, onMissed) => {
    if (onMissed !== undefined) missed.push(onMissed)
    return inner.subscribe(channel, listener)
  } }
  const wakeups = createWakeups(state)
  const node = (wakeups: Wakeups) => createSessions<{ userId: string }>({ state, wakeups, clock, randomBytes: systemRandomBytes, idleLifetime: 30 * minute, absoluteLifetime: 120 * minute })
  const [sessions, elsewhere] = [node(wakeups), node(createWakeups(state))]
  const [ended, other] = [await sessions.create(alice, { userId: 'alice' }), await sessions.create(bob, { userId: 'bob' })]
  const heard: string[] = []
  sessions.onRevoked(ended.session.id, () => { heard.push('alice') })
  sessions.onRevoked(ended.session.id, () => { heard.push('not any more') })()
  sessions.onRevoked(other.session.id, () => { heard.push('bob') })
  await wakeups.ready()
  await elsewhere.revoke(ended.session.id)
  await rest()
  t.same(heard, [], 'the hint was lost')
  for (const tell of missed) tell()
  await rest()
  t.same(heard, ['alice'])
})
