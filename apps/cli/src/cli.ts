import { readFileSync } from 'node:fs'
import { help, readArguments, type Arguments, type Command } from './arguments.ts'
import { readConfig, type Config } from './config.ts'
import { exitCodes, failureOf } from './exit-codes.ts'
import { loginCommand } from './login.ts'
import { logoutCommand } from './logout.ts'
import { createOutput, type Output, type Surroundings } from './output.ts'
import { runCommand } from './run.ts'
import { openSession, type Session } from './session.ts'
import { statusCommand } from './status.ts'
import { tokenCommand } from './token.ts'

/** What a command works with. */
export interface Context extends Surroundings {
  output: Output
  config: Config
  url: string
  force: boolean
  data: string | undefined
  /** Opened when it is first needed. */
  session: () => Promise<Session>
}

const commands: Readonly<Record<Command, (context: Context) => Promise<number>>> = {
  login: loginCommand, token: tokenCommand, status: statusCommand, logout: logoutCommand, run: runCommand
}

/** These end what they wait for. What the others do is short, and a half of it would be worse than none or all. */
const interruptible: ReadonlySet<Command> = new Set<Command>(['login', 'run'])

/** Runs the program, and resolves to its exit code. Never rejects. */
export async function runCli (argv: readonly string[], surroundings: Surroundings): Promise<number> {
  const output = createOutput(surroundings, argv.includes('--json'))
  let opened: Promise<Session> | undefined
  try {
    const { command, url = '', flags } = readArguments(argv)
    const told = tell(output, { command, flags })
    if (told !== undefined) return told
    const config = readConfig(flags, surroundings.env)
    // Tokens were not revoked, or a browser did not open: what becomes of it is told elsewhere.
    const session = (): Promise<Session> => opened ??= openSession(config, surroundings.env, () => {})
    return await finished(command as Command, { ...surroundings, output, config, url, force: flags.force === true, data: flags.data, session })
  } catch (error) {
    const { exitCode, ...failure } = failureOf(error)
    output.rest()
    if (output.json) output.event({ error: failure })
    else output.note(`${failure.message} (${failure.code})`)
    return exitCode
  } finally {
    output.rest()
    await opened?.then((session) => session.close(), () => {})
  }
}

async function finished (command: Command, context: Context): Promise<number> {
  const { output, signal } = context
  const tell = (): void => output.note('Ends in a moment. Press Ctrl-C again to end at once.')
  if (!interruptible.has(command)) signal.addEventListener('abort', tell)
  try {
    return await commands[command](context)
  } finally {
    signal.removeEventListener('abort', tell)
  }
}

/** What needs no configuration. */
function tell (output: Output, { command, flags }: Pick<Arguments, 'command' | 'flags'>): number | undefined {
  if (flags.version === true) {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
    output.result(version, { version })
    return exitCodes.ok
  }
  if (flags.help !== true && command !== undefined) return undefined
  output.result(help.trimEnd(), { help })
  return flags.help === true ? exitCodes.ok : exitCodes.usage
}
