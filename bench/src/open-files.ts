import { execFileSync } from 'node:child_process'

/** As many connections as one address has ports for by itself on Linux, 28,232, and what else a process has open. */
const wanted = 30_000

/** The command, allowed to open as many files and sockets as are wanted, or as many as this machine lets it. */
export function withOpenFiles (command: string, args: readonly string[]): [command: string, args: string[]] {
  return ['sh', ['-c', 'ulimit -n "$0" 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec "$@"', String(wanted), command, ...args]]
}

/** How many connections this process can have: what else it has open leaves room for all but a few hundred. */
export function mostConnections (): number {
  const limit = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim()
  return (limit === 'unlimited' ? wanted : Number(limit)) - 500
}
