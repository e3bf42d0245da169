/** Of several measurements: the one in the middle, and between which the middle half is. */
export interface Spread {
  median: number
  lower: number
  upper: number
}

export function spread (values: readonly number[]): Spread {
  const [lower, median, upper] = quantiles(values, [0.25, 0.5, 0.75]) as [number, number, number]
  return { median, lower, upper }
}

/** The values below which these parts of all are. */
export function quantiles (values: readonly number[], parts: readonly number[]): number[] {
  const sorted = values.toSorted((one, other) => one - other)
  return parts.map((part) => quantile(sorted, part))
}

/** Between two values in proportion, as is usual. */
function quantile (sorted: readonly number[], part: number): number {
  const position = (sorted.length - 1) * part
  const below = sorted[Math.floor(position)] ?? Number.NaN
  const above = sorted[Math.ceil(position)] ?? Number.NaN
  return below + (above - below) * (position - Math.floor(position))
}
