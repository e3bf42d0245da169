import type { Row } from './row.ts'
import { row as p08 } from './scenarios/p08-waiting-executions.ts'
import { row as p10 } from './scenarios/p10-flows-per-second.ts'

/** All that is measured, in the order of docs/performance.md. */
export const rows: readonly Row[] = [p08, p10]

/** @throws Error when there is no such row */
export function rowOf (id: string): Row {
  const found = rows.find((row) => row.id === id)
  if (found === undefined) throw new Error(`there is no row ${id}: ${rows.map((row) => row.id).join(', ')}`)
  return found
}

/** @throws Error when the row has no such variant */
export function variantOf (row: Row, name: string): Row['variants'][number] {
  const found = row.variants.find((variant) => variant.name === name)
  if (found === undefined) throw new Error(`${row.id} has no variant ${name}`)
  return found
}
