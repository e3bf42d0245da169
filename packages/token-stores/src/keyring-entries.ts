import { ConsentryError } from '@consentry/core'
import type * as Keyring from '@napi-rs/keyring'
import { invalid } from './options.ts'

/** Secrets in the keyring, by name. Methods reject with `CONSENTRY_ERR_STORE_UNAVAILABLE` when no keyring answers in time. */
export interface KeyringEntries {
  get (name: string): Promise<string | undefined>
  set (name: string, secret: string): Promise<void>
  remove (name: string): Promise<void>
}

// Without this Linux falls back to the kernel's keyring, which forgets at the next start.
const durable: Keyring.EntryOptions = { linux: { store: 'secret-service' } }

const advice: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'The keyring needs a Secret Service such as gnome-keyring or KWallet, unlocked, in a D-Bus session (DBUS_SESSION_BUS_ADDRESS).',
  darwin: 'The login keychain must be unlocked, and this program allowed to use it.',
  win32: 'The Credential Manager must be running, in the session of a signed-in user.'
}

/** The entries of a service. `timeout`: milliseconds for one of them, in which a person may have to unlock the keyring. */
export function keyringEntries (service: string, timeout: number): KeyringEntries {
  let tail: Promise<unknown> = Promise.resolve()

  async function use<T> (name: string, fn: (entry: Keyring.AsyncEntry, signal: AbortSignal) => Promise<T>): Promise<T> {
    const { AsyncEntry } = await keyring()
    let timer: NodeJS.Timeout | undefined
    try {
      const controller = new AbortController()
      const late = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => {
          controller.abort()
          reject(new Error(`no answer within ${timeout} ms`))
        }, timeout)
      })
      return await Promise.race([fn(new AsyncEntry(service, name, durable), controller.signal), late])
    } catch (error) {
      // For people too, who run what others have programmed.
      const hint = `${advice[process.platform] ?? 'There is no keyring.'} Where there is none, an encrypted file can take its place.`
      throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE', { cause: new Error(hint, { cause: error }) })
    } finally {
      clearTimeout(timer)
    }
  }

  /** One after the other: keyrings are not made for more. */
  function inTurn<T> (name: string, fn: (entry: Keyring.AsyncEntry, signal: AbortSignal) => Promise<T>): Promise<T> {
    const turn = tail.then(() => use(name, fn))
    tail = turn.catch(() => {})
    return turn
  }

  return {
    get: async (name) => await inTurn(name, (entry, signal) => entry.getPassword(signal)) ?? undefined,
    set: (name, secret) => inTurn(name, (entry, signal) => entry.setPassword(secret, signal)),
    remove: async (name) => { await inTurn(name, (entry, signal) => entry.deleteCredential(signal)) }
  }
}

async function keyring (): Promise<typeof Keyring> {
  try {
    return await import('@napi-rs/keyring')
  } catch (error) {
    throw Object.assign(invalid('keyringTokens needs the package @napi-rs/keyring: npm i @napi-rs/keyring'), { reason: error })
  }
}
