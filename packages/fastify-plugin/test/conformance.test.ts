import { conformance, createBrowser } from '@consentry/testing'
import t from 'tap'
import { startApplication } from './conformance/application.ts'
import { runTrial, type Run } from './conformance/run.ts'

t.test('conformance', async (t) => {
  const application = await startApplication(t, conformance)
  const queue = [...application.trials]
  const runs: Run[] = []
  const worker = async (): Promise<void> => {
    const browser = createBrowser()
    await browser.open(`${application.url}/auth/login/home`)
    for (let trial = queue.shift(); trial !== undefined; trial = queue.shift()) runs.push(...await runTrial(application, trial, browser))
  }
  await Promise.all(Array.from({ length: 6 }, worker))
  for (const { trial, way, expected, seen } of runs) t.equal(seen, expected, `${trial.name}, ${way}`)
})
