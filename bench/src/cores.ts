import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** What is measured has a core of its own; what makes the load, Redis and the issuer share another. */
export type Side = 'measured' | 'load'

const core: Readonly<Record<Side, string>> = { measured: '0', load: '1' }

/** Whether processes can be kept on their cores here: Linux, with two or more. */
export const hasCores: boolean = availableParallelism() > 1 && spawnSync('taskset', ['-c', '0,1', 'true']).status === 0

/** The command as it is started on the core of its side. */
export function onCore (side: Side, command: string, args: readonly string[]): [command: string, args: string[]] {
  return hasCores ? ['taskset', ['-c', core[side], command, ...args]] : [command, [...args]]
}

/** Moves this process; what it starts is where it is. */
export function moveTo (side: Side): void {
  if (hasCores) spawnSync('taskset', ['-c', '-p', core[side], String(process.pid)])
}
