import type { Test } from 'tap'
import { fresh, until } from './state-store-contract/helpers.ts'
import { hostileNames, hostileValues } from './state-store-contract/hostile.ts'
import { stateWithoutStore } from './state-store-contract/outage.ts'
import { stateAcrossProcesses } from './state-store-contract/processes.ts'
import type { ContractState, StateStoreContractOptions } from './state-store-contract/types.ts'

const minute = 60_000
const limits = { ttl: minute, limit: 3 }

/** What every state store has to do, whatever it is made of. */
export function stateStoreContract (t: Test, { open, processes, outage }: StateStoreContractOptions): void {
  void t.test('values: set, get and take', async (t) => {
    const [state, other] = [await open(), await open()]
    const key = fresh()
    t.equal(await state.get(key), undefined)
    t.equal(await state.take(key), undefined)
    await state.set(key, '1', minute)
    t.equal(await other.get(key), '1', 'on another node too')
    await other.set(key, '2', minute)
    const taken = await Promise.all(Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? state : other).take(key)))
    t.same(taken.filter((value) => value !== undefined), ['2'], 'one of many gets it')
    t.equal(await state.get(key), undefined)
  })

  void t.test('every value, log and lock has its own time', async (t) => {
    const state = await open()
    const [kept, shortened, extended, swapped, refused, log, lock] = [fresh(), fresh(), fresh(), fresh(), fresh(), fresh(), fresh()]
    const short = 1_000
    await Promise.all([
      state.set(kept, 'kept', minute),
      state.set(shortened, '1', minute).then(() => state.set(shortened, '2', short)),
      state.set(extended, '1', short).then(() => state.set(extended, '2', minute)),
      state.set(swapped, '1', minute).then(() => state.compareAndSet(swapped, '1', '2', short)),
      state.set(refused, '1', minute).then(() => state.compareAndSet(refused, 'x', '2', short)),
      state.append(log, '1', { ttl: minute, limit: 3 }).then(() => state.append(log, '2', { ttl: short, limit: 3 })),
      state.lock(lock, short)
    ])
    t.same(await Promise.all([shortened, swapped].map((key) => state.get(key))), ['2', '2'])
    await until(async () => await state.get(shortened) === undefined && await state.get(swapped) === undefined && (await state.read(log, 0)).length === 0)
    t.same(await Promise.all([kept, extended, refused].map((key) => state.get(key))), ['kept', '2', '1'])
    t.equal(await state.append(log, 'new', limits), 1, 'a log begins anew')
    await until(async () => await state.lock(lock, short) !== undefined)
    for (const ttl of [0, -1, Number.NaN]) {
      await state.set(kept, 'gone', ttl)
      t.equal(await state.get(kept), undefined, `a time to live of ${ttl}`)
    }
    for (const ttl of [Infinity, Number.MAX_SAFE_INTEGER, 0.5]) {
      await state.set(kept, 'there', ttl)
      if (ttl > 1) t.equal(await state.get(kept), 'there', `a time to live of ${ttl}`)
    }
  })

  void t.test('compare and set, and another value with it', async (t) => {
    const [state, other] = [await open(), await open()]
    const [key, first] = [fresh(), fresh()]
    const entry = { key: first, value: 'first', ttl: minute }
    t.notOk(await state.compareAndSetWith({ ...entry, key: fresh() }, key, 'x', '1', minute))
    t.equal(await other.get(key), undefined)
    t.ok(await state.compareAndSetWith(entry, key, undefined, '1', minute))
    t.same([await other.get(key), await other.get(first)], ['1', 'first'])
    t.ok(await state.compareAndSetWith({ ...entry, value: 'second' }, key, '1', '2', minute))
    t.notOk(await state.compareAndSetWith({ ...entry, value: 'third' }, key, '1', '3', minute))
    t.same([await other.get(key), await other.get(first)], ['2', 'first'], 'what is there stays')
    t.equal(await other.take(first), 'first')
    const nodes = [state, other, await open()]
    const won = await Promise.all(Array.from({ length: 30 }, (_, index) => (nodes[index % 3] as ContractState).compareAndSetWith({ ...entry, key: `${first}-${index}` }, key, '2', `by ${index}`, minute)))
    t.equal(won.filter(Boolean).length, 1)
    t.equal(await other.get(key), `by ${won.indexOf(true)}`)
    t.equal(await other.get(`${first}-${won.indexOf(true)}`), 'first', 'the winner has brought its own')
    const mark = { ...entry, key: `${first}-mark`, value: '' }
    const marked = await Promise.all(nodes.flatMap((node) => Array.from({ length: 10 }, async (_, index) => {
      const isWinner = await node.compareAndSetWith(mark, `${key}-marked`, undefined, `by ${index}`, minute)
      return isWinner ? other.get(mark.key) : undefined
    })))
    t.same(marked.filter((value) => value !== undefined), [''], 'all bring the same, and it is there for the one who wins')
    t.equal(await other.get(mark.key), '', 'and stays')
    t.ok(await state.compareAndSetWith({ ...entry, ttl: 300 }, key, `by ${won.indexOf(true)}`, '4', minute))
    t.equal(await other.get(key), '4')
    await until(async () => await other.get(first) === undefined)
    t.equal(await other.get(key), '4', 'each has a time of its own')
    t.ok(await state.compareAndSetWith({ ...entry, ttl: 0 }, key, '4', '5', minute))
    t.same([await other.get(key), await other.get(first)], ['5', undefined])
  })

  void t.test('compare and set', async (t) => {
    const state = await open()
    const key = fresh()
    t.notOk(await state.compareAndSet(key, 'x', '1', minute))
    t.notOk(await state.compareAndSet(key, '', '1', minute), 'nothing is not the empty string')
    t.ok(await state.compareAndSet(key, undefined, undefined, minute))
    t.ok(await state.compareAndSet(key, undefined, '', minute))
    t.notOk(await state.compareAndSet(key, undefined, '1', minute))
    t.ok(await state.compareAndSet(key, '', '1', minute))
    t.notOk(await state.compareAndSet(key, 'x', undefined, minute))
    t.ok(await state.compareAndSet(key, '1', '1', minute), 'to the same')
    t.ok(await state.compareAndSet(key, '1', undefined, 0))
    t.equal(await state.get(key), undefined)
  })

  void t.test('B8: of many that change a value at once one does, though all change it to the same', async (t) => {
    const nodes = await Promise.all([open(), open(), open()])
    for (const change of [(index: number) => String(index), () => 'the same']) {
      const key = fresh()
      await nodes[0].set(key, 'before', minute)
      const won = await Promise.all(Array.from({ length: 50 }, (_, index) => (nodes[index % 3] as ContractState).compareAndSet(key, 'before', change(index), minute)))
      t.equal(won.filter(Boolean).length, 1)
      t.equal(await nodes[1].get(key), change(won.indexOf(true)))
    }
  })

  void t.test('R10: logs: numbers without a gap, the newest entries, read after', async (t) => {
    const [state, other] = [await open(), await open()]
    const log = fresh()
    t.same(await state.read(log, 0), [])
    t.equal(await state.append(log, 'a', limits), 1)
    t.equal(await other.append(log, 'b', limits), 2)
    t.same(await state.read(log, 0), [{ seq: 1, value: 'a' }, { seq: 2, value: 'b' }])
    for (const value of ['c', 'd', 'e']) await state.append(log, value, limits)
    const newest = [{ seq: 3, value: 'c' }, { seq: 4, value: 'd' }, { seq: 5, value: 'e' }]
    t.same(await other.read(log, 0), newest)
    t.same(await state.read(log, -1), newest)
    t.same(await state.read(log, 3), newest.slice(1))
    t.same(await state.read(log, 2, 2), newest.slice(0, 2))
    t.same(await state.read(log, 2, Infinity), newest)
    t.same(await state.read(log, 5), [])
    t.same(await state.read(log, 99), [])
    t.equal(await state.append(log, 'f', { ttl: minute, limit: 1 }), 6)
    t.same(await state.read(log, 0), [{ seq: 6, value: 'f' }])
    t.equal(await state.append(log, 'g', limits), 7, 'the count goes on')
  })

  void t.test('R2: an entry goes after the one that its writer knows, or nowhere', async (t) => {
    const state = await open()
    const log = fresh()
    t.equal(await state.append(log, 'a', { ...limits, after: 0 }), 1)
    t.equal(await state.append(log, 'late', { ...limits, after: 0 }), 0)
    t.equal(await state.append(log, 'b', { ...limits, after: 1 }), 2)
    t.equal(await state.append(log, 'late', { ...limits, after: 0 }), 0)
    t.same((await state.read(log, 0)).map(({ value }) => value), ['a', 'b'])
    t.equal(await state.append(log, 'd', { ...limits, after: 3 }), 4, 'what the store lost does not stop the writer')
    t.equal((await state.read(log, 2)).at(-1)?.value, 'd')
    const nodes = await Promise.all([open(), open(), open()])
    const seqs = await Promise.all(Array.from({ length: 30 }, (_, index) => (nodes[index % 3] as ContractState).append(log, 'the same', { ...limits, after: 4 })))
    t.same(seqs.filter((seq) => seq !== 0), [5], 'one of many')
  })

  void t.test('R5: after the last entry nothing comes, whatever number its writer would give it', async (t) => {
    const [state, other] = [await open(), await open()]
    const log = fresh()
    await state.append(log, 'a', { ...limits, after: 0 })
    const ends = await Promise.all(Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? state : other).append(log, 'end', { ...limits, last: true })))
    t.same(ends.filter((seq) => seq !== 0), [2], 'one of many')
    // Its writer knows of entries that the store has lost.
    t.equal(await other.append(log, 'late', { ...limits, after: 7 }), 0)
    t.equal(await other.append(log, 'late', { ...limits, after: 2, last: true }), 0)
    t.equal(await state.append(log, 'late', limits), 0)
    t.same(await other.read(log, 0), [{ seq: 1, value: 'a' }, { seq: 2, value: 'end' }])
  })

  void t.test('many append at once: every number once, and each reader sees the order of the numbers', async (t) => {
    const nodes = await Promise.all([open(), open(), open()])
    const log = fresh()
    const seqs = await Promise.all(Array.from({ length: 300 }, (_, index) => (nodes[index % 3] as ContractState).append(log, String(index), { ttl: minute, limit: 1_000 })))
    t.same(seqs.toSorted((a, b) => a - b), Array.from({ length: 300 }, (_, index) => index + 1))
    const entries = await nodes[0].read(log, 0)
    t.same(entries.map(({ seq }) => seq), Array.from({ length: 300 }, (_, index) => index + 1))
    t.ok(entries.every(({ seq, value }) => seqs[Number(value)] === seq), 'each at the place that its writer was told')
  })

  void t.test('R2: a lock has one holder, and is renewed and released by its holder alone', async (t) => {
    const [state, other] = [await open(), await open()]
    const name = fresh()
    const first = await state.lock(name, minute)
    t.equal(await other.lock(name, minute), undefined)
    t.ok(await first?.renew(1))
    let second = await other.lock(name, minute)
    while (second === undefined) second = await other.lock(name, minute)
    t.ok(first !== undefined && second.fence > first.fence)
    t.equal(await first?.renew(minute), false)
    await first?.release()
    t.equal(await state.lock(name, minute), undefined, 'the late one released nothing')
    await second.release()
    await second.release()
    t.equal(await second.renew(minute), false)
    const third = await state.lock(name, minute)
    t.ok(third !== undefined && third.fence > second.fence)
    t.ok(Number.isSafeInteger(third?.fence))
    const all = await Promise.all(Array.from({ length: 20 }, () => other.lock(`${name}!`, minute)))
    t.equal(all.filter((lock) => lock !== undefined).length, 1, 'one of many')
  })

  void t.test('messages reach who listens now, on every node', async (t) => {
    const [state, other] = [await open(), await open()]
    const channel = fresh()
    const heard: Array<[string, string]> = []
    const stop = await state.subscribe(channel, (message) => { heard.push(['one', message]) })
    await other.subscribe(channel, (message) => { heard.push(['two', message]) })
    await other.subscribe(`${channel}*`, () => t.fail('a pattern'))
    for (let index = 0; index < 100; index++) await state.publish(channel, `${index} \0 \u{1F511}`)
    await until(async () => heard.length === 200)
    for (const name of ['one', 'two']) t.same(new Set(heard.filter(([who]) => who === name).map(([, message]) => message)), new Set(Array.from({ length: 100 }, (_, index) => `${index} \0 \u{1F511}`)))
    await stop()
    await stop()
    await state.publish(channel, 'last')
    await until(async () => heard.length > 200)
    t.same(heard.slice(200), [['two', 'last']])
    const again = new Promise<string>((resolve, reject) => { state.subscribe(channel, resolve).then(() => state.publish(channel, 'again')).catch(reject) })
    t.equal(await again, 'again')
  })

  void t.test('hostile names are names like others', async (t) => {
    const state = await open()
    const prefix = fresh()
    const all = hostileNames.map((name) => `${prefix}${name}`)
    for (const name of all) {
      await state.set(name, `value of ${name}`, minute)
      await state.append(name, `entry of ${name}`, limits)
      await state.lock(name, minute)
    }
    for (const name of all) {
      const shown = encodeURIComponent(name.slice(0, 40))
      t.equal(await state.get(name), `value of ${name}`, shown)
      t.same(await state.read(name, 0), [{ seq: 1, value: `entry of ${name}` }], shown)
      t.equal(await state.lock(name, minute), undefined, shown)
      t.ok(await state.compareAndSet(name, `value of ${name}`, 'changed', minute), shown)
    }
    await state.take(`${prefix}*`)
    t.equal(await state.get(`${prefix}a`), 'changed')
  })

  void t.test('values come back as they were', async (t) => {
    const state = await open()
    const key = fresh()
    for (const value of hostileValues) {
      const shown = encodeURIComponent(value.slice(0, 20))
      await state.set(key, value, minute)
      t.ok(await state.get(key) === value, shown)
      t.ok(await state.compareAndSet(key, value, `${value}!`, minute), shown)
      t.ok(await state.take(key) === `${value}!`, shown)
      const seq = await state.append(key, value, limits)
      t.ok((await state.read(key, seq - 1))[0]?.value === value, shown)
    }
  })

  if (outage !== undefined) stateWithoutStore(t, open, outage)
  if (processes !== undefined) stateAcrossProcesses(t, open, processes)
}
