import { parseArgs } from 'node:util'
import type { Settings } from './measure.ts'
import { rowIds } from './rows.ts'

export const usage = `npm run bench -- [rows] [--rounds 7] [--seconds 1]

Measures all rows, or those that are named: P1 P3. Only a run of all writes
bench/results.json, docs/performance.md and its plots. With --page nothing is
measured, and the page is written anew from bench/results.json.`

/** @throws Error for what cannot be understood */
export function readArguments (args: string[]): { chosen: readonly string[], settings: Settings, help: boolean, pageOnly: boolean } {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { rounds: { type: 'string', default: '7' }, seconds: { type: 'string', default: '1' }, help: { type: 'boolean', default: false }, page: { type: 'boolean', default: false } }
  })
  const whole = (name: 'rounds' | 'seconds'): number => {
    const value = Number(values[name])
    if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} must be a whole number, 1 or more`)
    return value
  }
  return {
    chosen: positionals.length === 0 ? rowIds : positionals.map((id) => id.toUpperCase()),
    settings: { rounds: whole('rounds'), duration: whole('seconds') * 1_000 },
    help: values.help,
    pageOnly: values.page
  }
}
