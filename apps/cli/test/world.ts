import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startLocalProvider, type LocalProvider } from '@consentry/testing'
import type { Test } from 'tap'

const script = fileURLToPath(new URL('../src/main.js', import.meta.url))
const path = '/cb'

/** The program, as people start it: a process. */
export interface Cli {
  readonly child: ChildProcess
  stdout (): string
  stderr (): string
  /** Everything, as it came. */
  output (): string
  /** Waits until it has been printed, and returns what the first group caught. */
  sees (pattern: RegExp): Promise<string>
  /** Waits until the terminal was read for the n-th time. */
  prompted (times: number): Promise<unknown>
  type (text: string): void
  /** Resolves to the exit code. */
  readonly ended: Promise<number | null>
}

export interface World {
  op: LocalProvider
  home: string
  env: Record<string, string>
  /** Without a terminal. */
  start (args: readonly string[], env?: Record<string, string>): Cli
  /** On a terminal, by script(1). */
  startOnTerminal (args: readonly string[], env?: Record<string, string>): Cli
  /** What the browser was opened with; there is one when `env` has what `browser()` returns. */
  browser (): { env: Record<string, string>, opened: () => Promise<string> }
  configure (config: object): void
}

/** A person with a home of their own, a native client of the local provider, and no keyring. */
export async function createWorld (t: Test): Promise<World> {
  const home = mkdtempSync(join(tmpdir(), 'consentry-cli-'))
  t.teardown(() => rmSync(home, { recursive: true, force: true }))
  const op = await startLocalProvider({
    issuerHost: 'localhost',
    clients: [{ clientId: 'tool', applicationType: 'native', redirectUris: [`http://127.0.0.1${path}`], deviceFlow: true }]
  })
  t.teardown(() => op.close())
  const env = { PATH: process.env['PATH'] ?? '', HOME: home, XDG_RUNTIME_DIR: home, DBUS_SESSION_BUS_ADDRESS: `unix:path=${home}/none`, TERM: 'xterm' }

  function launch (command: string, args: readonly string[], more: Record<string, string>): Cli {
    const child = spawn(command, args, { env: { ...env, ...more }, stdio: ['pipe', 'pipe', 'pipe'] })
    const texts = { stdout: '', stderr: '', all: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (chunk: string) => {
        texts[name] += chunk
        texts.all += chunk
        child.emit('printed')
      })
    }
    const ended = once(child, 'close').then(([code]) => code as number | null)
    t.teardown(() => { child.kill('SIGKILL') })
    const cli: Cli = {
      child, ended,
      prompted: (times) => cli.sees(new RegExp(`(?:> [^]*?){${times}}`)),
      stdout: () => texts.stdout,
      stderr: () => texts.stderr,
      output: () => texts.all,
      type: (text) => { child.stdin.write(text) },
      async sees (pattern) {
        let over = false
        void ended.then(() => {
          over = true
          child.emit('printed')
        })
        for (;;) {
          const found = pattern.exec(texts.all)
          if (found !== null) return found[1] ?? found[0]
          if (over) throw new Error(`ended without ${String(pattern)}: ${texts.all}`)
          await once(child, 'printed')
        }
      }
    }
    return cli
  }

  return {
    op, home, env,
    start: (args, more = {}) => launch(process.execPath, [script, ...args], more),
    startOnTerminal: (args, more = {}) => launch('script', ['-qefc', `"${process.execPath}" "${script}" ${args.map((arg) => `'${arg}'`).join(' ')}`, '/dev/null'], more),
    configure (config) {
      mkdirSync(join(home, '.config', 'consentry'), { recursive: true })
      writeFileSync(join(home, '.config', 'consentry', 'config.json'), JSON.stringify({
        provider: { issuer: op.issuer, clientId: 'tool', scopes: ['openid', 'profile', 'calendar.read'], allowInsecureLoopback: true }, redirect: { path }, ...config
      }))
    },
    browser () {
      const [program, seen] = [join(home, 'browser'), join(home, 'seen')]
      rmSync(seen, { force: true })
      writeFileSync(program, `#!/bin/sh\nprintf '%s' "$1" > '${seen}.part' && mv '${seen}.part' '${seen}'\n`)
      chmodSync(program, 0o755)
      return {
        env: { DISPLAY: ':0', BROWSER: program },
        async opened () {
          while (!existsSync(seen)) await new Promise((resolve) => { setTimeout(resolve, 10) })
          return readFileSync(seen, 'utf8')
        }
      }
    }
  }
}

/** Lines of JSON. */
export const documents = (cli: Cli): Array<Record<string, unknown>> => cli.stdout().trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
