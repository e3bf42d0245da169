import { goalText, limitOf, middle, number, range } from './format.ts'
import type { Samples } from './measure.ts'
import type { Row } from './row.ts'
import { measured, ratio, verdict } from './verdict.ts'

/** A row as lines for the terminal. */
export function table (row: Row, samples: Samples): string {
  const limit = limitOf(row)
  const lines = row.variants.flatMap((variant) => Object.entries(row.metrics).map(([metric, { label, unit }]) => {
    const value = measured(samples, variant.name, metric)
    const share = limit === undefined ? '' : `${number(ratio(samples, [variant.name, metric], [limit.name, metric]).median)} × limit`
    return [variant.label, label, middle(value, unit), range(value), share]
  }))
  const widths = [0, 1, 2, 3].map((column) => Math.max(...lines.map((line) => (line[column] ?? '').length)))
  const body = lines.map((line) => `  ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
  const goals = row.goals.map((goal) => {
    const { value, met } = verdict(samples, goal)
    return `  ${met ? 'met   ' : 'MISSED'}  ${goalText(row, goal)}: ${number(value.median)} (${range(value)})`
  })
  return [`${row.id}  ${row.title}`, ...body, ...goals, ''].join('\n')
}
