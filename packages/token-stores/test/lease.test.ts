import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { withLease, type GrantLease } from '../src/lease.ts'

const options = { lease: 300, lockTimeout: 1_000 }
/** Where it must still stand, on a machine that is busy. */
const long = { lease: 3_000, lockTimeout: 1_000 }

interface Home extends GrantLease {
  holder: string | undefined
  until: number
  /** How often it was taken or extended. */
  held: number
  away: boolean
}

/** One lease, by a clock that goes on while this process does not. */
function home (): Home {
  const lease: Home = {
    holder: undefined,
    until: 0,
    held: 0,
    away: false,
    take: (holder, ms) => lease.hold(holder, ms),
    async hold (holder, ms) {
      if (lease.away) throw new Error('away')
      if (lease.holder !== undefined && lease.holder !== holder && performance.now() < lease.until) return false
      lease.held++
      lease.holder = holder
      lease.until = performance.now() + ms
      return true
    },
    async release (holder) {
      if (lease.holder === holder) lease.holder = undefined
    }
  }
  return lease
}

/** Nothing else runs in this process. */
function block (ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

t.test('R2: who holds a lock that stands is told so, without asking for it anew', async (t) => {
  const lease = home()
  t.same(await withLease(lease, (stillHeld) => stillHeld(), options), { result: true })
  t.equal(lease.held, 1)
  t.equal(lease.holder, undefined)
})

t.test('R2: a process that was busy for longer than its lease is told, whether or not another took it meanwhile', async (t) => {
  for (const [name, meanwhile] of [['nobody', () => {}], ['another', (lease: Home) => { lease.holder = 'another'; lease.until = performance.now() + 200 }], ['another, for a moment', (lease: Home) => { lease.holder = undefined }]] as const) {
    const lease = home()
    await withLease(lease, async (stillHeld) => {
      block(400)
      meanwhile(lease)
      t.equal(await stillHeld(), false, name)
      await sleep(250)
      t.equal(await stillHeld(), false, `${name}, and that does not change`)
    }, options)
  }
})

t.test('R2: one that has little left is extended before anything is done with it', async (t) => {
  const lease = home()
  await withLease(lease, async (stillHeld) => {
    block(2_100)
    t.equal(await stillHeld(), true)
    t.ok(lease.until - performance.now() > 1_000)
  }, long)
})

t.test('R2: another took it though it should have stood: that is told', async (t) => {
  const lease = home()
  await withLease(lease, async (stillHeld) => {
    Object.assign(lease, { holder: 'another', until: Infinity })
    await sleep(150)
    t.equal(await stillHeld(), false)
  }, options)
  t.equal(lease.holder, 'another')
})

t.test('R5: while its server is away a lock stands for as long as it was given, and no longer', async (t) => {
  const lease = home()
  await withLease(lease, async (stillHeld) => {
    lease.away = true
    await sleep(1_500)
    t.equal(await stillHeld(), true)
    await sleep(1_600)
    t.equal(await stillHeld(), false)
    lease.away = false
    await sleep(1_100)
    t.equal(await stillHeld(), false)
  }, long)
})
