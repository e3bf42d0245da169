import { readArguments, usage } from './arguments.ts'
import { hasCores, moveTo } from './cores.ts'
import { measure } from './measure.ts'
import { rowOf } from './rows.ts'
import { table } from './table.ts'

const { chosen, settings, help } = readArguments(process.argv.slice(2))
if (help) {
  console.log(usage)
  process.exit()
}

if (!hasCores) console.log('Processes cannot be kept on cores of their own here: the figures are less certain.\n')
moveTo('load')
for (const row of await Promise.all(chosen.map(rowOf))) console.log(table(row, await measure(row, settings)))
