import { goalText, limitOf, middle, number, range } from './format.ts'
import type { Samples } from './measure.ts'
import type { Results } from './results.ts'
import type { Row } from './row.ts'
import { measured, ratio, verdict } from './verdict.ts'

/** docs/performance.md, which says nothing that results.json does not. */
export function page (rows: readonly Row[], results: Results): string {
  const { date, commit, settings, machine, versions } = results
  const samplesOf = ({ id }: Row): Samples => results.rows[id] ?? {}
  const verdicts = rows.flatMap((row) => row.goals.map((goal) => verdict(samplesOf(row), goal)))
  return `# Performance

Written by \`npm run bench\` from [bench/results.json](../bench/results.json), which has every measurement. [bench](../bench/README.md) says how it measures and what it measures beside.

Each row is one piece of work, done in several ways: by the least code that does it, which is the limit; by libraries that applications use for it; and by Consentry, set up as an application would. In each round all of them are measured, one after the other. A figure is the median of the rounds, with the range of the middle half; a ratio is the median of the ratios within the rounds. Ratios are what counts: the figures are of one machine.

${machine.processor}, ${machine.cores} cores, ${machine.memory} GiB, ${machine.system}${machine.pinned ? '; what is measured has one core, what makes the load another' : '; processes were not kept on cores of their own'}. Node.js ${versions['node'] ?? ''}, ${settings.rounds} rounds of ${number(settings.duration / 1_000)} s, ${date.slice(0, 10)}, commit \`${commit}\`.

**${verdicts.filter(({ met }) => met).length} of ${verdicts.length} goals are met.**

| | | goal | measured | |
| --- | --- | --- | --- | --- |
${rows.flatMap((row) => row.goals.map((goal, index) => {
  const { value, met } = verdict(samplesOf(row), goal)
  return `| ${index === 0 ? `[${row.id}](#${anchor(row)})` : ''} | ${index === 0 ? row.title : ''} | ${goalText(row, goal)} | ${number(value.median)} (${range(value)}) | ${met ? 'met' : '**missed**'} |`
})).join('\n')}

![How fast each way is as a share of the limit, and what ours costs as a share of what the goal allows. The tables below have the figures.](performance-ratios.svg)

## How cost grows

What one more costs, when there are a thousand, ten thousand and a hundred thousand.

![What one request, execution or event costs at each size. The tables below have the figures.](performance-growth.svg)

${rows.filter(({ growth }) => growth !== undefined).map((row) => growthTable(row, results)).join('\n\n')}

## Rows

${rows.map((row) => `### ${heading(row)}

${row.method}

${rowTable(row, samplesOf(row))}`).join('\n\n')}

## Versions

${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ')}.

- better-auth runs on Node.js 20, though a package that it installs, kysely, asks for 22; it keeps its data in memory here.
- iron-session is measured in version 8: version 9 asks for Node.js 22.
- passport and better-auth have no callback here: what they make of it is another thing, without an ID token, or with a user in a database.
`
}

function heading ({ id, title }: Row): string {
  return `${id} ${title}`
}

/** As GitHub makes it of a heading. */
function anchor (row: Row): string {
  return heading(row).toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')
}

function rowTable (row: Row, samples: Samples): string {
  const limit = limitOf(row)
  const metrics = Object.entries(row.metrics)
  const lines = row.variants.map((variant) => {
    const cells = metrics.flatMap(([metric, { unit }]) => {
      const value = measured(samples, variant.name, metric)
      const cell = `${middle(value, unit)} (${range(value)})`
      return limit === undefined ? [cell] : [cell, number(ratio(samples, [variant.name, metric], [limit.name, metric]).median)]
    })
    return `| ${variant.role === 'ours' ? `**${variant.label}**` : variant.label} | ${cells.join(' | ')} |`
  })
  const heads = metrics.flatMap(([, { label }]) => limit === undefined ? [label] : [label, '× limit'])
  return [`| | ${heads.join(' | ')} |`, `| --- | ${heads.map(() => '---').join(' | ')} |`, ...lines].join('\n')
}

function growthTable (row: Row, { growth }: Results): string {
  const sizes = Object.entries(growth[row.id] ?? {})
  const metric = row.growth?.metric ?? ''
  const unit = row.metrics[metric]?.unit ?? ''
  const variants = row.variants.filter(({ role, name }) => role === 'limit' || name === 'ours')
  return [
    `| ${row.id}, ${row.growth?.of ?? ''} | ${sizes.map(([size]) => number(Number(size))).join(' | ')} |`,
    `| --- | ${sizes.map(() => '---').join(' | ')} |`,
    ...variants.map(({ name, label, role }) => `| ${role === 'ours' ? `**${label}**` : label} | ${sizes.map(([, samples]) => middle(measured(samples, name, metric), unit)).join(' | ')} |`)
  ].join('\n')
}
