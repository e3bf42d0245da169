import { conformance, conformancePlans, createBrowser, withoutCase } from '@consentry/testing'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { providerText, startApplication } from './conformance/application.ts'
import { conformancePage, testsWithCase } from './conformance/page.ts'
import { runTrial, type Run } from './conformance/run.ts'

t.setTimeout(240_000)
const file = fileURLToPath(new URL('../../../../docs/conformance.md', import.meta.url))
const application = await startApplication(t, conformance)
const runs: Run[] = []

/** So many people at once, each with a browser and signed in elsewhere. */
const people = await Promise.all(Array.from({ length: 6 }, async () => {
  const browser = createBrowser()
  await browser.open(`${application.url}/auth/login/home`)
  return browser
}))

for (const chapter of conformance) {
  t.test([...chapter.rules ?? [], chapter.title].join(' '), async (t) => {
    const trials = application.trials.filter((trial) => trial.chapter === chapter)
    const queue = [...trials]
    await Promise.all(people.map(async (browser) => {
      for (let trial = queue.shift(); trial !== undefined; trial = queue.shift()) runs.push(...await runTrial(application, trial, browser))
    }))
    for (const trial of trials) {
      for (const { way, expected, seen } of runs.filter((run) => run.trial === trial)) t.equal(seen, expected, `${trial.name}, ${way}`)
    }
  })
}

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
