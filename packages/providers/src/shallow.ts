import { responseInvalid } from './errors.ts'

/** Far deeper than claims are nested, and far less deep than the stack of whoever writes them down. */
const deepest = 32

/**
 * The claims, unless they are nested without end: who would keep or compare them could not (T15).
 *
 * @throws ConsentryError `CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID`
 */
export function shallow<T extends object> (claims: T): T {
  if (!isWithin(claims, deepest)) throw responseInvalid('The claims are nested too deeply')
  return claims
}

function isWithin (value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every((member) => isWithin(member, levels - 1))
}
