import { readFile } from 'node:fs/promises'
import t from 'tap'
import * as everything from '../src/index.ts'
import { vendors } from './vendors/all.ts'
import type { VendorCase } from './vendors/case.ts'

/** How long an access token holds, for people. */
function lifetime (seconds: number | undefined): string {
  if (seconds === undefined) return 'no end'
  const [size, unit] = [[86_400, 'd'], [3600, 'h'], [60, 'min']].find(([size]) => Math.round(seconds / Number(size) * 10) / 10 >= 1) as [number, string]
  return `${Math.round(seconds / size * 10) / 10} ${unit}`
}

const row = (name: string, { page, label, defaultScopes, tokens, refresh, revoke }: VendorCase) =>
  `| [\`${name}\`](${page}) | ${label} | ${defaultScopes.map((scope) => `\`${scope}\``).join(' ')} | ${lifetime(tokens.expiresIn)} | ${refresh} | ${revoke} |`

t.test('the table of the vendors is what the suite proves of them', async (t) => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const rows = readme.split('\n').filter((line) => /^\| \[`\w+`\]\(https:/.test(line))
  t.strictSame(rows, Object.entries(vendors).map(([name, vendor]) => row(name, vendor)))
})

t.test('every vendor of the suite is exported by its name', async (t) => {
  for (const name of Object.keys(vendors)) t.type((everything as Record<string, unknown>)[name], 'function', name)
})
