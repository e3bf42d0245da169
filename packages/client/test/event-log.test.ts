import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import type { ExecutionEvent } from '../src/index.ts'
import { createEventLog, type EventLog, type EventReader } from '../src/event-log.ts'
import { event } from './hostile-server.ts'
import { brief } from './server.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const createLog = (): EventLog => createEventLog('x', () => {})
const progress = (seq: number): ExecutionEvent => event(seq, 'progress', { text: `step ${seq} of a long run that tells much of what it does` })

async function rest (read: EventReader): Promise<string[]> {
  const events = []
  for (let next = await read(); next !== undefined; next = await read()) events.push(next)
  return brief(events)
}

t.test('a long run costs no more memory than a short one, however it is read', async (t) => {
  const log = createLog()
  const reader = log.read(new AbortController().signal)
  let read = 0
  const reading = (async () => { while (await reader() !== undefined) read++ })()
  const used = async (upTo: number): Promise<number> => {
    for (let seq = log.seq + 1; seq <= upTo; seq++) {
      log.take(progress(seq))
      if (seq % 100 === 0) await setImmediate()
    }
    collect()
    return process.memoryUsage().heapUsed
  }
  const before = await used(2_000)
  const after = await used(200_000)
  t.ok(after - before < 5_000_000, `${after - before} bytes more`)
  log.take(event(200_001, 'completed', { result: 'done' }))
  await reading
  t.equal(read, 200_001, 'each event')
})

t.test('who is behind loses nothing; who comes late is told what is gone', async (t) => {
  const log = createLog()
  const behind = log.read()
  for (let seq = 1; seq <= 2_999; seq++) log.take(progress(seq))
  log.take(event(3_000, 'completed', { result: 'done' }))
  const all = await rest(behind)
  t.equal(all.length, 3_000)
  t.equal(all[0], '1 progress')
  const late = await rest(log.read())
  t.same(late.slice(0, 2), ['1-2000 missed', '2001 progress'])
  t.equal(late.length, 1_001)
  t.equal(late.at(-1), '3000 completed')
})

t.test('what the server no longer had and what is kept no longer are one gap after the other', async (t) => {
  const log = createLog()
  log.skipTo(500)
  for (let seq = 501; seq <= 1_500; seq++) log.take(progress(seq))
  t.same((await rest(endOf(log))).slice(0, 2), ['1-500 missed', '501 progress'])
  const more = createLog()
  more.skipTo(500)
  for (let seq = 501; seq <= 1_500; seq++) more.take(progress(seq))
  more.take(progress(1_501))
  t.same((await rest(endOf(more))).slice(0, 2), ['1-501 missed', '502 progress'])
})

function endOf (log: EventLog): EventReader {
  const read = log.read()
  log.end()
  return read
}
