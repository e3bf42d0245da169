import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { onCore } from './cores.ts'
import type { Sample } from './row.ts'
import type { Question } from './worker.ts'
import type { Child } from './child.ts'

/** Enough to keep a server busy. */
const connections = 64

const script = fileURLToPath(new URL('../../src/load.lua', import.meta.url))

interface Report {
  requests: number
  micros: number
  sent: number
  failed: number
}

function hasWrk (): boolean {
  return spawnSync('wrk', ['--version']).error === undefined
}

/** Installs wrk on Debian and its kin, where that needs no password. @throws Error when there is none */
export function wantWrk (): void {
  if (hasWrk()) return
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  for (const step of [['update', '-qq'], ['install', '-qq', '-y', '--no-install-recommends', 'wrk']]) {
    const [command = '', ...args] = [...sudo, 'apt-get', ...step]
    spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
  }
  if (!hasWrk()) throw new Error('The bench needs wrk and cannot install it here. Install it (Debian: apt-get install wrk).')
}

/**
 * Keeps a server busy for `duration` milliseconds with wrk: it costs a fraction of the fastest server here, so that the
 * server is what is measured. A generator in JavaScript has more to do for a request than a bare Fastify.
 *
 * Of requests that may be sent only once there are half as many again as a round at this `rate` would need. Where that
 * was too slow a guess, the round is measured again with twice as many.
 *
 * Rejects when a request failed, or when there are not as many that may be sent only once as it takes.
 * @see https://github.com/wg/wrk
 */
export async function load (worker: Pick<Child<Question>, 'ask'>, server: { port: number, once: boolean }, duration: number, rate: number = Infinity): Promise<Sample> {
  const folder = await mkdtemp(join(tmpdir(), 'consentry-bench-'))
  try {
    const file = join(folder, 'requests')
    const most = Math.ceil(rate * duration / 1_000 * 1.5) + 500
    const count = await worker.ask({ ask: 'requests', file, ...most < Infinity && { most } }) as number
    const before = await worker.ask({ ask: 'usage' }) as number
    const args = ['-t', '1', '-c', String(connections), '-d', `${Math.max(1, Math.round(duration / 1_000))}s`, '-s', script, `http://127.0.0.1:${server.port}`, '--', file]
    const { stdout } = await promisify(execFile)(...onCore('load', 'wrk', args))
    const used = await worker.ask({ ask: 'usage' }) as number - before
    const report = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Report
    if (server.once && report.sent > count) {
      if (count < most) throw new Error(`${count} requests were too few for a round`)
      return await load(worker, server, duration, rate * 2)
    }
    if (report.failed > 0) throw new Error(`${report.failed} of ${report.requests} requests failed`)
    return { rate: report.requests / report.micros * 1e6, micros: used / report.requests, busy: used / report.micros }
  } finally {
    await rm(folder, { recursive: true })
  }
}
