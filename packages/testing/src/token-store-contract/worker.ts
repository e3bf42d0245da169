import { appendFile } from 'node:fs/promises'
import type { Work } from './processes.ts'
import type { ContractKey, ContractStore } from './types.ts'

/** What the module of a store exports for processes of their own. */
interface StoreModule {
  open: (config: unknown) => Promise<ContractStore> | ContractStore
}

/** Adds one to a number in the store, until nobody was faster. */
async function increment (store: ContractStore, key: ContractKey): Promise<void> {
  for (;;) {
    const found = await store.load(key)
    if (found === undefined) throw new Error('there is no record')
    const record = { ...found.record, accessToken: String(Number(found.record.accessToken) + 1) }
    if (await store.save(key, record, found.version) !== undefined) return
  }
}

const work = JSON.parse(process.argv[2] ?? '') as Work
const { open } = await import(work.module) as StoreModule
const store = await open(work.config)

if (work.job === 'count') for (let round = 0; round < work.rounds; round++) await increment(store, work.key)

if (work.job === 'lock') {
  for (let round = 0; round < work.rounds; round++) {
    await store.withLock(work.key, undefined, async () => {
      await appendFile(work.ledger, `${process.pid} in\n`)
      await appendFile(work.ledger, `${process.pid} out\n`)
    })
  }
}

if (work.job === 'sleep') {
  // Reads, is stopped from outside for longer than the lease, and goes on as if nothing had been.
  const found = await store.load(work.key)
  await store.withLock(work.key, found?.version, async () => {
    process.stdout.write('holding\n')
    await new Promise((resolve) => { process.stdin.once('data', resolve) })
    const record = { ...found?.record, accessToken: 'from the one who slept' } as never
    const version = await store.save(work.key, record, found?.version)
    process.stdout.write(version === undefined ? 'too late\n' : 'saved\n')
  })
}

await store.close?.()
process.exit()
