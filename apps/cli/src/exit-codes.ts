import { ClientError } from '@consentry/client'
import { ConsentryError } from '@consentry/core'

/** What the program ends with. Beside these, 128 and the number of a signal that ended it. */
export const exitCodes = {
  ok: 0,
  /** Whatever has no code of its own. */
  failed: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** Nobody is signed in, or no longer. */
  signedOut: 3,
  /** The person declined or gave up, or the run was cancelled. */
  cancelled: 4,
  /** The time to answer is over. */
  timedOut: 5,
  /** The provider, the server or the store cannot be reached: try again. */
  unavailable: 6
} as const

/** The command line or the configuration is wrong; the message says what. */
export class UsageError extends Error {}

const byCode: Readonly<Record<string, number>> = {
  CONSENTRY_ERR_OPTIONS_INVALID: exitCodes.usage,
  CONSENTRY_ERR_REAUTH_REQUIRED: exitCodes.signedOut,
  CONSENTRY_ERR_AUTHENTICATION_REQUIRED: exitCodes.signedOut,
  CONSENTRY_ERR_CREDENTIAL_INVALID: exitCodes.signedOut,
  CONSENTRY_ERR_FLOW_CANCELLED: exitCodes.cancelled,
  CONSENTRY_ERR_CONSENT_DENIED: exitCodes.cancelled,
  CONSENTRY_ERR_EXECUTION_CANCELLED: exitCodes.cancelled,
  CONSENTRY_ERR_FLOW_EXPIRED: exitCodes.timedOut
}

/** A failure as it is told, with the exit code that goes with it. */
export interface Failure {
  code: string
  message: string
  retryable: boolean
  exitCode: number
}

export function failureOf (error: unknown): Failure {
  if (error instanceof UsageError) return { code: 'CONSENTRY_CLI_USAGE', message: error.message, retryable: false, exitCode: exitCodes.usage }
  if (ConsentryError.is(error) || error instanceof ClientError) {
    const { code, retryable } = error
    return { code, message: messageOf(error), retryable, exitCode: byCode[code] ?? (retryable ? exitCodes.unavailable : exitCodes.failed) }
  }
  return { code: 'CONSENTRY_ERR_INTERNAL', message: 'Something failed here that should not have.', retryable: false, exitCode: exitCodes.failed }
}

/** Codes whose cause says what is wrong, in words of ours. */
const explained: ReadonlySet<string> = new Set(['CONSENTRY_ERR_OPTIONS_INVALID', 'CONSENTRY_ERR_STORE_UNAVAILABLE', 'CONSENTRY_ERR_NO_LOGIN_METHOD'])

function messageOf (error: ConsentryError | ClientError): string {
  const { code, message, cause } = error
  return explained.has(code) && cause instanceof Error ? `${message} ${cause.message}` : message
}
