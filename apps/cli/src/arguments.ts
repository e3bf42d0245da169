import { parseArgs } from 'node:util'
import { UsageError } from './exit-codes.ts'

export const commands = ['login', 'token', 'status', 'logout', 'run'] as const
export type Command = typeof commands[number]

/** The flags, by their names. No secret is among them: other people of the machine can read a command line. */
const flags = {
  config: { type: 'string' },
  type: { type: 'string' },
  issuer: { type: 'string' },
  'client-id': { type: 'string' },
  scope: { type: 'string', multiple: true },
  profile: { type: 'string' },
  store: { type: 'string' },
  method: { type: 'string', multiple: true },
  'redirect-port': { type: 'string' },
  'redirect-path': { type: 'string' },
  timeout: { type: 'string' },
  force: { type: 'boolean' },
  server: { type: 'string' },
  data: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' }
} as const

export type Flags = ReturnType<typeof parseArgs<{ options: typeof flags }>>['values']

export interface Arguments {
  command: Command | undefined
  /** Of `run`. */
  url: string | undefined
  flags: Flags
}

export function readArguments (argv: readonly string[]): Arguments {
  let parsed
  try {
    parsed = parseArgs({ args: [...argv], options: flags, allowPositionals: true })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'The command line cannot be read.')
  }
  const { values, positionals: [command, url, ...more] } = parsed
  if (command !== undefined && !(commands as readonly string[]).includes(command)) throw new UsageError('There is no such command. See consentry --help.')
  if (more.length > 0 || (url !== undefined && command !== 'run')) throw new UsageError('There is one argument too many. See consentry --help.')
  if (command === 'run' && url === undefined && values.help !== true) throw new UsageError('consentry run needs the URL of a route that starts a run.')
  return { command: command as Command | undefined, url, flags: values }
}

export const help = `Usage: consentry <command> [options]

Commands
  login      sign in with a browser, a pasted address or another device
  token      print an access token that is valid now
  status     say who is signed in
  logout     end the tokens and delete them
  run <url>  start a run of a server, answer its questions, print its result

Options
  --json                one JSON document per line, on the standard output
  --config <file>       instead of the usual file
  --issuer <url>        the OpenID provider to sign in with
  --client-id <id>      what it knows this program by
  --type <type>         another kind of provider: oauth2, github, google, microsoft, …
  --scope <scope>       what to ask for; may be repeated
  --profile <name>      tells several sign-ins apart
  --store <store>       keyring or file; the keyring where there is one
  -h, --help            --version

login
  --method <method>     browser, paste or device, best first; may be repeated
  --redirect-port <n>   --redirect-path <path>   for providers that compare them
  --timeout <seconds>   how long to wait for the person
  --force               ask although somebody is signed in

run
  --server <url>        what a <url> that is only a path is relative to
  --data <json>         the body; @file reads a file, - the standard input

Secrets come by the environment: CONSENTRY_API_KEY for run, CONSENTRY_LOGIN_CLIENT_SECRET for login.
Exit codes: 0 done, 1 failed, 2 usage, 3 not signed in, 4 declined or cancelled, 5 timed out,
6 not reachable, 128 and more: ended by a signal.
`
