import { ConsentryError } from '@consentry/core'

/** A credential that is there and not accepted. Why is for `cause`; the caller learns nothing more. */
export function refused (cause?: unknown): ConsentryError {
  return new ConsentryError('CONSENTRY_ERR_CREDENTIAL_INVALID', { cause })
}

/** An option that makes no sense. Thrown at start, before anyone is let in (T17). */
export function invalid (message: string): ConsentryError {
  return new ConsentryError('CONSENTRY_ERR_OPTIONS_INVALID', { cause: new TypeError(message) })
}
