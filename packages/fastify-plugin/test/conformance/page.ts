import { conformancePlans, withoutCase, type ConformanceChapter } from '@consentry/testing'
import type { Run } from './run.ts'

/** The page of all cases, from what was seen. */
export function conformancePage (chapters: readonly ConformanceChapter[], runs: readonly Run[]): string {
  const asExpected = runs.filter(({ seen, expected }) => seen === expected).length
  return `# Conformance

<!-- Written by \`npm run docs:conformance\` from what the test saw. Do not edit. -->

An authorization server may be broken, taken over, or simply odd. This page lists what one may do, and what an application with this library makes of it.

A local provider on [jose](https://github.com/panva/jose) serves each case under its name. A browser with a cookie jar goes there in two ways: it **signs in**, and it **connects** the provider for a run of the application that waits. Plugin, \`oidc()\` and \`oauth2()\` are those that an application has; nothing stands in for them. The cases are data in [packages/testing/src/conformance](../packages/testing/src/conformance), [conformance.test.ts](../packages/fastify-plugin/test/conformance.test.ts) runs them and fails when this page is not what it saw.

${chapters.reduce((sum, { cases }) => sum + cases.length, 0)} cases, ${runs.length} runs, ${asExpected} as expected.

## How to read the tables

| column | what it says |
| --- | --- |
| case | its name, which is that of the provider too |
| the provider | what it does; all the rest is as it should be |
| test of the Foundation | the tests of the OpenID Foundation that do the same |
| expected, seen | what must come of it, and what came. Where sign-in and connect differ, both |
| runs | how often it was tried: by each way, with each of \`oidc()\` and \`oauth2()\` that the chapter is about |

What comes of it is one of these:

- **accepted**: the person is signed in, the run goes on with the grant of the right account, or the provider has ended a grant that was disconnected. "Account unknown": with a grant of which nobody told whose it is.
- **asked again**: what was granted is not enough or is over, and the run asks the person anew.
- **a code** of [errors.md](errors.md), and silence from there on. "Nobody sent there": not even the browser gets to the provider. "No token request": the code is not sent. "No userinfo request": the tokens are not used. "Nothing kept": all was asked, and thrown away. In each case nothing that comes later happens either, there is no session, and no grant is stored, unless "what is held stays": a session or a grant of before, as it was.
- **again in** so many seconds: what the page tells the person to wait.

In every case the page and the log hold no code, token, secret or text of the provider, no code is sent twice, and nothing is asked of a place that the application or the discovery document did not name. After an authorization response that was not the right one, the right one still counts.

## Chapters

| chapter | cases | rules of [SECURITY.md](../SECURITY.md) |
| --- | --- | --- |
${chapters.map(({ title, cases, rules = [] }) => `| [${title}](#${title.toLowerCase().replaceAll(' ', '-')}) | ${cases.length} | ${rules.map((rule) => `\`${rule}\``).join(', ')} |`).join('\n')}

## Test plans of the OpenID Foundation

The Foundation [certifies](https://openid.net/certification/connect_rp_testing/) clients by plans of tests, which its [conformance suite](https://gitlab.com/openid/conformance-suite) runs. These are our own cases, made after those tests and named after them. They are no certification.

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
  return `## ${title}\n\n${linked(about)} ${note.join(' ')}\n\n${table.join('\n')}`
}

const specifications: ReadonlyArray<readonly [name: string, url: string]> = [
  ['OpenID Connect Core', 'https://openid.net/specs/openid-connect-core-1_0.html'],
  ['OpenID Connect Discovery 1.0', 'https://openid.net/specs/openid-connect-discovery-1_0.html'],
  ['OpenID Connect Back-Channel Logout 1.0', 'https://openid.net/specs/openid-connect-backchannel-1_0.html'],
  ['OpenID Connect RP-Initiated Logout 1.0', 'https://openid.net/specs/openid-connect-rpinitiated-1_0.html'],
  ['FAPI 2.0 Security Profile', 'https://openid.net/specs/fapi-security-profile-2_0-final.html']
]

/** With links to the specifications that it names. */
function linked (text: string): string {
  const withRfcs = text.replace(/RFC (\d+)(?: section ([\d.]*\d))?/g, (name, rfc: string, part?: string) =>
    `[${name}](https://www.rfc-editor.org/rfc/rfc${rfc}${part === undefined ? '' : `#section-${part}`})`)
  return specifications.reduce((told, [name, url]) => told.replaceAll(name, `[${name}](${url})`), withRfcs)
}

/** What all runs have in common, or what each way had, by each protocol where those differ. */
function told (runs: readonly Run[], of: (run: Run) => string): string {
  const one = (some: readonly Run[]): string | undefined => new Set(some.map(of)).size === 1 && some[0] !== undefined ? of(some[0]) : undefined
  const ways = (['signIn', 'connect'] as const).map((way) => [titles[way], runs.filter((run) => run.way === way)] as const)
  return one(runs) ?? ways.map(([way, some]) => `${way}: ${one(some) ?? some.map((run) => `${run.trial.protocol}: ${of(run)}`).join(' but ')}`).join('; ')
}
