import { measure, type Samples, type Settings } from './measure.ts'
import type { Row, Surroundings } from './row.ts'

/** Enough to see where a line goes. */
const rounds = 2

/** Measures what the limit and ours cost at each size of a row, the largest last. By size. */
export async function measureGrowth (row: Row, settings: Settings): Promise<Record<string, Samples>> {
  const found: Record<string, Samples> = {}
  const variants = row.variants.filter(({ role }) => role !== 'peer')
  for (const size of row.growth?.sizes ?? []) {
    found[size] = await measure({ ...row, variants }, { ...settings, rounds }, { size } satisfies Partial<Surroundings>)
  }
  return found
}
