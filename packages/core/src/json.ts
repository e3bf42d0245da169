import { ConsentryError } from './errors.ts'

/**
 * The value as its readers will see it, so that a later change of it changes nothing. Throws
 * `CONSENTRY_ERR_RESULT_INVALID` when it is longer than `largest` characters of JSON, or no JSON.
 */
export function asJson (value: unknown, largest: number): unknown {
  let json: string | undefined
  try {
    json = JSON.stringify(value)
  } catch (error) {
    throw new ConsentryError('CONSENTRY_ERR_RESULT_INVALID', { cause: error })
  }
  if (json === undefined) return null
  if (json.length > largest) throw new ConsentryError('CONSENTRY_ERR_RESULT_INVALID', { cause: new RangeError('too large') })
  return JSON.parse(json) as unknown
}
