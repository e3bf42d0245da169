import type { FormProvider } from '@consentry/core'
import type { FormOptions } from './form-options.ts'
import { formProvider, typed } from './form.ts'

export interface BasicOptions extends FormOptions {
  /** What the provider calls it, for people. Default "User name". */
  usernameLabel?: string
  /** What the provider calls it, for people. Default "Password". */
  passwordLabel?: string
  /** Where to find them, in a sentence for people. */
  hint?: string
}

/**
 * A provider that people have a user name and a password of, or what some have in their place, such as an e-mail address
 * and a token: `Authorization: Basic` (RFC 7617, in UTF-8), to the provider's host and to no other. The access token of
 * the grant is `base64(name:password)`. With a `probe` that accepts them, the account is the user name's.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function basic (options: BasicOptions): FormProvider {
  const { usernameLabel = 'User name', passwordLabel = 'Password', hint } = options
  return formProvider(options, {
    tokenType: 'basic',
    fields: Object.freeze([
      Object.freeze({ name: 'username', label: usernameLabel, secret: false }),
      Object.freeze({ name: 'password', label: passwordLabel, ...hint !== undefined && { hint }, secret: true })
    ]),
    read (values) {
      // RFC 7617 section 2: no colon in the name, no control characters in either.
      const username = typed(values, 'username', { allowed: /^[^\p{Cc}:]+$/u, longest: 255 })
      const password = typed(values, 'password', { allowed: /^\P{Cc}+$/u, longest: 1024, exact: true })
      return Buffer.from(`${username}:${password}`).toString('base64')
    },
    header: (credential) => ['authorization', `Basic ${credential}`],
    subject: (credential) => Buffer.from(credential, 'base64').toString().split(':', 1)[0]
  })
}
