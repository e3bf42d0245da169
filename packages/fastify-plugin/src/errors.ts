import { ConsentryError, errorCodes, type ErrorCode } from '@consentry/core'
import createError from '@fastify/error'
import type { FastifyError, FastifyReply } from 'fastify'
import { challenges } from './challenges.ts'
import { clearSessionCookie } from './cookies.ts'

/** The HTTP status of every code. */
export const statusCodes: Record<ErrorCode, number> = {
  CONSENTRY_ERR_OPTIONS_INVALID: 500,
  CONSENTRY_ERR_INTERNAL: 500,
  CONSENTRY_ERR_STORE_UNAVAILABLE: 503,
  CONSENTRY_ERR_RECORD_UNREADABLE: 500,
  CONSENTRY_ERR_STATE_MISMATCH: 400,
  CONSENTRY_ERR_BINDING_MISMATCH: 400,
  CONSENTRY_ERR_OWNER_MISMATCH: 403,
  CONSENTRY_ERR_HANDLE_UNKNOWN: 400,
  CONSENTRY_ERR_ISSUER_MISMATCH: 400,
  CONSENTRY_ERR_RESPONSE_INVALID: 400,
  CONSENTRY_ERR_FLOW_NOT_FOUND: 404,
  CONSENTRY_ERR_FLOW_EXPIRED: 410,
  CONSENTRY_ERR_FLOW_CANCELLED: 410,
  CONSENTRY_ERR_FLOW_SUPERSEDED: 410,
  CONSENTRY_ERR_CONSENT_DENIED: 403,
  CONSENTRY_ERR_ACCOUNT_MISMATCH: 409,
  CONSENTRY_ERR_SCOPES_MISSING: 403,
  CONSENTRY_ERR_REAUTH_REQUIRED: 403,
  CONSENTRY_ERR_GRANT_REVOKED: 403,
  CONSENTRY_ERR_HOST_REFUSED: 500,
  CONSENTRY_ERR_SECRET_REFUSED: 422,
  CONSENTRY_ERR_AUTHORIZATION_REQUIRED: 403,
  CONSENTRY_ERR_NO_LOGIN_METHOD: 500,
  CONSENTRY_ERR_PROVIDER_UNKNOWN: 404,
  CONSENTRY_ERR_PROVIDER_UNAVAILABLE: 503,
  CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID: 502,
  CONSENTRY_ERR_CLAIMS_OVERSIZE: 502,
  CONSENTRY_ERR_PROVIDER_REFUSED: 502,
  CONSENTRY_ERR_PROVIDER_MISCONFIGURED: 502,
  CONSENTRY_ERR_NO_EXECUTION: 500,
  CONSENTRY_ERR_EXECUTION_NOT_FOUND: 404,
  CONSENTRY_ERR_EXECUTION_FAILED: 500,
  CONSENTRY_ERR_EXECUTION_CANCELLED: 409,
  CONSENTRY_ERR_EXECUTION_EXPIRED: 504,
  CONSENTRY_ERR_NODE_LOST: 503,
  CONSENTRY_ERR_RESULT_INVALID: 500,
  CONSENTRY_ERR_TOO_MANY_EXECUTIONS: 429,
  CONSENTRY_ERR_TOO_MANY_REQUESTS: 429,
  CONSENTRY_ERR_BUSY: 503,
  CONSENTRY_ERR_SHUTDOWN: 503,
  CONSENTRY_ERR_AUTHENTICATION_REQUIRED: 401,
  CONSENTRY_ERR_STEP_UP_REQUIRED: 401,
  CONSENTRY_ERR_CREDENTIAL_INVALID: 401,
  CONSENTRY_ERR_CREDENTIAL_CONFLICT: 401,
  CONSENTRY_ERR_FORBIDDEN: 403,
  CONSENTRY_ERR_CROSS_ORIGIN: 403,
  CONSENTRY_ERR_RETURN_TO_INVALID: 400,
  CONSENTRY_ERR_NOT_FOUND: 404,
  CONSENTRY_ERR_MESSAGE_INVALID: 400
}

/** How recent a sign-in must be, in seconds, and of which kind. */
export interface StepUp {
  maxAge?: number
  acr?: readonly string[]
}

/** A failure on its way to an HTTP client: `code`, `statusCode`, and members for the problem document. */
export type HttpError = FastifyError & {
  code: ErrorCode
  statusCode: number
  retryable: boolean
  retryAfter: number | undefined
  /** Further members of the problem document. */
  members: Record<string, unknown>
  /** The path on which a person can try again. */
  tryAgain?: string
  /**
   * All that is wrong is a session that is over: a browser sends its cookie all the same. One that moved goes on under
   * another id, whose cookie is on its way to this browser.
   */
  staleSession?: 'over' | 'moved'
  /** What a sign-in must be like (RFC 9470 section 3). */
  stepUp?: StepUp
}

const classes = new Map(Object.entries(errorCodes).map(([code, { message }]) =>
  [code, createError(code, message, statusCodes[code as ErrorCode])] as const))

/** The failure with this code as Fastify throws it. */
export function httpError (code: ErrorCode, options: { cause?: unknown, retryAfter?: number | undefined, members?: Record<string, unknown> } = {}): HttpError {
  const CodedError = classes.get(code) ?? createError(code, code, 500)
  const error = new CodedError() as HttpError
  const { cause, retryAfter, members = {} } = options
  // Not enumerable: loggers and serializers must not walk into what a provider sent.
  if (cause !== undefined) Object.defineProperty(error, 'cause', { value: cause, enumerable: false })
  return Object.assign(error, { retryable: errorCodes[code].retryable, retryAfter, members })
}

/** Whatever was thrown, as a failure of ours; `undefined` when it is the application's. */
export function asHttpError (error: unknown): HttpError | undefined {
  if (ConsentryError.is(error)) return httpError(error.code, { cause: error, retryAfter: error.retryAfter, ...(error.missingScopes !== undefined && { members: { missingScopes: error.missingScopes } }) })
  return error instanceof Error && 'code' in error && 'members' in error && classes.has(String(error.code)) ? error as HttpError : undefined
}

/** As `asHttpError`, where anything else is thrown on. */
export function expectHttpError (error: unknown): HttpError {
  const failure = asHttpError(error)
  if (failure === undefined) throw error
  return failure
}

/** What may be logged of a failure: of ours the code, since its causes may hold what a provider sent. */
export function loggable (error: unknown): { code: ErrorCode } | { err: unknown } {
  const failure = asHttpError(error)
  return failure === undefined ? { err: error } : { code: failure.code }
}

/** Problem details (RFC 9457). `type` is a URN, since the code says all there is to look up. */
export interface Problem {
  type: string
  title: string
  status: number
  code: ErrorCode
  retryable: boolean
  [member: string]: unknown
}

export function problem (error: HttpError): Problem {
  const { code, message, statusCode, retryable, members } = error
  return { type: `urn:consentry:error:${code}`, title: message, status: statusCode, code, retryable, ...members }
}

/** Sends the failure as `application/problem+json`, with the headers that belong to its status. */
export function sendProblem (reply: FastifyReply, error: HttpError): FastifyReply {
  failureHeaders(reply, error)
  return reply.type('application/problem+json').send(JSON.stringify(problem(error)))
}

/** `WWW-Authenticate` (RFC 9110 section 11.6.1), `Retry-After` (section 10.2.3), and the end of a cookie whose session is over. */
export function failureHeaders (reply: FastifyReply, error: HttpError): void {
  reply.code(error.statusCode).header('cache-control', 'no-store')
  if (error.statusCode === 401) reply.header('www-authenticate', challenges(reply.request, error))
  // Or the browser goes on sending it, and every request looks for a session that is over.
  if (error.staleSession === 'over') clearSessionCookie(reply)
  if (error.retryable && error.statusCode >= 429) reply.header('retry-after', String(Math.ceil((error.retryAfter ?? 5_000) / 1000)))
}
