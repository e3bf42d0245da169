import v8 from 'node:v8'
import vm from 'node:vm'
import { createWorld, minute, rest } from './world.ts'

/** What it costs when many are asked and nobody answers. Written to the standard output as JSON. */
export interface Abandoned {
  count: number
  timersWaiting: number
  timersAfter: number
  bytesWaiting: number
  bytesAfter: number
  errors: number
}

v8.setFlagsFromString('--expose-gc')
const collect = vm.runInNewContext('gc') as () => void
const world = createWorld({ lifetime: minute })

async function heap (): Promise<number> {
  for (let turn = 0; turn < 3; turn++) {
    collect()
    await rest()
  }
  return process.memoryUsage().heapUsed
}

async function start (count: number, tag: string): Promise<void> {
  for (let from = 0; from < count; from += 1_000) {
    await Promise.all(Array.from({ length: 1_000 }, async (_, index) => {
      await world.executions.start({ tenant: 'default', userId: `${tag}-${from + index}` }, (execution) => execution.authorize('github'))
    }))
  }
  await rest()
  // What the test keeps for others to look at is not the point here.
  world.audits.length = 0
}

const count = 20_000
await start(1_000, 'first')
await world.clock.advance(30 * minute)
const base = await heap()
await start(count, 'user')
const timersWaiting = world.clock.timers
const waiting = await heap()
await world.clock.advance(90 * minute)
world.audits.length = 0
const after = await heap()
const result: Abandoned = {
  count,
  timersWaiting,
  timersAfter: world.clock.timers,
  bytesWaiting: Math.round((waiting - base) / count),
  bytesAfter: Math.round((after - base) / count),
  errors: world.errors.length
}
process.stdout.write(JSON.stringify(result))
