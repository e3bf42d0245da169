import { errorCodes, type ErrorCode } from './errors.ts'
import type { EventData } from './events.ts'

/** What a run that failed with this code says. */
export function failure (code: ErrorCode): EventData['failed'] {
  return { code, message: errorCodes[code].message }
}

/** Whose node goes away is asked again by the next run, or has answered by then. */
export function leavesQuestions (data: object | undefined): boolean {
  const code = data !== undefined && 'code' in data ? data.code : undefined
  return code === 'CONSENTRY_ERR_SHUTDOWN' || code === 'CONSENTRY_ERR_NODE_LOST'
}
