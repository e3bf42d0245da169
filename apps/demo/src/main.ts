import { ConsentryError } from '@consentry/core'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { buildApp } from './app.ts'
import { ConfigError, readConfig, type Config } from './config.ts'
import { outsideEnvironment } from './outside/settings.ts'

/** How long closing may take, in milliseconds. */
const closingTime = 5_000

/** What is open, in the order in which it was opened. */
const opened: Array<() => Promise<void>> = []
let ending: Promise<never> | undefined

/** Closes everything, the last first, and ends the process. */
function end (code: number): Promise<never> {
  ending ??= (async () => {
    setTimeout(() => process.exit(code), closingTime).unref()
    for (const close of opened.toReversed()) await close().catch((error: unknown) => { console.error(error) })
    process.exit(code)
  })()
  return ending
}

function fail (message: string): Promise<never> {
  if (ending === undefined) console.error(message)
  return end(1)
}

/** Starts the identity provider, the calendar and the weather as a process of their own: to the app they are somebody else's. */
async function startOutside (config: Config): Promise<void> {
  const child = fork(fileURLToPath(new URL('./outside/main.js', import.meta.url)), [], {
    env: { ...process.env, ...outsideEnvironment(config) },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc']
  })
  const exited = once(child, 'exit')
  opened.push(async () => {
    child.kill('SIGTERM')
    await exited
  })
  const listening = await Promise.race([once(child, 'message').then(() => true), exited.then(() => false)])
  // What was wrong it has said itself.
  if (!listening) await end(1)
  child.once('exit', () => {
    // Ctrl-C in a terminal reaches both processes, and the child may be faster.
    setTimeout(() => void fail('The providers have ended, and the demo with them.'), 200)
  })
}

function explain (error: unknown, { host, port, shared }: Config): string {
  // The cause names the option.
  if (ConsentryError.is(error, 'CONSENTRY_ERR_OPTIONS_INVALID') && error.cause instanceof Error) return `The settings cannot be used: ${error.cause.message}`
  if (shared !== undefined && ConsentryError.is(error, 'CONSENTRY_ERR_STORE_UNAVAILABLE')) return 'Redis does not answer at REDIS_URL.'
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') return `Port ${port} is taken. Choose another with PORT.`
  if (code === 'EACCES') return `Port ${port} may not be used. Choose another with PORT.`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `HOST "${host}" is not an address of this machine.`
  return error instanceof Error ? error.stack ?? error.message : String(error)
}

async function main (): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void end(0))
  let config: Config
  try {
    config = readConfig(process.env)
  } catch (error) {
    if (error instanceof ConfigError) return fail(error.message)
    throw error
  }
  const { origin, baseUrl, host, port, corp, calendar, localSignIn, madeUpSecret } = config
  try {
    const app = await buildApp(config)
    opened.push(async () => app.close())
    await app.listen({ host, port })
  } catch (error) {
    return fail(explain(error, config))
  }
  // A process that joins another uses what that one has started.
  if (baseUrl === origin) await startOutside(config)
  if (ending !== undefined) return
  if (madeUpSecret) console.log('CONSENTRY_SECRET is not set, so one was made up for this run.')
  if (localSignIn) console.log(`Sign in as alice or bob with any password; the identity provider is ${corp.issuer}`)
  else console.log(`${corp.issuer} signs people in; the calendar is at ${calendar.issuer}, with alice and bob and any password`)
  console.log(`listening on ${origin}`)
}

await main()
