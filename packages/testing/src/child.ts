import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'

/** Starts a process that does not outlive this one, whatever ends it short of a SIGKILL. */
export function startChild (command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(command, args, options)
  const kill = (): void => { child.kill('SIGKILL') }
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  return child
}

/** Ends a process at once, as in a crash, and waits until it has. */
export async function killChild (child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

/** Rejects when the process ends, or when there is none of this name on the machine. */
export async function whenEnded (child: ChildProcess): Promise<never> {
  const [code] = await once(child, 'exit') as [number | null]
  throw new Error(`${child.spawnfile} ended with ${String(code)}`)
}
