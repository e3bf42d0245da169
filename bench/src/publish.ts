import { readFile, writeFile } from 'node:fs/promises'
import { growthChart } from './growth-chart.ts'
import { page } from './page.ts'
import { ratiosChart } from './ratios-chart.ts'
import type { Results } from './results.ts'
import type { Row } from './row.ts'

const root = new URL('../../../', import.meta.url)
const resultsFile = new URL('bench/results.json', root)

/** What a run is made into: file names from the root of the repository, and their texts. */
export function publication (rows: readonly Row[], results: Results): Readonly<Record<string, string>> {
  return {
    'docs/performance.md': page(rows, results),
    'docs/performance-ratios.svg': ratiosChart(rows, results),
    'docs/performance-growth.svg': growthChart(rows, results)
  }
}

export async function readResults (): Promise<Results> {
  return JSON.parse(await readFile(resultsFile, 'utf8')) as Results
}

/** A measurement to a line, so that two runs can be compared. */
export async function writeResults (results: Results): Promise<void> {
  await writeFile(resultsFile, `${JSON.stringify(results, (_name, value: unknown) => typeof value === 'number' ? Number(value.toPrecision(6)) : value, 1)}\n`)
}

export async function publish (rows: readonly Row[], results: Results): Promise<void> {
  for (const [name, text] of Object.entries(publication(rows, results))) await writeFile(new URL(name, root), text)
}
