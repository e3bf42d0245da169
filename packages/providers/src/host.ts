import { optionsInvalid } from './errors.ts'

/**
 * The origin of a host that an option names: a name, and a port where it needs one.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`
 */
export function originOf (name: string, host: string): string {
  const origin = `https://${host}`
  if (typeof host !== 'string' || !URL.canParse(origin) || new URL(origin).host !== host) throw optionsInvalid(`${name} is not a host`)
  return origin
}
