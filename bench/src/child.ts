import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onCore, type Side } from './cores.ts'
import { withOpenFiles } from './open-files.ts'

/** Another process, which answers one question after the other. */
export interface Child<Question> {
  /** What it said when it had started. */
  readonly ready: unknown
  ask (question: Question): Promise<unknown>
  close (): Promise<void>
}

/** What runs in the other process. */
export interface Served<Question> {
  ready?: unknown
  answer: (question: Question) => unknown
}

type Reply = { value: unknown } | { error: string }

/** Starts a script, given its options, on the core of its side. Rejects with what it failed with. */
export async function startChild<Question extends object | string> (side: Side, script: URL, options: unknown): Promise<Child<Question>> {
  const child = spawn(...withOpenFiles(...onCore(side, process.execPath, [fileURLToPath(script), JSON.stringify(options)])), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // Without the loaders that a test runner gives to its children.
    env: { ...process.env, NODE_OPTIONS: '', NODE_ENV: 'production' }
  })
  const exited = once(child, 'exit')
  const gone = exited.then(([code, signal]) => { throw new Error(`a process ended: ${String(code ?? signal)}`) })
  gone.catch(() => {})

  async function reply (): Promise<unknown> {
    const [message] = await Promise.race([once(child, 'message'), gone]) as [Reply]
    if ('error' in message) throw new Error(message.error)
    return message.value
  }

  async function close (): Promise<void> {
    child.kill('SIGKILL')
    await exited
  }

  try {
    return {
      ready: await reply(),
      async ask (question) {
        const answered = reply()
        child.send(question)
        return answered
      },
      close
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** The other side: starts with the options, then answers until the first process is gone. */
export async function serve<Question> (start: (options: unknown) => Promise<Served<Question>>): Promise<void> {
  // A process that fails while it is measured has measured nothing.
  process.on('unhandledRejection', fail)
  process.once('disconnect', () => { process.exit() })
  try {
    const { ready, answer } = await start(JSON.parse(process.argv[2] ?? ''))
    const respond = async (question: Question): Promise<unknown> => answer(question)
    process.on('message', (question: Question) => { respond(question).then((value) => { tell({ value }) }, fail) })
    tell({ value: ready })
  } catch (error) {
    fail(error)
  }
}

function tell (reply: Reply): void {
  process.send?.(reply)
}

function fail (error: unknown): void {
  tell({ error: error instanceof Error ? error.stack ?? error.message : String(error) })
}
