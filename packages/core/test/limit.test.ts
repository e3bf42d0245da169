import t from 'tap'
import { createLimit } from '../src/limit.ts'
import { codeOf, rest } from './world.ts'

t.test('R12: so many at once, the others in turn, and beyond that a refusal', async (t) => {
  const limit = createLimit({ atOnce: 2, waiting: 3 })
  const done: number[] = []
  const release: Array<() => void> = []
  const work = (n: number) => limit.run(async () => {
    await new Promise<void>((resolve) => { release.push(resolve) })
    done.push(n)
  })
  const accepted = [0, 1, 2, 3, 4].map(work)
  t.equal(release.length, 2)
  t.equal(await codeOf(work(5)), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE')
  for (let n = 0; n < 5; n++) {
    release.shift()?.()
    await rest(1)
    t.equal(release.length, Math.min(2, 4 - n))
  }
  await Promise.all(accepted)
  t.same(done, [0, 1, 2, 3, 4])
})

t.test('R12: a failure gives its place back', async (t) => {
  const limit = createLimit({ atOnce: 1, waiting: 0 })
  await t.rejects(limit.run(async () => { throw new Error('failed') }), { message: 'failed' })
  t.equal(await limit.run(async () => 'next'), 'next')
})
