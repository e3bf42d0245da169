import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onCore } from './cores.ts'
import type { Question, Ready, Reply, WorkerOptions } from './worker.ts'

/** A process that does the work in one way. */
export interface Worker {
  readonly ready: Ready
  ask (question: Question): Promise<unknown>
  close (): Promise<void>
}

/** Rejects with what the worker failed with. */
export async function startWorker (options: WorkerOptions): Promise<Worker> {
  const script = fileURLToPath(new URL('worker.js', import.meta.url))
  const child = spawn(...onCore('measured', process.execPath, [script, JSON.stringify(options)]), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production' }
  })
  const exited = once(child, 'exit')
  const gone = exited.then(([code, signal]) => { throw new Error(`${options.row} ${options.variant} ended: ${String(code ?? signal)}`) })
  gone.catch(() => {})

  async function reply (): Promise<unknown> {
    const [message] = await Promise.race([once(child, 'message'), gone]) as [Reply]
    if ('error' in message) throw new Error(`${options.row} ${options.variant}: ${message.error}`)
    return message.value
  }

  async function close (): Promise<void> {
    child.kill('SIGKILL')
    await exited
  }

  try {
    return {
      ready: await reply() as Ready,
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
