import type { StateWork } from './processes.ts'
import type { ContractState } from './types.ts'

/** What the module of a store exports for processes of their own. */
interface StoreModule {
  open: (config: unknown) => Promise<ContractState> | ContractState
}

const { module, config, name, rounds } = JSON.parse(process.argv[2] ?? '') as StateWork
const { open } = await import(module) as StoreModule
const state = await open(config)
const seqs: number[] = []
const fences: number[] = []

for (let round = 0; round < rounds; round++) {
  for (;;) {
    const value = await state.get(name) as string
    if (await state.compareAndSet(name, value, String(Number(value) + 1), 600_000)) break
  }
  seqs.push(await state.append(name, String(process.pid), { ttl: 600_000, limit: 10_000 }))
}
while (fences.length < 10) {
  const lock = await state.lock(name, 60_000)
  if (lock === undefined) continue
  fences.push(lock.fence)
  await lock.release()
}
process.stdout.write(JSON.stringify({ seqs, fences }), () => process.exit())
