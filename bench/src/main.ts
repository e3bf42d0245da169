import { readArguments, usage } from './arguments.ts'
import { hasCores, moveTo } from './cores.ts'
import { measureGrowth } from './growth.ts'
import { insist } from './insist.ts'
import { measure, type Samples } from './measure.ts'
import { publish, readResults, writeResults } from './publish.ts'
import { circumstances, type Results } from './results.ts'
import { rowIds, rowOf } from './rows.ts'
import { table } from './table.ts'
import { wantWrk } from './wrk.ts'

const { chosen, settings, help, pageOnly } = readArguments(process.argv.slice(2))
if (help) {
  console.log(usage)
  process.exit()
}
const all = await Promise.all(rowIds.map(rowOf))
if (pageOnly) {
  await publish(all, await readResults())
  process.exit()
}

wantWrk()
if (!hasCores) console.log('Processes cannot be kept on cores of their own here: the figures are less certain.\n')
moveTo('load')
const began = circumstances(settings)
const rows: Record<string, Samples> = {}
for (const row of await Promise.all(chosen.map(rowOf))) {
  const samples = await insist(row.id, () => measure(row, settings))
  if (samples === undefined) continue
  rows[row.id] = samples
  console.log(table(row, samples))
}

if (Object.keys(rows).length === rowIds.length) {
  const growth: Record<string, Record<string, Samples>> = {}
  const growing = all.filter((row) => row.growth !== undefined)
  for (const row of growing) {
    console.log(`How the cost of ${row.id} grows …`)
    const found = await insist(row.id, () => measureGrowth(row, settings))
    if (found !== undefined) growth[row.id] = found
  }
  if (Object.keys(growth).length === growing.length) {
    const results: Results = { ...began, rows, growth }
    await writeResults(results)
    await publish(all, await readResults())
    console.log('Written: bench/results.json, docs/performance.md, docs/performance-ratios.svg, docs/performance-growth.svg')
  }
}
