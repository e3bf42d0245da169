import type { Goal, Row } from './row.ts'

/** Three digits that count, in groups of thousands. */
export function number (value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: 3 })
}

/** A goal in words. */
export function goalText (row: Row, { metric, variant = 'ours', to, toMetric = metric, atLeast, atMost }: Goal): string {
  const { label = metric, unit = '' } = row.metrics[metric] ?? {}
  const bound = atLeast === undefined ? `≤ ${number(atMost ?? Number.NaN)}` : `≥ ${number(atLeast)}`
  const what = [variant === 'ours' ? undefined : labelOf(row, variant), label].filter(Boolean).join(', ')
  const against = to === undefined ? unit : `× ${[labelOf(row, to), toMetric === metric ? undefined : row.metrics[toMetric]?.label].filter(Boolean).join(', ')}`
  return `${what} ${bound} ${against}`.trimEnd()
}

function labelOf (row: Row, name: string): string {
  return row.variants.find((variant) => variant.name === name)?.label ?? name
}
