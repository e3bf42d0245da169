import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { contractKey, contractRecord } from './records.ts'
import type { ContractKey, TokenStoreContractOptions } from './types.ts'

/** What a process of the contract is told to do. */
export interface Work {
  module: string
  config: unknown
  job: 'count' | 'lock' | 'sleep'
  key: ContractKey
  rounds: number
  ledger: string
}

/** What has to hold between processes, of which some are stopped. */
export function acrossProcesses (t: Test, open: TokenStoreContractOptions['open'], { module, config }: NonNullable<TokenStoreContractOptions['processes']>): void {
  const start = (job: Work['job'], key: ContractKey, ledger = '', rounds = 5): ChildProcess => {
    const work: Work = { module, config, job, key, rounds, ledger }
    // Without the loaders that the test runner gives to its children.
    return spawn(process.execPath, [fileURLToPath(new URL('worker.js', import.meta.url)), JSON.stringify(work)], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } })
  }

  void t.test('R2: processes that write at once lose nothing', async (t) => {
    const store = await open()
    const key = contractKey()
    await store.save(key, contractRecord({ accessToken: '0' }), undefined)
    const codes = await Promise.all(Array.from({ length: 3 }, async () => (await once(start('count', key), 'exit'))[0] as number))
    t.same(codes, [0, 0, 0])
    t.equal((await store.load(key))?.record.accessToken, '15')
  })

  void t.test('withLock: processes are in it one at a time', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'consentry-ledger-'))
    const ledger = join(folder, 'ledger')
    const codes = await Promise.all(Array.from({ length: 3 }, async () => (await once(start('lock', contractKey({ userId: 'the same' }), ledger), 'exit'))[0] as number))
    t.same(codes, [0, 0, 0])
    const lines = (await readFile(ledger, 'utf8')).trimEnd().split('\n')
    await rm(folder, { recursive: true })
    t.equal(lines.length, 30)
    for (let index = 0; index < lines.length; index += 2) {
      const [pid] = (lines[index] as string).split(' ')
      t.same(lines.slice(index, index + 2), [`${pid} in`, `${pid} out`])
    }
  })

  void t.test('R2: a holder that sleeps through its lease loses the lock, cannot give back the next one\'s, and saves nothing', async (t) => {
    const store = await open()
    const key = contractKey()
    const seen = await store.save(key, contractRecord({ accessToken: 'before' }), undefined)
    const child = start('sleep', key)
    const said = lines(child)
    t.equal(await said(), 'holding')
    child.kill('SIGSTOP')
    const steps: string[] = []
    let third: Promise<unknown> | undefined
    await store.withLock(key, seen, async () => {
      steps.push('second in')
      const saved = await store.save(key, contractRecord({ accessToken: 'from the second' }), seen)
      const exited = once(child, 'exit')
      child.stdin?.write('go on\n')
      child.kill('SIGCONT')
      t.equal(await said(), 'too late')
      t.equal((await exited)[0], 0)
      const next = await open()
      third = next.withLock(key, saved, async () => { steps.push('third in') })
      // Long enough for the third to try; if the sleeper gave the lock away, it is in.
      for (let turn = 0; turn < 5; turn++) await store.exists(key).then(() => new Promise((resolve) => { setTimeout(resolve, 20) }))
      steps.push('second out')
    })
    await third
    t.same(steps, ['second in', 'second out', 'third in'])
    t.equal((await store.load(key))?.record.accessToken, 'from the second')
  })
}

/** The next line that a process prints. */
function lines (child: ChildProcess): () => Promise<string> {
  let text = ''
  child.stdout?.setEncoding('utf8').on('data', (data: string) => { text += data })
  return async () => {
    while (!text.includes('\n')) await once(child.stdout as NonNullable<ChildProcess['stdout']>, 'data')
    const end = text.indexOf('\n')
    const line = text.slice(0, end)
    text = text.slice(end + 1)
    return line
  }
}
