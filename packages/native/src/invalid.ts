import { ConsentryError } from '@consentry/core'

/** The error for a wrong option; its cause names it. */
export function invalid (why: string): ConsentryError {
  return new ConsentryError('CONSENTRY_ERR_OPTIONS_INVALID', { cause: new TypeError(why) })
}
