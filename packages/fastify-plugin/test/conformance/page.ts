import { conformancePlans, withoutCase, type ConformanceChapter } from '@consentry/testing'
import type { Run } from './run.ts'

/** The page of all cases, from what was seen. */
export function conformancePage (chapters: readonly ConformanceChapter[], runs: readonly Run[]): string {
  const asExpected = runs.filter(({ seen, expected }) => seen === expected).length
  return `# Conformance

<!-- Written by \`npm run docs:conformance\` from what the test saw. Do not edit. -->

What a provider may do, and what came of it. A local provider on [jose](https://github.com/panva/jose) serves each case under its name; a browser with a cookie jar signs in there and connects it, through the plugin and \`oidc()\` or \`oauth2()\` as an application has them. The cases are data in [packages/testing/src/conformance](../packages/testing/src/conformance), [conformance.test.ts](../packages/fastify-plugin/test/conformance.test.ts) runs them.

A refusal is a coded error, and silence: the first of the authorization, token and userinfo requests that is not made, nor any after it. There is no session then and no grant, unless "what is held stays". The page and the log hold no code, token, secret or text of the provider, in any case.

${chapters.reduce((sum, { cases }) => sum + cases.length, 0)} cases, ${runs.length} runs, ${asExpected} as expected.

## Test plans of the OpenID Foundation

These are our own cases, made after the Foundation's tests and named after them. They are no certification.

| plan | tests | with a case | without |
| --- | --- | --- | --- |
${conformancePlans.map(({ name, tests }) => planRow(name, tests, chapters)).join('\n')}

${chapters.map((chapter) => section(chapter, runs.filter(({ trial }) => trial.chapter === chapter))).join('\n\n')}
`
}

/** The Foundation's tests that have a case. */
export function testsWithCase (chapters: readonly ConformanceChapter[]): Set<string> {
  return new Set(chapters.flatMap(({ cases }) => cases.flatMap(({ oidf = [] }) => oidf)))
}

function planRow (name: string, tests: readonly string[], chapters: readonly ConformanceChapter[]): string {
  const known = testsWithCase(chapters)
  const missing = tests.filter((test) => !known.has(test)).map((test) => `\`${test}\`: ${withoutCase[test] ?? 'nobody knows why'}`)
  return `| \`${name}\` | ${tests.length} | ${tests.length - missing.length} | ${missing.join('; ')} |`
}

const titles = { signIn: 'sign-in', connect: 'connect' } as const
const heads = ['case', 'the provider', 'test of the Foundation', 'expected', 'seen', 'runs']

function section ({ title, rules = [], about, protocols, cases }: ConformanceChapter, runs: readonly Run[]): string {
  const rows = cases.map((each) => {
    const own = runs.filter(({ trial }) => trial.each === each)
    const tests = (each.oidf ?? []).map((test) => `\`${test}\``).join(', ')
    return [`\`${each.name}\``, each.does, tests, told(own, ({ expected }) => expected), told(own, ({ seen }) => seen), String(own.length)]
  })
  const table = [heads, heads.map(() => '---'), ...rows].map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
  const note = [`By ${protocols.map((protocol) => `\`${protocol}()\``).join(' and ')}.`, ...rules.length === 0 ? [] : [`Rules of [SECURITY.md](../SECURITY.md): ${rules.map((rule) => `\`${rule}\``).join(', ')}.`]]
  return `## ${title}\n\n${about} ${note.join(' ')}\n\n${table.join('\n')}`
}

/** What all runs have in common, or what each way had, by each protocol where those differ. */
function told (runs: readonly Run[], of: (run: Run) => string): string {
  const one = (some: readonly Run[]): string | undefined => new Set(some.map(of)).size === 1 && some[0] !== undefined ? of(some[0]) : undefined
  const ways = (['signIn', 'connect'] as const).map((way) => [titles[way], runs.filter((run) => run.way === way)] as const)
  return one(runs) ?? ways.map(([way, some]) => `${way}: ${one(some) ?? some.map((run) => `${run.trial.protocol}: ${of(run)}`).join(' but ')}`).join('; ')
}
