import t from 'tap'
import { soak } from './soak/soak.ts'

t.setTimeout(240_000)

t.test('R18: faults of all kinds, in short: every flow has one outcome, and nothing leaks', async (t) => {
  const { wrong, runs, outcomes, exchanges, refreshes, faults } = await soak({ seed: 18, duration: 20_000, log: (line) => { t.comment(line) } })
  t.same(wrong, [])
  t.ok(runs > 0 && exchanges > 0 && refreshes > 0 && (outcomes['granted'] ?? 0) > 0, 'people got what they wanted, too')
  t.ok(Object.keys(faults).length > 1)
})
