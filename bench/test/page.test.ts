import { readFile } from 'node:fs/promises'
import t from 'tap'
import { publication, readResults } from '../src/publish.ts'
import { circumstances } from '../src/results.ts'
import type { Row, Sample } from '../src/row.ts'
import { rowIds, rowOf } from '../src/rows.ts'
import { quantiles, spread } from '../src/statistics.ts'
import { ratio, verdict } from '../src/verdict.ts'

t.test('medians, quartiles, ratios within rounds, verdicts', async (t) => {
  t.same(quantiles([4, 1, 3, 2], [0, 0.5, 1]), [1, 2.5, 4])
  t.same(spread([5, 1, 2, 4, 3]), { median: 3, lower: 2, upper: 4 })
  // The machine was slow in the second round, for both.
  const samples = { limit: [{ rate: 100 }, { rate: 10 }, { rate: 100 }], ours: [{ rate: 50 }, { rate: 5 }, { rate: 60 }] }
  t.same(ratio(samples, ['ours', 'rate'], ['limit', 'rate']), { median: 0.5, lower: 0.5, upper: 0.55 })
  t.equal(verdict(samples, { metric: 'rate', to: 'limit', atLeast: 0.5 }).met, true)
  t.equal(verdict(samples, { metric: 'rate', to: 'limit', atLeast: 0.51 }).met, false)
  t.equal(verdict(samples, { metric: 'rate', atMost: 49 }).met, false)
  t.equal(verdict(samples, { metric: 'elsewhere', atMost: 49 }).met, false, 'what was not measured is not met')
})

/** As if every way took twice as long as the one before it. */
function madeUp ({ variants, metrics }: Row): Record<string, Sample[]> {
  return Object.fromEntries(variants.map(({ name }, index) => [name, [Object.fromEntries(Object.entries(metrics).map(([metric, { better }]) => [metric, better === 'higher' ? 1_000 / 2 ** index : 2 ** index]))]]))
}

t.test('the page and its plots say what was measured, and have no gaps', async (t) => {
  const rows = await Promise.all(rowIds.map(rowOf))
  const texts = publication(rows, {
    ...circumstances({ rounds: 1, duration: 1_000 }),
    rows: Object.fromEntries(rows.map((row) => [row.id, madeUp(row)])),
    growth: Object.fromEntries(rows.flatMap((row) => row.growth === undefined ? [] : [[row.id, Object.fromEntries(row.growth.sizes.map((size) => [size, madeUp(row)]))]]))
  })
  for (const [name, text] of Object.entries(texts)) {
    t.notMatch(text, /NaN|undefined|Infinity/, `${name} has no gaps`)
    for (const { id, title } of rows) if (!name.includes('growth')) t.ok(text.includes(`${id} `) && text.includes(title), `${name} has ${id}`)
  }
  // Three ways by hand and by @fastify/jwt, then ours: an eighth of @fastify/jwt's cache is 1/8, and not 1.7.
  t.match(texts['docs/performance.md'], /requests ≥ 1\.7 × @fastify\/jwt with its cache \| 0\.125 \(0\.125 to 0\.125\) \| \*\*missed\*\*/)
  t.match(texts['docs/performance-ratios.svg'], /<desc id="desc">P1 {2}GET with a JWT that was seen before: bare Fastify 1;/)
  t.match(texts['docs/performance-growth.svg'], /prefers-color-scheme: dark/)
})

t.test('docs/performance.md and its plots are what the last run measured', async (t) => {
  const texts = publication(await Promise.all(rowIds.map(rowOf)), await readResults())
  for (const [name, text] of Object.entries(texts)) {
    t.equal(await readFile(new URL(`../../../${name}`, import.meta.url), 'utf8'), text, `${name}; else: npm run docs:performance`)
    t.notMatch(text, /NaN|undefined|Infinity/, name)
  }
})
