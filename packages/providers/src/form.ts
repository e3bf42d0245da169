import { ConsentryError } from '@consentry/core'
import type { FormField, FormProvider, TokenSet } from '@consentry/core'
import { createConnection } from './connection.ts'
import { ProviderFault, responseInvalid } from './errors.ts'
import type { Fetch } from './fetch.ts'
import { formSettings } from './form-options.ts'
import type { FormOptions } from './form-options.ts'
import { runProbe } from './probe.ts'
import type { Probed } from './probe.ts'

/** How one kind of secret is typed and sent. */
export interface SecretKind {
  readonly tokenType: string
  readonly fields: readonly FormField[]
  /** The credential of what was typed. Throws `CONSENTRY_ERR_SECRET_REFUSED`. */
  readonly read: (values: Readonly<Record<string, string>>) => string
  /** The header that carries it. */
  readonly header: (credential: string) => readonly [name: string, value: string]
  /** The account's id that stands in the credential itself. Counts once the provider accepted it. */
  readonly subject?: (credential: string) => string | undefined
}

type Secret = Pick<TokenSet, 'accessToken'>

/** A provider whose secret people type themselves. */
export function formProvider (options: FormOptions, kind: SecretKind): FormProvider {
  const settings = formSettings(options)
  const { label, host, issuer, helpUrl, probe } = settings
  const connection = createConnection(options)

  const send = async ({ accessToken }: Secret, url: URL, init: RequestInit, fetch: Fetch): Promise<Response> => {
    const reason = settings.refuses(url)
    if (reason !== undefined) throw new ConsentryError('CONSENTRY_ERR_HOST_REFUSED', { cause: new ProviderFault(`The URL ${reason}`) })
    const headers = new Headers(init.headers)
    headers.set(...kind.header(accessToken))
    // fetch would follow to another host, and take along a header that is not called Authorization.
    return fetch(url, { ...init, headers, redirect: init.redirect === 'error' ? 'error' : 'manual' })
  }

  const ask = async (tokens: Secret): Promise<Probed | undefined> => {
    if (probe === undefined) return undefined
    const probed = await runProbe(probe, (url, init = {}) => send(tokens, new URL(url), init, connection.fetch), settings)
    const subject = probed.accepted && probed.account === undefined ? kind.subject?.(tokens.accessToken) : undefined
    return subject === undefined ? probed : { accepted: true, account: { issuer, subject, claims: {} } }
  }

  return Object.freeze({
    kind: 'form',
    label,
    host,
    issuer,
    defaultScopes: settings.scopes,
    fields: kind.fields,
    ...helpUrl !== undefined && { helpUrl },

    async submit (values) {
      const tokens = { accessToken: kind.read(values), tokenType: kind.tokenType }
      const probed = await ask(tokens)
      if (probed?.accepted === false) throw secretRefused('The provider does not accept it')
      return { ...tokens, ...probed?.account !== undefined && { account: probed.account } }
    },

    async userInfo (tokens) {
      const probed = await ask(tokens)
      if (probed?.accepted === false) throw new ConsentryError('CONSENTRY_ERR_PROVIDER_REFUSED', { cause: new ProviderFault('The secret is no longer accepted') })
      if (tokens.account !== undefined && probed?.account !== undefined && probed.account.subject !== tokens.account.subject) {
        throw responseInvalid('The secret is of another account')
      }
      return probed?.account ?? tokens.account
    },

    // Nobody but the person can take it back, where they got it.
    revoke: async () => false,
    resourceRequest: send,
    close: () => connection.close()
  } satisfies FormProvider)
}

export interface TypedOptions {
  allowed: RegExp
  /** Characters. */
  longest: number
  /** Keeps the blanks around it, which come with copying more often than they belong to it. */
  exact?: boolean
}

/** What was typed in a field. Throws `CONSENTRY_ERR_SECRET_REFUSED`. */
export function typed (values: Readonly<Record<string, string>>, name: string, { allowed, longest, exact = false }: TypedOptions): string {
  const value: unknown = Object.hasOwn(values, name) ? values[name] : undefined
  const text = typeof value !== 'string' ? '' : exact ? value : value.trim()
  if (text === '') throw secretRefused(`${name} is empty`)
  if (text.length > longest) throw secretRefused(`${name} is too long`)
  if (!allowed.test(text)) throw secretRefused(`${name} holds characters that it cannot have`)
  return text
}

/** `CONSENTRY_ERR_SECRET_REFUSED`; `reason` is ours and holds nothing of what was typed. */
function secretRefused (reason: string): ConsentryError {
  return new ConsentryError('CONSENTRY_ERR_SECRET_REFUSED', { cause: new ProviderFault(reason) })
}
