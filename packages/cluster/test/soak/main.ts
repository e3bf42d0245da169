import { parseArgs } from 'node:util'
import { soak } from './soak.ts'

const { values: { minutes, seed = String(Math.floor(Math.random() * 2 ** 31)) } } = parseArgs({ options: { minutes: { type: 'string', default: '60' }, seed: { type: 'string' } } })
const duration = Number(minutes) * 60_000
if (!(duration > 0) || !Number.isSafeInteger(Number(seed))) {
  console.error('npm run test:soak -- --minutes 60 --seed 1')
  process.exit(2)
}
console.log(`seed ${seed}, ${minutes} minutes`)
const summary = await soak({ seed: Number(seed), duration, log: (line) => { console.log(line) } })
console.log(JSON.stringify(summary, null, 2))
console.log(summary.wrong.length === 0 ? `all is well; the seed was ${seed}` : `${summary.wrong.length} faults; again with --seed ${seed}`)
process.exit(summary.wrong.length === 0 ? 0 : 1)
