import { ConsentryError, type TokenStore } from '@consentry/core'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { chooseStore, type ChosenStore, type LocalOptions, type StoreChoice } from '@consentry/native'
import { providersFromEnv } from '@consentry/providers'
import { fileTokens, keyringTokens } from '@consentry/token-stores'
import type { Config } from './config.ts'
import { UsageError } from './exit-codes.ts'
import { stateFolder } from './places.ts'

/** The provider, and the store that keeps what it gave. */
export interface Session {
  options: LocalOptions
  /** What the store is called. */
  store: string
  close (): Promise<void>
}

export async function openSession ({ provider: variables, profile, store: wanted }: Config, env: Readonly<Record<string, string | undefined>>, onError: (error: unknown, doing: string) => void): Promise<Session> {
  const { login: provider } = providersFromEnv(variables)
  if (provider?.kind !== 'redirect') throw new UsageError('The provider is not one that people sign in with.')
  const { name: store, store: tokenStore } = await chosen(stateFolder(env), wanted)
  return {
    store,
    options: {
      provider, tokenStore, onError,
      // Tokens of one client are nothing to another.
      name: `${provider.issuer} ${variables['CONSENTRY_LOGIN_CLIENT_ID'] ?? ''}`,
      ...profile !== undefined && { profile }
    },
    close: async () => provider.close?.()
  }
}

/** The keyring where there is one, and the encrypted file otherwise. */
function chosen (folder: string, wanted: Config['store']): Promise<ChosenStore> {
  const directory = join(folder, 'grants')
  const choices: StoreChoice[] = [
    { name: 'keyring', open: () => advised(keyringTokens({ service: 'consentry', directory: join(folder, 'keyring') })) },
    { name: 'file', open: () => fileTokens({ directory }), used: () => existsSync(directory) }
  ]
  return chooseStore(choices.filter(({ name }) => wanted === undefined || name === wanted))
}

/** Whose failures say what a person can do about them who has this program, and not its code. */
function advised (store: TokenStore): TokenStore {
  return {
    ...store,
    load: (...args) => store.load(...args).catch(advise),
    save: (...args) => store.save(...args).catch(advise),
    delete: (...args) => store.delete(...args).catch(advise)
  }
}

function advise (error: unknown): never {
  if (!ConsentryError.is(error, 'CONSENTRY_ERR_STORE_UNAVAILABLE') || !(error.cause instanceof Error)) throw error
  const { cause } = error
  throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE', { cause: new Error(`${cause.message} To use one, sign in with --store file.`, { cause }) })
}
