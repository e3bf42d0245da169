import { ConsentryError } from '@consentry/core'
import type { ErrorCode } from '@consentry/core'
import { errors as jose } from 'jose'
import * as oauth from 'oauth4webapi'
import { retryAfter } from './retry-after.ts'

/** The request that failed; the same answer means different things to different ones. */
export type Step = 'discovery' | 'keys' | 'pushed authorization' | 'exchange' | 'device authorization' | 'device token' | 'refresh' | 'obtain' | 'probe' | 'revocation' | 'userinfo' | 'logout'

/** What some providers say in words of their own, and the time for those that say when to come back. */
export interface AttemptContext {
  readonly clock: { now: () => number }
  /** Errors of a refresh that mean the end of the grant. */
  readonly reauthErrors: ReadonlySet<string>
}

const plainContext: AttemptContext = { clock: { now: () => Date.now() }, reauthErrors: new Set(['invalid_grant']) }

/**
 * The cause of a provider's error, fit for a log: it says which check failed and holds no text of the provider.
 * `original` has the rest, and is not enumerable, so that loggers and inspectors do not walk into it.
 */
export class ProviderFault extends Error {
  override readonly name = 'ProviderFault'
  /** The code of the library or the system that noticed, such as `OAUTH_JWT_CLAIM_COMPARISON_FAILED`. */
  readonly code: string | undefined
  /** The HTTP status, where there was an answer. */
  readonly status: number | undefined
  /** The OAuth error code, when it is a registered one. */
  readonly error: string | undefined
  declare readonly original: unknown

  constructor (message: string, details: { code?: string | undefined, status?: number | undefined, error?: string | undefined, original?: unknown } = {}) {
    super(message)
    this.code = details.code
    this.status = details.status
    this.error = details.error
    Object.defineProperty(this, 'original', { enumerable: false, value: details.original })
  }
}

// https://www.iana.org/assignments/oauth-parameters/oauth-parameters.xhtml#extensions-error
const registeredErrors: ReadonlySet<string> = new Set([
  'invalid_request', 'invalid_client', 'invalid_grant', 'unauthorized_client', 'unsupported_grant_type', 'invalid_scope',
  'access_denied', 'server_error', 'temporarily_unavailable', 'slow_down', 'unsupported_token_type', 'invalid_token',
  'authorization_pending', 'expired_token', 'insufficient_scope', 'invalid_target', 'invalid_dpop_proof', 'use_dpop_nonce', 'interaction_required'
])

/** `CONSENTRY_ERR_PROVIDER_UNAVAILABLE` for whatever kept an answer from us. `retryAfter` is in milliseconds. */
export function unavailable (error: unknown, retryAfter?: number): ConsentryError {
  if (ConsentryError.is(error)) return error
  return new ConsentryError('CONSENTRY_ERR_PROVIDER_UNAVAILABLE', { cause: fault(error), ...retryAfter !== undefined && { retryAfter } })
}

/** `CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID`; `reason` is ours and holds nothing of the answer. */
export function responseInvalid (reason: string): ConsentryError {
  return new ConsentryError('CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID', { cause: new ProviderFault(reason) })
}

/** `CONSENTRY_ERR_OPTIONS_INVALID`; `reason` names the option. */
export function optionsInvalid (reason: string): ConsentryError {
  return new ConsentryError('CONSENTRY_ERR_OPTIONS_INVALID', { cause: new TypeError(reason) })
}

/** Runs one step; whatever fails in it becomes a `ConsentryError` with the code that a `Provider` promises. */
export async function attempt<T> (step: Step, run: () => Promise<T>, context: AttemptContext = plainContext): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (ConsentryError.is(error)) throw error
    const { status, error: oauthError, wait } = await answerOf(error)
    const known = oauthError !== undefined && (registeredErrors.has(oauthError) || context.reauthErrors.has(oauthError))
    const code = codeOf(error, step, status, oauthError, context)
    const after = code === 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE' ? retryAfter(wait ?? null, context.clock.now()) : undefined
    throw new ConsentryError(code, {
      cause: fault(error, { status, ...known && { error: oauthError } }), ...after !== undefined && { retryAfter: after }
    })
  }
}

function codeOf (error: unknown, step: Step, status: number | undefined, oauthError: string | undefined, { reauthErrors }: AttemptContext): ErrorCode {
  const atResource = step === 'userinfo' && (status === 401 || status === 403)
  if (atResource) return 'CONSENTRY_ERR_PROVIDER_REFUSED'
  if (oauthError !== undefined) return step === 'refresh' && reauthErrors.has(oauthError) ? 'CONSENTRY_ERR_REAUTH_REQUIRED' : codeOfOAuthError(oauthError, step)
  // A challenge at the token endpoint is about the client (RFC 6749 section 5.2).
  if (error instanceof oauth.WWWAuthenticateChallengeError) return status === 401 ? 'CONSENTRY_ERR_PROVIDER_MISCONFIGURED' : 'CONSENTRY_ERR_PROVIDER_REFUSED'
  const code = libraryCode(error)
  if (code === oauth.RESPONSE_IS_NOT_CONFORM || code === oauth.RESPONSE_IS_NOT_JSON || isBrokenBody(error)) return 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'
  return 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID'
}

/** The library has one code for a body and for a JWT that cannot be parsed. */
function isBrokenBody (error: unknown): boolean {
  return libraryCode(error) === oauth.PARSE_ERROR && error instanceof Error && error.message.includes('"response" body')
}

/** RFC 6749 section 5.2, RFC 7009 section 2.2.1. */
function codeOfOAuthError (error: string, step: Step): ErrorCode {
  switch (error) {
    case 'invalid_client':
    case 'unauthorized_client':
      return 'CONSENTRY_ERR_PROVIDER_MISCONFIGURED'
    // Not errors of this endpoint, but sent by providers that mean an outage; an outage must not end a grant (R14).
    case 'server_error':
    case 'temporarily_unavailable':
    case 'slow_down':
      return 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'
    default:
      // What nobody registered may mean anything; it must not end what a later try would renew.
      return step === 'refresh' && !registeredErrors.has(error) ? 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE' : 'CONSENTRY_ERR_PROVIDER_REFUSED'
  }
}

interface Answer {
  status?: number
  error?: string
  /** `Retry-After` as it came. */
  wait?: string | null
}

function read ({ status, headers }: Response): Answer {
  return { status, wait: headers.get('retry-after') }
}

async function answerOf (error: unknown): Promise<Answer> {
  if (error instanceof oauth.ResponseBodyError) return { ...read(error.response), error: error.error }
  // The library stops at the challenge; the body says more.
  if (error instanceof oauth.WWWAuthenticateChallengeError) return { ...read(error.response), ...await bodyError(error.response) }
  if (error instanceof oauth.OperationProcessingError && error.cause instanceof Response) return read(error.cause)
  return {}
}

async function bodyError (response: Response): Promise<{ error?: string }> {
  try {
    const body: unknown = await response.clone().json()
    return typeof body === 'object' && body !== null && 'error' in body && typeof body.error === 'string' ? { error: body.error } : {}
  } catch {
    return {}
  }
}

function fault (original: unknown, details: { status?: number | undefined, error?: string | undefined } = {}): ProviderFault {
  if (original instanceof ProviderFault) return original
  return new ProviderFault(safeMessage(original), { ...details, code: libraryCode(original), original })
}

function libraryCode (error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Only messages that are constant in the code that throws are kept; others may quote what came in. */
function safeMessage (error: unknown): string {
  if (!(error instanceof Error)) return 'Something else than an error was thrown'
  const constant = error instanceof oauth.OperationProcessingError || error instanceof oauth.UnsupportedOperationError ||
    error instanceof oauth.ResponseBodyError || error instanceof oauth.WWWAuthenticateChallengeError ||
    error instanceof jose.JOSEError
  return constant ? error.message : `${error.name} ${libraryCode(error) ?? ''}`.trim()
}
