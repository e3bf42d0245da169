import type { Provider } from '@consentry/core'
import type { ConnectionOptions } from './options.ts'

/** How the value of a variable is read: a `secret` may also stand in a file, and a `list` has blanks or commas between its members. */
export type VariableKind = 'text' | 'secret' | 'list' | 'flag' | 'number'

/** A kind of provider that variables can describe. An option has a variable of its name: `clientId` is `CLIENT_ID`. */
export interface ProviderType {
  readonly options: Readonly<Record<string, VariableKind>>
  readonly required: readonly string[]
  readonly create: (options: Readonly<Record<string, unknown>>) => Provider
}

const connection = {
  label: 'text', timeout: 'number', allowInsecureLoopback: 'flag', allowPrivateAddresses: 'flag'
} as const satisfies Partial<Record<keyof ConnectionOptions | 'label', VariableKind>>
const client = { ...connection, clientId: 'text', clientSecret: 'secret', scopes: 'list', resourceHosts: 'list' } as const

type Variables<Options> = Readonly<Partial<Record<keyof Options & string, VariableKind>>>

/** What `create` makes, of the options that are named. */
export function providerType<Options extends object> (
  create: (options: Options) => Provider, options: Variables<Options>, required: ReadonlyArray<keyof Options & string> = []
): ProviderType {
  return { options: { ...connection, ...options }, required, create: (given) => create(given as Options) }
}

/** The same for what needs a client: `CLIENT_ID`, `CLIENT_SECRET`, `SCOPES`, and what else is named. */
export function clientType<Options extends { clientId: string }> (
  create: (options: Options) => Provider, options?: Variables<Options>, required: ReadonlyArray<keyof Options & string> = []
): ProviderType {
  return { options: { ...options, ...client }, required: ['clientId', ...required], create: (given) => create(given as Options) }
}
