import type { Goal, Row, Variant } from './row.ts'
import type { Spread } from './statistics.ts'

/** Three digits that count, in groups of thousands. */
export function number (value: number): string {
  const rounded = Number(value.toPrecision(3))
  // What is left of a measurement may be less than nothing.
  return (Object.is(rounded, -0) ? 0 : rounded).toLocaleString('en', { maximumFractionDigits: 6 })
}

/** The value in the middle, with its unit. */
export function middle ({ median }: Spread, unit = ''): string {
  return `${number(median)} ${unit}`.trimEnd()
}

/** Where the middle half is. */
export function range ({ lower, upper }: Spread): string {
  return `${number(lower)} to ${number(upper)}`
}

/** A goal in words. */
export function goalText (row: Row, { metric, variant = 'ours', to, toMetric = metric, atLeast, atMost }: Goal): string {
  const { label = metric, unit = '' } = row.metrics[metric] ?? {}
  const bound = atLeast === atMost ? `= ${number(atLeast ?? Number.NaN)}` : atLeast === undefined ? `≤ ${number(atMost ?? Number.NaN)}` : `≥ ${number(atLeast)}`
  const what = variant === 'ours' ? label : `${labelOf(row, variant)}, ${label}`
  const other = to === undefined ? unit : `× ${labelOf(row, to)}${toMetric === metric ? '' : `, ${row.metrics[toMetric]?.label ?? toMetric}`}`
  return `${what} ${bound} ${other}`.trimEnd()
}

/** The limit of a row, if it has one. */
export function limitOf ({ variants }: Row): Variant | undefined {
  return variants.find(({ role }) => role === 'limit')
}

function labelOf ({ variants }: Row, name: string): string {
  return variants.find((variant) => variant.name === name)?.label ?? name
}
