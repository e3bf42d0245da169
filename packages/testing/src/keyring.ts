import { execFile, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { killChild, startChild, whenEnded } from './child.ts'

/** A keyring that is empty, unlocked, and nobody else's. */
export interface Keyring {
  /** What a process has to have in its environment before its first use of a keyring. */
  readonly env: { readonly DBUS_SESSION_BUS_ADDRESS: string }
  /** Locks what is in the file. There is nobody here who could unlock it. */
  lock (): Promise<void>
  close (): Promise<void>
}

export interface KeyringOptions {
  /** Keeps entries in a file, as on a person's machine, and not in memory: for tests that lock it. */
  inFile?: boolean
}

const collections = 'objpath:/org/freedesktop/secrets/collection'

/** Starts a D-Bus session of its own, and in it the Secret Service of gnome-keyring. Linux only. */
export async function startKeyring ({ inFile = false }: KeyringOptions = {}): Promise<Keyring> {
  const folder = await mkdtemp(join(tmpdir(), 'consentry-keyring-'))
  const started: ChildProcess[] = []
  let closing = false
  async function close (): Promise<void> {
    closing = true
    await Promise.all(started.map(killChild))
    await rm(folder, { recursive: true, force: true })
  }
  function run (command: string, args: string[], env: Record<string, string>): ChildProcess {
    // Its own home, so that the keyring of whoever runs the tests is left alone.
    const child = startChild(command, args, { env: { PATH: process.env['PATH'], HOME: folder, XDG_DATA_HOME: folder, XDG_RUNTIME_DIR: folder, ...env }, stdio: ['pipe', 'pipe', 'ignore'] })
    started.push(child)
    return child
  }
  try {
    const bus = run('dbus-daemon', ['--session', '--nofork', '--nopidfile', '--print-address=1', `--address=unix:dir=${folder}`], {})
    const env = { DBUS_SESSION_BUS_ADDRESS: (await firstOutput(bus)).trim() }
    const keyring = run('gnome-keyring-daemon', ['--foreground', '--unlock', '--components=secrets'], env)
    keyring.stdin?.end('a password')
    while (!await call(env, 'SetAlias', 'string:default', `${collections}/${inFile ? 'login' : 'session'}`)) {
      if (keyring.exitCode !== null || keyring.signalCode !== null) throw new Error('gnome-keyring-daemon ended')
      await sleep(20)
    }
    // It aborts at times when several processes open a session at once, and what it held in memory is gone.
    keyring.once('exit', (code, signal) => { if (!closing) console.error(`gnome-keyring-daemon ended by itself (${signal ?? code}), and tests that used it fail`) })
    return {
      env,
      async lock () {
        if (!await call(env, 'Lock', `array:${collections}/login`)) throw new Error('gnome-keyring-daemon does not lock')
      },
      close
    }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * Calls the Secret Service; `false` while it does not answer. The default collection is the one in the daemon's memory,
 * since that in a file sometimes locks itself when it changes as fast as in tests, and then asks for its password in a window.
 */
async function call (env: Keyring['env'], method: string, ...args: string[]): Promise<boolean> {
  const words = ['--session', '--print-reply', '--dest=org.freedesktop.secrets', '/org/freedesktop/secrets', `org.freedesktop.Secret.Service.${method}`, ...args]
  return promisify(execFile)('dbus-send', words, { env: { PATH: process.env['PATH'], ...env } }).then(() => true, () => false)
}

async function firstOutput (child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('nothing to read')
  const ended = whenEnded(child)
  const [data] = await Promise.race([once(child.stdout, 'data'), ended]) as [Buffer]
  ended.catch(() => {})
  return data.toString()
}
