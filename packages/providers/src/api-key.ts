import type { FormProvider } from '@consentry/core'
import { optionsInvalid } from './errors.ts'
import type { FormOptions } from './form-options.ts'
import { formProvider, typed } from './form.ts'

export interface ApiKeyOptions extends FormOptions {
  /** What the provider calls it, for people. Default "API key". */
  fieldLabel?: string
  /** Where to find it, in a sentence for people. */
  hint?: string
  /** The header that carries it. Default `Authorization`. */
  header?: string
  /** What stands before it in the header, such as `Token`. Default `Bearer` in `Authorization`, nothing elsewhere; `''` for nothing. */
  scheme?: string
}

/** The longest key that is taken, in characters; it has to fit into a header. */
const longest = 4096
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
// They belong to the connection, or would carry it where it is kept (RFC 9110).
const otherHeaders: ReadonlySet<string> = new Set(['connection', 'content-length', 'content-type', 'cookie', 'expect', 'host', 'keep-alive', 'te', 'transfer-encoding', 'upgrade'])

/**
 * A provider that people have an API key of: they type it into a page of ours, and every request carries it to the
 * provider's host and to no other.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function apiKey (options: ApiKeyOptions): FormProvider {
  const { fieldLabel = 'API key', hint, header = 'authorization' } = options
  const { scheme = header.toLowerCase() === 'authorization' ? 'Bearer' : '' } = options
  if (!token.test(header) || otherHeaders.has(header.toLowerCase())) throw optionsInvalid('header is not one that can carry a key')
  if (scheme !== '' && !token.test(scheme)) throw optionsInvalid('scheme is malformed')
  return formProvider(options, {
    tokenType: 'api_key',
    fields: Object.freeze([Object.freeze({ name: 'api_key', label: fieldLabel, ...hint !== undefined && { hint }, secret: true })]),
    read: (values) => typed(values, 'api_key', { allowed: /^[\x21-\x7e]+$/, longest }),
    header: (key) => [header, scheme === '' ? key : `${scheme} ${key}`]
  })
}
