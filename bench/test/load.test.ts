import Fastify from 'fastify'
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import t from 'tap'
import { insist } from '../src/insist.ts'
import { listen } from '../src/scenarios/http.ts'
import type { Question } from '../src/worker.ts'
import { load } from '../src/wrk.ts'

t.test('a row that fails is measured once more; when it fails again, it is said and left out', async (t) => {
  const { exitCode } = process
  t.teardown(() => { process.exitCode = exitCode })
  const said = t.capture(console, 'error')
  let times = 0
  const failing = (often: number) => async () => {
    times++
    if (times <= often) throw new Error('by accident')
    return 'measured'
  }
  t.equal(await insist('P1', failing(1)), 'measured')
  t.equal(process.exitCode, exitCode)
  times = 0
  t.equal(await insist('P2', failing(2)), undefined)
  t.equal(process.exitCode, 1)
  t.match(said().map(({ args }) => args[0]), [/^P1 failed, and is tried once more/, /^P2 failed, and is tried once more/, /^P2 failed, and is left out/])
})

t.test('a round that runs out of requests that count once has twice as many', { skip: spawnSync('wrk', ['--version']).error !== undefined && 'needs wrk' }, async (t) => {
  const app = Fastify()
  app.get('/', async () => 'ok')
  const server = await listen(app, { requests: () => [], check: () => {} })
  t.teardown(() => server.close())
  const asked: Array<number | undefined> = []
  const worker = (available: number) => ({
    async ask (question: Question) {
      if (question.ask !== 'requests') return 0
      asked.push(question.most)
      const count = Math.min(available, question.most ?? available)
      await writeFile(question.file, '/\n'.repeat(count))
      return count
    }
  })
  const once = { port: server.port, once: true }
  const { rate = 0 } = await load(worker(1_000_000), once, 1_000, 100)
  t.ok(rate > 650, 'more than a round at the rate that was guessed has')
  t.same(asked, asked.map((_, turn) => Math.ceil(100 * 2 ** turn * 1.5) + 500))
  t.ok(asked.length > 1)
  await t.rejects(load(worker(10), once, 1_000), /10 requests were too few/, 'and fails when there are no more')
})
