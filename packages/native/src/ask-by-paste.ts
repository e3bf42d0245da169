import type { ErrorCode } from '@consentry/core'
import type { Answer } from './answers.ts'
import type { Ask } from './events.ts'
import type { ReadLine } from './line-reader.ts'
import { notListening, type Asking, type Way } from './ways.ts'

/** A browser that may be anywhere: the person brings back the address where it ended. One of this machine may come back by itself. */
export const askByPaste: Way = async (asking) => {
  const { settings: { readLine }, url, tell } = asking
  if (readLine === undefined) return 'There is no terminal to paste into.'
  const where = await url()
  if (where === undefined) return notListening
  const ask: Ask = { method: 'paste', url: where }
  tell({ state: 'pending', ask })
  void read(asking, ask, readLine)
  return undefined
}

async function read ({ attempt, answers, tell, local }: Asking, ask: Ask, readLine: ReadLine): Promise<void> {
  while (!attempt.over.aborted) {
    let line: string | undefined
    try {
      line = await readLine(attempt.over)
    } catch (error) {
      if (!attempt.over.aborted) local.onError(error, 'reading what was pasted')
    }
    if (attempt.over.aborted) return
    if (line === undefined) return attempt.withdraw({ outcome: 'cancelled' })
    const answer = await answered(line, attempt.flow.redirectUri, answers)
    if (!('refused' in answer)) return
    tell({ state: 'pending', ask, refused: answer.refused })
  }
}

const malformed: { refused: ErrorCode } = { refused: 'CONSENTRY_ERR_RESPONSE_INVALID' }

/** The whole address, with what copying adds around it. */
async function answered (line: string, redirectUri: string, answers: Answers): Promise<Answer> {
  const text = line.trim().replace(/^[<"']+|[>"']+$/g, '')
  if (!URL.canParse(text)) return malformed
  const url = new URL(text)
  return `${url.origin}${url.pathname}` === redirectUri ? answers(url.searchParams) : malformed
}

type Answers = Asking['answers']
