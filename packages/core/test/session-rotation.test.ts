import t from 'tap'
import { createClock } from '@consentry/testing'
import { memoryState } from '../src/memory-state.ts'
import type { StateStore } from '../src/ports.ts'
import { systemRandomBytes } from '../src/random.ts'
import { createSessions, type Sessions } from '../src/sessions.ts'
import { createWakeups } from '../src/wakeups.ts'
import { minute, rest } from './world.ts'

interface Data { groups: string[] }

const alice = { tenant: 'default', userId: 'alice' }
const staff: Data = { groups: ['staff'] }
const admins: Data = { groups: ['staff', 'admins'] }

/** Every call of the store may be held up, so that a sign-out happens in between. */
function bench () {
  const clock = createClock(1_700_000_000_000)
  const keys = new Set<string>()
  let calls = 0
  let before: ((call: number) => Promise<unknown>) | undefined
  const inner = memoryState({ clock })
  const held = async <T>(call: () => Promise<T>): Promise<T> => {
    const step = before
    if (step !== undefined) {
      before = undefined
      const number = calls++
      await step(number)
      before = step
    }
    return call()
  }
  const state: StateStore = {
    ...inner,
    get: (key) => held(() => inner.get(key)),
    take: (key) => held(() => inner.take(key)),
    set: (key, value, ttl) => { keys.add(key); return held(() => inner.set(key, value, ttl)) },
    compareAndSet: (key, expected, value, ttl) => { keys.add(key); return held(() => inner.compareAndSet(key, expected, value, ttl)) }
  }
  const node = (): Sessions<Data> => createSessions<Data>({ state, wakeups: createWakeups(state), clock, randomBytes: systemRandomBytes, idleLifetime: 30 * minute, absoluteLifetime: 120 * minute })
  return {
    clock,
    inner,
    node,
    /** What of sessions is in the store. */
    stored: async () => (await Promise.all([...keys].map(async (key) => [key, await inner.get(key)] as const))).filter(([, value]) => value !== undefined),
    /** Runs `step` before the call with this number, counted from now; resolves to whether it came to that. */
    during: async (at: number, doing: () => Promise<unknown>, step: () => Promise<unknown>): Promise<boolean> => {
      calls = 0
      before = async (call) => { if (call === at) await step() }
      await doing()
      before = undefined
      return calls > at
    }
  }
}

t.test('B19: a new secret and id; its names, its end and what is attached stay', async (t) => {
  const { node, clock } = bench()
  const sessions = node()
  const { secret, session } = await sessions.create(alice, staff, { names: ['sub', 'sid'], attachment: (id) => `sealed for ${id}` })
  const heard: string[] = []
  sessions.onRevoked(session.id, () => { heard.push('moved') })
  await rest()
  await clock.advance(20 * minute)
  const moved = await sessions.rotate(session.id, (id) => ({ data: admins, attachment: `sealed for ${id}` }))
  if (moved === undefined) throw new Error('it was not moved')
  await rest()
  t.same(heard, ['moved'], 'B20: who listens is told')
  t.not(moved.secret, secret)
  t.not(moved.session.id, session.id)
  t.same({ ...moved.session, id: session.id }, { ...session, data: admins, seenAt: clock.now() })
  t.equal(await sessions.find(secret), undefined, 'the old secret opens nothing')
  t.equal(await sessions.endOf(session.id), undefined)
  t.equal(await sessions.attachment(session.id), undefined)
  t.equal(await sessions.attachment(moved.session.id), `sealed for ${moved.session.id}`)
  t.same((await sessions.list(alice)).map(({ id }) => id), [moved.session.id])
  for (let look = 0; look < 4; look++) {
    await clock.advance(20 * minute)
    t.ok(await sessions.find(moved.secret))
  }
  await clock.advance(20 * minute)
  t.equal(await sessions.find(moved.secret), undefined, 'the absolute lifetime counts from the sign-in')
})

t.test('B19: whoever ends it by the id that it had before ends it, and one that is over does not come back', async (t) => {
  const { node } = bench()
  const sessions = node()
  const { session } = await sessions.create(alice, staff)
  const once = await sessions.rotate(session.id, () => ({ data: admins }))
  const twice = await sessions.rotate(once?.session.id ?? '', () => ({ data: staff }))
  t.equal((await sessions.revoke(session.id))?.id, twice?.session.id)
  t.equal(await sessions.find(twice?.secret ?? ''), undefined)
  t.equal(await sessions.rotate(twice?.session.id ?? '', () => ({ data: admins })), undefined)
  t.same(await sessions.list(alice), [])
})

for (const [name, signOut] of Object.entries({
  'by its id': (sessions: Sessions<Data>, id: string) => sessions.revoke(id),
  'of all of the owner\'s': (sessions: Sessions<Data>) => sessions.revokeAll(alice),
  'by a name': (sessions: Sessions<Data>) => sessions.revokeNamed('sub')
})) {
  t.test(`B19: a sign-out ${name} wins, whenever it comes`, async (t) => {
    let interrupted = true
    let steps = 0
    for (; interrupted; steps++) {
      const { node, during } = bench()
      const [one, two] = [node(), node()]
      const { secret, session } = await one.create(alice, staff, { names: ['sub'], attachment: () => 'tokens' })
      let moved: Awaited<ReturnType<Sessions<Data>['rotate']>>
      interrupted = await during(steps, async () => { moved = await one.rotate(session.id, () => ({ data: admins, attachment: 'tokens' })) }, () => signOut(two, session.id))
      if (!interrupted) break
      t.equal(await one.find(secret), undefined)
      t.equal(moved === undefined ? undefined : await one.find(moved.secret), undefined, `before step ${steps}`)
      t.same(await one.list(alice), [])
    }
    t.ok(steps > 5, `${steps} steps`)
  })

  t.test(`B19: and when the sign-out ${name} is the slower one`, async (t) => {
    let interrupted = true
    let steps = 0
    for (; interrupted; steps++) {
      const { node, during } = bench()
      const [one, two] = [node(), node()]
      const { session } = await one.create(alice, staff, { names: ['sub'] })
      let moved: Awaited<ReturnType<Sessions<Data>['rotate']>>
      interrupted = await during(steps, () => signOut(two, session.id), async () => { moved = await one.rotate(session.id, () => ({ data: admins })) })
      if (!interrupted) break
      t.equal(moved === undefined ? undefined : await one.find(moved.secret), undefined, `before step ${steps}`)
    }
    t.ok(steps > 0, `${steps} steps`)
  })
}

t.test('what is attached ends with the session, however it ends, and nothing brings it back', async (t) => {
  const { node, clock, stored } = bench()
  const sessions = node()
  const open = async () => (await sessions.create(alice, staff, { names: ['sub'], attachment: () => 'the tokens' })).session
  const left = async () => (await stored()).filter(([, value]) => value?.includes('the tokens')).length
  const one = await open()
  t.notOk('attachment' in (await sessions.list(alice))[0]!, 'a list does not show it')
  t.equal(await left(), 1)
  t.equal((await sessions.revoke(one.id))?.attachment, 'the tokens', 'who ends it is told')
  t.equal(await left(), 0)
  t.equal(await sessions.update(one.id, { data: staff, attachment: 'the tokens' }), false)
  t.equal(await left(), 0)
  await open()
  t.same((await sessions.revokeAll(alice)).map(({ attachment }) => attachment), ['the tokens'])
  await open()
  t.same((await sessions.revokeNamed('sub')).map(({ attachment }) => attachment), ['the tokens'])
  await open()
  await clock.advance(31 * minute)
  t.equal(await left(), 0, 'one that ran out')
  for (let count = 0; count < 103; count++) await open()
  t.equal(await left(), 100, 'the oldest of too many')
})

t.test('T16: who signs in a thousand times leaves nothing that grows', async (t) => {
  const { node, clock, inner } = bench()
  const sessions = node()
  const lists = async () => Promise.all(['sessions:default/alice', 'session-names:name/sub'].map(async (key) => (JSON.parse(await inner.get(key) ?? '[]') as unknown[]).length))
  for (let count = 0; count < 1000; count++) {
    await sessions.create(alice, staff, { names: ['sub', `sid-${count}`] })
    // Each runs out by itself, long before the lists do.
    await clock.advance(minute)
  }
  const most = Math.max(...await lists())
  t.ok(most <= 31, `${most} ids`)
  await clock.advance(31 * minute)
  t.same(await sessions.list(alice), [])
  t.same(await sessions.revokeNamed('sub'), [])
  t.same(await lists(), [0, 0], 'a look cleans up')
})
