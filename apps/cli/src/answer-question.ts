import type { Question } from '@consentry/client'
import { openBrowser, type ReadLine } from '@consentry/native'
import type { Context } from './cli.ts'

export interface AnswerOptions {
  question: Question
  /** The server's. */
  origin: string
  token: () => Promise<string>
  /** The run is over, or nobody looks any more. */
  signal: AbortSignal
  /** Where handles come from; absent where nobody can hand one in. */
  readLine?: ReadLine
}

/** Codes after which the person may try again with another handle. */
const mistyped: ReadonlySet<unknown> = new Set(['CONSENTRY_ERR_HANDLE_UNKNOWN', 'CONSENTRY_ERR_MESSAGE_INVALID'])

/**
 * The question of a run whose owner has no session in a browser (B6): the person answers it in any browser, which shows
 * a handle at the end, and the handle counts with the owner's credential. Nothing opens unless they press Enter (B21).
 */
export async function answerQuestion (context: Context, { question, origin, token, signal, readLine }: AnswerOptions): Promise<void> {
  const { output, stdin } = context
  const { connectUrl, label, host, scopes } = question
  if (connectUrl === undefined || new URL(connectUrl).origin !== origin) return output.note(`${label} is asked for in a place that is not the server's. It is not opened.`)
  const over = new AbortController()
  void question.outcome.then(() => over.abort())
  const stop = AbortSignal.any([signal, over.signal])
  output.note(`The run needs your consent: ${label} (${host}) for ${scopes.join(', ')}`)
  output.note({ strong: connectUrl })
  if (stdin.isTTY === true) output.note('Press Enter to open it in your browser. Then paste the handle that the browser shows at the end:')
  else output.wait('Waiting for the handle on the standard input, or for an answer elsewhere')

  while (!stop.aborted) {
    const line = await readLine?.(stop).catch(() => undefined)
    if (line === undefined || stop.aborted) return
    if (line.trim() === '') await openBrowser(connectUrl).catch(() => output.note('There is no browser here. Open the address in one.'))
    else {
      const refused = await handIn(connectUrl, line.trim(), token, stop)
      if (refused === undefined || stop.aborted) return
      output.note(`${refused} Paste it again:`)
    }
  }
}

/** Why the handle was not taken; `undefined` when it was. What has become of the question is told by the run. */
async function handIn (connectUrl: string, handle: string, token: () => Promise<string>, signal: AbortSignal): Promise<string | undefined> {
  try {
    const response = await fetch(`${connectUrl}/complete`, {
      method: 'POST',
      redirect: 'error',
      signal,
      headers: { authorization: `Bearer ${await token()}`, 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ handle })
    })
    if (response.ok) return undefined
    const { code } = await response.json() as { code?: unknown }
    if (mistyped.has(code)) return 'That handle is not known, or was used before.'
    if (response.status < 500 && response.status !== 429) return `The server refuses it (${String(code)}).`
  } catch {}
  return 'The server cannot be reached.'
}
