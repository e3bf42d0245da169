import { ConsentryError } from '@consentry/core'

/** The error for a wrong option; its cause names it. */
export function invalid (why: string): ConsentryError {
  return new ConsentryError('CONSENTRY_ERR_OPTIONS_INVALID', { cause: new TypeError(why) })
}

/** A number of milliseconds that was given, or the default. */
export function milliseconds (name: string, given: number | undefined, otherwise: number): number {
  const value = given ?? otherwise
  if (!Number.isSafeInteger(value) || value < 1) throw invalid(`${name} must be a whole number of milliseconds, 1 or more`)
  return value
}
