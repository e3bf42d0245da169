import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { startChild } from '../child.ts'
import type { StateStoreContractOptions } from './types.ts'

/** What a process of the contract is told to do. */
export interface StateWork {
  module: string
  config: unknown
  name: string
  rounds: number
}

/** What has to hold between processes that write at once. */
export function stateAcrossProcesses (t: Test, open: StateStoreContractOptions['open'], { module, config }: NonNullable<StateStoreContractOptions['processes']>): void {
  void t.test('B8: processes that write at once lose nothing, and nobody is told what another was told', async (t) => {
    const state = await open()
    const [name, rounds, count] = [`processes-${process.pid}`, 100, 3]
    const work: StateWork = { module, config, name, rounds }
    await state.set(name, '0', 600_000)
    const told = await Promise.all(Array.from({ length: count }, async () => {
      // Without the loaders that the test runner gives to its children.
      const child = startChild(process.execPath, [fileURLToPath(new URL('worker.js', import.meta.url)), JSON.stringify(work)], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } })
      const exited = once(child, 'exit')
      const chunks: unknown[] = await child.stdout?.toArray() ?? []
      t.equal((await exited)[0], 0)
      return JSON.parse(Buffer.concat(chunks as Buffer[]).toString()) as { seqs: number[], fences: number[] }
    }))
    t.equal(await state.get(name), String(count * rounds), 'compare and set')
    const all = Array.from({ length: count * rounds }, (_, index) => index + 1)
    t.same(told.flatMap(({ seqs }) => seqs).toSorted((a, b) => a - b), all, 'appended')
    t.same((await state.read(name, 0)).map(({ seq }) => seq), all)
    t.ok(told.every(({ seqs }) => seqs.every((seq, index) => index === 0 || seq > (seqs[index - 1] as number))), 'in the order of each')
    const fences = told.flatMap((each) => each.fences)
    t.equal(new Set(fences).size, count * 10, 'every holder of the lock has a fence of its own')
  })
}
