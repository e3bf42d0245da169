import type { Problem } from './contract.ts'

/** Codes after which the same call may succeed later. An event says only the code; a test holds this against the server's table. */
const retryable = /UNREACHABLE|UNAVAILABLE|EXPIRED|SUPERSE|TOO_|SHUTDOWN|AUTHORIZATION|BUSY|LOST/

/** What there is to say of a failure beside its code. */
export interface ClientErrorDetails {
  /** Whether the same call may succeed later without anybody changing anything. */
  retryable?: boolean
  /** Milliseconds to wait before trying again, where the server said so. */
  retryAfter?: number | undefined
  /** The HTTP status, when the failure is an answer. */
  status?: number
  /** The problem document with further members, such as `connectUrl`, when there was one. */
  problem?: Problem | null
}

/**
 * Every failure of this package. `code` is the server's (`CONSENTRY_ERR_…`, see docs/errors.md), or one of ours:
 * - `CONSENTRY_CLIENT_UNREACHABLE`: no answer came, or none of Consentry; whether the request arrived is not known
 * - `CONSENTRY_CLIENT_CLOSED`: the client was closed
 */
export class ClientError extends Error implements ClientErrorDetails {
  declare readonly code: string
  declare readonly retryable: boolean
  declare readonly retryAfter?: number | undefined
  declare readonly status?: number
  declare readonly problem?: Problem | null

  constructor (code: string, message: string, details: ClientErrorDetails = {}, cause?: unknown) {
    super(message, { cause })
    Object.assign(this, { name: 'ClientError', code, retryable: retryable.test(code) }, details)
  }
}

export function unreachable (cause?: unknown, details?: ClientErrorDetails): ClientError {
  return new ClientError('CONSENTRY_CLIENT_UNREACHABLE', 'No answer.', details, cause)
}

/** The failure that an answer is. */
export async function errorOf (response: Response): Promise<ClientError> {
  const { status, headers } = response
  const problem = await response.json().catch(() => null) as Problem | null
  const after = headers.get('retry-after') ?? ''
  // Seconds or a date (RFC 9110 section 10.2.3).
  const retryAfter = Math.max(0, Number(after) * 1000 || Date.parse(after) - Date.now()) || undefined
  const details = { status, problem, retryable: problem?.retryable ?? status > 428, retryAfter }
  return problem?.code === undefined ? unreachable(undefined, details) : new ClientError(problem.code, problem.title, details)
}
