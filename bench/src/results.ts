import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { arch, cpus, platform, release, totalmem } from 'node:os'
import { hasCores } from './cores.ts'
import type { Samples, Settings } from './measure.ts'

/** All that a run measured, as in results.json. What is said of it is worked out anew each time. */
export interface Results {
  /** When the run began, ISO 8601. */
  date: string
  /** Of the sources; `+` when they were changed. */
  commit: string
  settings: Settings
  machine: Machine
  /** Of Node.js and of what was measured. */
  versions: Readonly<Record<string, string>>
  /** By row and variant, every round. */
  rows: Readonly<Record<string, Samples>>
  /** By row, size and variant. */
  growth: Readonly<Record<string, Readonly<Record<string, Samples>>>>
}

interface Machine {
  processor: string
  cores: number
  /** Gibibytes. */
  memory: number
  system: string
  /** Whether processes were kept on cores of their own. */
  pinned: boolean
}

/** Where the run takes place, and of what. */
export function circumstances (settings: Settings): Omit<Results, 'rows' | 'growth'> {
  const [first] = cpus()
  return {
    date: new Date().toISOString(),
    commit: commit(),
    settings,
    machine: {
      processor: first?.model.trim() ?? 'unknown',
      cores: cpus().length,
      memory: Math.round(totalmem() / 2 ** 30),
      system: `${platform()} ${release().split('-', 1)[0] ?? ''} ${arch()}`,
      pinned: hasCores
    },
    versions: versions()
  }
}

function commit (): string {
  try {
    // What the bench itself writes is no change.
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', ':/', ':!/bench/results.json', ':!/docs') !== ''
    return git('rev-parse', '--short=12', 'HEAD') + (changed ? '+' : '')
  } catch {
    return 'unknown'
  }
}

function git (...args: string[]): string {
  return execFileSync('git', args, { encoding: 'utf8', cwd: import.meta.dirname }).trim()
}

function versions (): Record<string, string> {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { dependencies } = JSON.parse(manifest) as { dependencies: Record<string, string> }
  const theirs = Object.entries(dependencies).filter(([, version]) => !version.startsWith('workspace:'))
  return { node: process.versions.node, ...tool('redis', 'redis-server', ['--version']), ...tool('wrk', 'wrk', ['--version']), ...Object.fromEntries(theirs) }
}

/** What a program says of itself, if it is there. */
function tool (name: string, command: string, args: string[]): Record<string, string> {
  const { stdout } = spawnSync(command, args, { encoding: 'utf8' })
  const [, version] = /(\d+\.\d+(?:\.\d+)?)/.exec(stdout) ?? []
  return version === undefined ? {} : { [name]: version }
}
