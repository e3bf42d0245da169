import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { createClient, type Question } from '@consentry/client'
import { ConsentryError } from '@consentry/core'
import { lineReader, signedIn, type ReadLine } from '@consentry/native'
import { answerQuestion } from './answer-question.ts'
import type { Context } from './cli.ts'
import { exitCodes, UsageError } from './exit-codes.ts'
import { pipeReader } from './pipe-reader.ts'

/** Starts a run of a server, follows it, and answers its questions. */
export async function runCommand (context: Context): Promise<number> {
  const { output, signal } = context
  const target = targetOf(context)
  const body = await bodyOf(context)
  const token = await credential(context)
  const client = createClient({ baseUrl: target.origin, token })
  const over = new AbortController()
  const stop = AbortSignal.any([signal, over.signal])
  let readLine: ReadLine | undefined
  let turn = Promise.resolve()
  try {
    const run = client.run(`${target.pathname}${target.search}`, body, { signal })
    const ended = run.result.then((value) => ({ value }), (error: unknown) => ({ error }))
    const executionId = await run.executionId.catch(() => undefined)
    if (executionId !== undefined) output.note(`Run ${executionId}`)
    client.onOauthRequired((question) => { if (question.executionId === executionId) ask(question) })
    for await (const event of run) {
      output.event(event)
      if (event.type === 'progress') output.note(typeof event.data === 'string' ? event.data : JSON.stringify(event.data))
      if (event.type === 'oauth_resolved') output.note(`${event.data.provider}: ${event.data.outcome}`)
      if (event.type === 'running' || event.type === 'oauth_resolved') output.wait('Running')
    }
    const outcome = await ended
    if ('error' in outcome) throw outcome.error
    output.result(typeof outcome.value === 'string' ? outcome.value : JSON.stringify(outcome.value, undefined, 2), { status: 'completed', result: outcome.value })
    return exitCodes.ok
  } catch (error) {
    // The run goes on; who stops looking is not who stops it.
    if (signal.aborted) return exitCodes.cancelled
    throw error
  } finally {
    over.abort()
    client.close()
  }

  /** One at a time: there is one input. */
  function ask (question: Question): void {
    readLine ??= readerOf(context)
    const answering = { question, origin: target.origin, token, signal: stop, ...readLine !== undefined && { readLine } }
    turn = turn.then(() => answerQuestion(context, answering)).catch(() => {
      if (!stop.aborted) output.note('The question could not be answered here.')
    })
  }
}

/** Handles come from the terminal, or line by line from what is no terminal, unless that is the body. */
function readerOf ({ stdin, stderr, onInterrupt, data }: Context): ReadLine | undefined {
  return lineReader({ input: stdin, output: stderr, onInterrupt }) ?? (data === '-' ? undefined : pipeReader(stdin))
}

/** Credentials go over https, and to this machine. */
function targetOf ({ url, config: { server } }: Context): URL {
  if (!URL.canParse(url, server)) throw new UsageError('The URL is not absolute, and no server is configured.')
  const target = new URL(url, server)
  const local = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(target.hostname)
  if (target.protocol !== 'https:' && !(target.protocol === 'http:' && local)) throw new UsageError('The URL is neither https nor of this machine.')
  if (target.username !== '' || target.password !== '') throw new UsageError('A URL holds no credentials: use CONSENTRY_API_KEY.')
  return target
}

async function bodyOf ({ data, stdin }: Context): Promise<unknown> {
  if (data === undefined) return {}
  try {
    return JSON.parse(data === '-' ? await text(stdin) : data.startsWith('@') ? readFileSync(data.slice(1), 'utf8') : data)
  } catch {
    throw new UsageError('data is not JSON, or cannot be read.')
  }
}

/** The API key of the environment, or the sign-in, renewed for each request. */
async function credential ({ config: { apiKey }, session }: Context): Promise<() => Promise<string>> {
  if (apiKey !== undefined) return async () => apiKey
  const { options } = await session()
  const grant = await signedIn(options)
  if (grant === undefined) throw new ConsentryError('CONSENTRY_ERR_AUTHENTICATION_REQUIRED')
  return () => grant.accessToken()
}
