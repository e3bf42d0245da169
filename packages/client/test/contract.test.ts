import { errorCodes, type EventData, type ExecutionEvent, type ExecutionStatus, type PendingConsent } from '@consentry/core'
import type { ClientMessage, Problem, StatusDocument } from '@consentry/fastify-plugin'
import t from 'tap'
import { ClientError } from '../src/index.ts'
import type * as ours from '../src/index.ts'

/** Compiles only if each can stand for the other. */
type Same<A, B> = [A] extends [B] ? [B] extends [A] ? true : false : false

/** The types of this package against those of the server: a difference is an error of the compiler. */
export const same: [
  Same<ours.ExecutionEvent, ExecutionEvent>,
  Same<ours.EventData, EventData>,
  Same<ours.PendingConsent, PendingConsent>,
  Same<ours.ExecutionStatus, ExecutionStatus>,
  Same<ours.StatusDocument, StatusDocument>,
  Same<ours.ClientMessage, ClientMessage>,
  Problem extends ours.Problem ? true : false
] = [true, true, true, true, true, true, true]

t.test('a code is retryable here when the server says so', async (t) => {
  for (const [code, { retryable }] of Object.entries(errorCodes)) t.equal(new ClientError(code, '').retryable, retryable, code)
})
