import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { freePort } from '@consentry/testing'

const script = fileURLToPath(new URL('../src/main.js', import.meta.url))
const settings = new Set(['HOST', 'PORT', 'IDP_PORT', 'CALENDAR_PORT', 'WEATHER_PORT', 'CALENDAR_TOKEN_LIFETIME', 'CONSENTRY_SECRET', 'REDIS_URL', 'BASE_URL', 'OIDC_ISSUER', 'OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET', 'OIDC_SCOPES', 'FLOW_LIFETIME'])

/** The demo as people start it: a process, and the one that it starts. */
export interface Demo {
  readonly url: string
  readonly port: number
  readonly idpPort: number
  readonly calendarPort: number
  readonly weatherPort: number
  readonly child: ChildProcess
  /** Everything that was printed so far. */
  output (): string
  /** Sends the signal and resolves to the exit code. */
  stop (signal?: NodeJS.Signals): Promise<number | null>
}

/** Runs the demo to its end. For settings that it refuses. */
export async function runDemo (env: Record<string, string>): Promise<{ code: number | null, output: string }> {
  const { child, output } = launch(env)
  const [code] = await once(child, 'close') as [number | null]
  return { code, output: output() }
}

/** Starts the demo on free ports, unless `env` says which, and waits for its address. */
export async function startDemo (env: Record<string, string> = {}): Promise<Demo> {
  const port = Number(env['PORT'] ?? await freePort())
  const idpPort = Number(env['IDP_PORT'] ?? await freePort())
  const calendarPort = Number(env['CALENDAR_PORT'] ?? await freePort())
  const weatherPort = Number(env['WEATHER_PORT'] ?? await freePort())
  const { child, output } = launch({ ...env, PORT: String(port), IDP_PORT: String(idpPort), CALENDAR_PORT: String(calendarPort), WEATHER_PORT: String(weatherPort) })
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', () => {
      const address = /^listening on (\S+)$/m.exec(output())?.[1]
      if (address !== undefined) resolve(address)
    })
    child.once('close', (code) => { reject(new Error(`the demo ended with code ${code}: ${output()}`)) })
  })
  return {
    url,
    port,
    idpPort,
    calendarPort,
    weatherPort,
    child,
    output,
    async stop (signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
      const closed = once(child, 'close')
      child.kill(signal)
      const [code] = await closed as [number | null]
      return code
    }
  }
}

function launch (env: Record<string, string>): { child: ChildProcess, output: () => string } {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !settings.has(name)))
  const child = spawn(process.execPath, [script], { env: { ...inherited, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => { text += chunk })
  return { child, output: () => text }
}

/** Whether somebody listens on this port of this machine. */
export async function isTaken (port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** Asks again until the answer is there. */
export async function until<T> (ask: () => Promise<T | undefined>, patience = 10_000): Promise<T> {
  const deadline = Date.now() + patience
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > deadline) throw new Error(`waited ${patience} ms in vain`)
    await new Promise((resolve) => { setTimeout(resolve, 50) })
  }
}
