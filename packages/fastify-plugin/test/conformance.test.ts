import { conformance, conformancePlans, createBrowser, withoutCase, type Browser } from '@consentry/testing'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { providerText, startApplication } from './conformance/application.ts'
import { conformancePage, testsWithCase } from './conformance/page.ts'
import { markOf } from './conformance/result.ts'
import { runTrial, type Run } from './conformance/run.ts'

t.setTimeout(600_000)
const file = fileURLToPath(new URL('../../../../docs/conformance.md', import.meta.url))
const application = await startApplication(t, conformance)
const runs: Run[] = []

const person = async (): Promise<Browser> => {
  const browser = createBrowser()
  await browser.open(`${application.url}/auth/login/home`)
  return browser
}

// Where a limit of time is tried there is nothing to do but wait, so all of these wait at once.
const waiting = application.trials.filter(({ each }) => each.client?.timeout !== undefined)
const queue = application.trials.filter((trial) => !waiting.includes(trial))
await Promise.all([
  ...waiting.map(async (trial) => { runs.push(...await runTrial(application, trial, await person())) }),
  ...Array.from({ length: 6 }, async () => {
    const browser = await person()
    for (let trial = queue.shift(); trial !== undefined; trial = queue.shift()) runs.push(...await runTrial(application, trial, browser))
  })
])

for (const chapter of conformance) {
  t.test([...chapter.rules ?? [], chapter.title].join(' '), async (t) => {
    for (const trial of application.trials.filter((trial) => trial.chapter === chapter)) {
      const own = runs.filter((run) => run.trial === trial)
      t.ok(own.length > 0)
      for (const { way, expected, seen } of own) t.equal(seen, expected, `${trial.name}, ${way}`)
    }
  })
}

t.test('no provider is asked anything once it is over', async (t) => {
  for (const trial of application.trials) t.same(markOf(trial.op), runs.findLast((run) => run.trial === trial)?.asked, trial.name)
})

t.test('B17: no code, token, secret or text of a provider is in the log', async (t) => {
  const log = application.log.text()
  const secrets = [application.home, ...application.trials.map(({ op }) => op)].flatMap(({ ledger }) => [...ledger.secrets])
  t.ok(secrets.length > 1000 && log.length > 0)
  for (const secret of [...secrets, application.clientSecret, providerText]) if (log.includes(secret)) t.fail(`the log holds ${secret}`)
})

t.test('every test of the plans has a case, or there is a reason', async (t) => {
  const known = testsWithCase(conformance)
  for (const test of conformancePlans.flatMap(({ tests }) => tests)) t.not(known.has(test), test in withoutCase, test)
})

t.test('docs/conformance.md is what was seen', async (t) => {
  const page = conformancePage(conformance, runs.toSorted((one, other) => application.trials.indexOf(one.trial) - application.trials.indexOf(other.trial)))
  if (process.argv.includes('--write')) await writeFile(file, page)
  t.equal(page, await readFile(file, 'utf8').catch(() => ''), 'else: npm run docs:conformance')
})
