import { seal, unseal, type RandomBytes } from '@consentry/core'
import { createSecretKey } from 'node:crypto'

/** Encrypts text for one place in the store. */
export interface Seal {
  seal: (text: string, place: string) => string
  /** `undefined` when it was sealed for another place or by another key, or was changed. */
  open: (sealed: string, place: string) => string | undefined
}

/** The first key encrypts, all decrypt. */
export function createSeal (keys: readonly [Buffer, ...Buffer[]], randomBytes: RandomBytes): Seal {
  const secrets = keys.map((key) => createSecretKey(key))
  const first = createSecretKey(keys[0])

  return {
    seal: (text, place) => seal(first, text, place, randomBytes),
    open (sealed, place) {
      for (const key of secrets) {
        try {
          return unseal(key, sealed, place)
        } catch {
          // Perhaps an older key.
        }
      }
      return undefined
    }
  }
}
