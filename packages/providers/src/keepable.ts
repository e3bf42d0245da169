import { ConsentryError } from '@consentry/core'
import { ProviderFault, responseInvalid } from './errors.ts'

/** Far deeper than claims are nested, and far less deep than the stack of whoever writes them down. */
const deepest = 32
/** In bytes of JSON: a thousand groups fit, and a picture as a link. Every request of a session reads them. */
const most = 65_536

/**
 * The claims, if they can be kept: not nested without end, and of a size that a session or a grant may have (T15).
 *
 * @throws ConsentryError `CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID`, `CONSENTRY_ERR_CLAIMS_OVERSIZE`
 */
export function keepable<T extends object> (claims: T): T {
  if (!isWithin(claims, deepest)) throw responseInvalid('The claims are nested too deeply')
  if (Buffer.byteLength(JSON.stringify(claims)) > most) throw new ConsentryError('CONSENTRY_ERR_CLAIMS_OVERSIZE', { cause: new ProviderFault(`The claims have more than ${most} bytes`) })
  return claims
}

function isWithin (value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every((member) => isWithin(member, levels - 1))
}
