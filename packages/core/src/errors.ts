import { inspect } from 'node:util'

/**
 * Every error code of Consentry, its message and whether trying again may help.
 * Messages are safe to show: they hold no secret and no text from a provider or a caller.
 */
export const errorCodes = {
  CONSENTRY_ERR_OPTIONS_INVALID: { message: 'An option is missing or wrong.', retryable: false },
  CONSENTRY_ERR_INTERNAL: { message: 'Something failed here that should not have.', retryable: false },
  CONSENTRY_ERR_STORE_UNAVAILABLE: { message: 'The store cannot be reached. Try again shortly.', retryable: true },
  CONSENTRY_ERR_RECORD_UNREADABLE: { message: 'A stored grant cannot be read here: a newer version or another key wrote it, or it was damaged or moved.', retryable: false },

  CONSENTRY_ERR_STATE_MISMATCH: { message: 'This answer belongs to no sign-in or consent that is under way here.', retryable: false },
  CONSENTRY_ERR_BINDING_MISMATCH: { message: 'This answer came back in another browser than the one that asked. Open the link again in this browser.', retryable: false },
  CONSENTRY_ERR_OWNER_MISMATCH: { message: 'This consent was asked of another person. Sign in as that person to answer it.', retryable: false },
  CONSENTRY_ERR_HANDLE_UNKNOWN: { message: 'This handle is not known here. It may have been used, or its time may be over.', retryable: false },
  CONSENTRY_ERR_ISSUER_MISMATCH: { message: 'The answer does not come from the provider that was asked.', retryable: false },
  CONSENTRY_ERR_RESPONSE_INVALID: { message: 'The provider sent the browser back with an answer that cannot be used.', retryable: false },
  CONSENTRY_ERR_FLOW_NOT_FOUND: { message: 'There is no such question. It may have ended some time ago.', retryable: false },
  CONSENTRY_ERR_FLOW_EXPIRED: { message: 'The time to answer is over. Start again to be asked anew.', retryable: true },
  CONSENTRY_ERR_FLOW_CANCELLED: { message: 'The question was withdrawn before it was answered. Nothing was stored.', retryable: false },
  CONSENTRY_ERR_FLOW_SUPERSEDED: { message: 'A newer question took the place of this one.', retryable: true },

  CONSENTRY_ERR_CONSENT_DENIED: { message: 'The consent was declined.', retryable: false },
  CONSENTRY_ERR_ACCOUNT_MISMATCH: { message: 'Another account of the provider was used than the one that is connected.', retryable: false },
  CONSENTRY_ERR_SCOPES_MISSING: { message: 'The provider granted less than was asked for.', retryable: false },
  CONSENTRY_ERR_REAUTH_REQUIRED: { message: 'The provider ended this grant. The person has to consent again.', retryable: false },
  CONSENTRY_ERR_GRANT_REVOKED: { message: 'The grant was disconnected while it was needed.', retryable: false },
  CONSENTRY_ERR_HOST_REFUSED: { message: 'A grant is not sent to this host.', retryable: false },
  CONSENTRY_ERR_SECRET_REFUSED: { message: 'The provider does not accept what was typed. Check it and try again.', retryable: false },
  CONSENTRY_ERR_AUTHORIZATION_REQUIRED: { message: 'A consent is needed before this request can be served.', retryable: true },
  CONSENTRY_ERR_NO_LOGIN_METHOD: { message: 'There is no way to ask a person to sign in here.', retryable: false },

  CONSENTRY_ERR_PROVIDER_UNKNOWN: { message: 'No provider of this name is configured.', retryable: false },
  CONSENTRY_ERR_PROVIDER_UNAVAILABLE: { message: 'The provider cannot be reached or does not answer as it should. Try again shortly.', retryable: true },
  CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID: { message: 'The provider gave an answer that fails the checks of the protocol.', retryable: false },
  CONSENTRY_ERR_CLAIMS_OVERSIZE: { message: 'The provider tells more of the account than is kept here.', retryable: false },
  CONSENTRY_ERR_PROVIDER_REFUSED: { message: 'The provider refused the request.', retryable: false },
  CONSENTRY_ERR_PROVIDER_MISCONFIGURED: { message: 'The provider does not accept this client. Its registration or configuration is wrong.', retryable: false },

  CONSENTRY_ERR_NO_EXECUTION: { message: 'authorize() was called outside of an execution.', retryable: false },
  CONSENTRY_ERR_EXECUTION_NOT_FOUND: { message: 'There is no such execution.', retryable: false },
  CONSENTRY_ERR_EXECUTION_FAILED: { message: 'The execution failed.', retryable: false },
  CONSENTRY_ERR_EXECUTION_CANCELLED: { message: 'The execution was cancelled.', retryable: false },
  CONSENTRY_ERR_EXECUTION_EXPIRED: { message: 'The execution took longer than it may.', retryable: true },
  CONSENTRY_ERR_NODE_LOST: { message: 'The server that ran the execution is gone. Start again: what was granted is kept.', retryable: true },
  CONSENTRY_ERR_RESULT_INVALID: { message: 'The result or progress of the execution is too large or cannot be written as JSON.', retryable: false },
  CONSENTRY_ERR_TOO_MANY_EXECUTIONS: { message: 'Too many executions are running for this person.', retryable: true },
  CONSENTRY_ERR_TOO_MANY_REQUESTS: { message: 'Too many requests. Try again shortly.', retryable: true },
  CONSENTRY_ERR_BUSY: { message: 'Too much is being checked at the moment. Try again shortly.', retryable: true },
  CONSENTRY_ERR_SHUTDOWN: { message: 'The server is closing. Start again shortly.', retryable: true },

  CONSENTRY_ERR_AUTHENTICATION_REQUIRED: { message: 'Sign in first.', retryable: false },
  CONSENTRY_ERR_STEP_UP_REQUIRED: { message: 'Sign in again, in the way that is asked for here.', retryable: false },
  CONSENTRY_ERR_CREDENTIAL_INVALID: { message: 'The credential was not accepted.', retryable: false },
  CONSENTRY_ERR_CREDENTIAL_CONFLICT: { message: 'The request carries credentials that name different callers.', retryable: false },
  CONSENTRY_ERR_FORBIDDEN: { message: 'You may not do this.', retryable: false },
  CONSENTRY_ERR_CROSS_ORIGIN: { message: 'This request must come from the application itself.', retryable: false },
  CONSENTRY_ERR_RETURN_TO_INVALID: { message: 'The page to return to is not a page of this application.', retryable: false },
  CONSENTRY_ERR_NOT_FOUND: { message: 'There is nothing at this address.', retryable: false },
  CONSENTRY_ERR_MESSAGE_INVALID: { message: 'The message is not one that is understood here.', retryable: false }
} as const

/** A stable, documented code: what went wrong, for programs. */
export type ErrorCode = keyof typeof errorCodes

/** What a failure carries beside its code. */
export interface ConsentryErrorOptions {
  /** What led to it. Never shown; may hold what a provider sent, so log `code`, not the chain. */
  cause?: unknown
  /** How long to wait before trying again, in milliseconds, where the other side said so. */
  retryAfter?: number
  /** The scopes that were not granted, for `CONSENTRY_ERR_SCOPES_MISSING`. */
  missingScopes?: readonly string[]
}

/** Every failure of Consentry is one of these; `code` tells them apart. */
export class ConsentryError extends Error {
  override readonly name = 'ConsentryError'
  readonly code: ErrorCode
  /** Whether the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean
  /** Milliseconds to wait before trying again, where known. */
  readonly retryAfter: number | undefined
  /** The scopes that were not granted, with `CONSENTRY_ERR_SCOPES_MISSING`. */
  readonly missingScopes: readonly string[] | undefined

  constructor (code: ErrorCode, options: ConsentryErrorOptions = {}) {
    super(errorCodes[code].message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = errorCodes[code].retryable
    this.retryAfter = options.retryAfter
    this.missingScopes = options.missingScopes
    // The chain may hold response bodies; loggers and inspectors must not walk into it.
    if (options.cause !== undefined) Object.defineProperty(this, 'cause', { enumerable: false, value: options.cause })
  }

  /** Whether `error` is a `ConsentryError`, of this code when one is given. */
  static is (error: unknown, code?: ErrorCode): error is ConsentryError {
    return error instanceof ConsentryError && (code === undefined || error.code === code)
  }
}

// Printed without the chain, which util.inspect shows even where it is not enumerable. Whoever asks for `cause` gets it.
Object.defineProperty(ConsentryError.prototype, inspect.custom, {
  value (this: ConsentryError): string { return `${this.stack ?? this.message} { code: '${this.code}' }` }
})
