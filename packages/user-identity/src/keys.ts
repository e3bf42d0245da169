import { cached, ConsentryError, type Clock } from '@consentry/core'
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import type { Fetch } from './fetch.ts'
import { invalid } from './refused.ts'

/** The keys of an issuer. */
export interface Keys {
  /** Verifies with the keys at hand, and once more with newer ones when none of them made the signature. */
  use<T> (verify: (keys: JWTVerifyGetKey) => Promise<T>): Promise<T>
}

/** Keys that are known. @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID` */
export function localKeys (jwks: JSONWebKeySet): Keys {
  try {
    const keys = createLocalJWKSet(jwks)
    return { use: (verify) => verify(keys) }
  } catch {
    throw invalid('jwks must be a JSON Web Key Set')
  }
}

export interface RemoteKeysOptions {
  url: URL
  fetch: Fetch
  clock: Pick<Clock, 'monotonic'>
  /** Called when the keys are no longer those that were loaded before. */
  onRotated?: (() => void) | undefined
}

const minute = 60_000

/**
 * Keys at an address (RFC 7517 section 5): loaded at the first use, kept for ten minutes, and for up to an hour while they
 * cannot be renewed. A signature that none of them made asks for newer ones, one request per ten seconds (R15).
 */
export function remoteKeys ({ url, fetch, clock, onRotated }: RemoteKeysOptions): Keys {
  let known: string | undefined
  const cache = cached(async () => {
    const response = await fetch(url.href, { headers: { accept: 'application/json, application/jwk-set+json' } })
    const text = await response.text()
    if (response.status !== 200) throw unavailable()
    const keys = parse(text)
    if (known !== undefined && known !== text) onRotated?.()
    known = text
    return keys
  }, { freshFor: 10 * minute, staleFor: 60 * minute, failureCooldown: 1000, renewCooldown: 10_000, clock })

  return {
    async use (verify) {
      const keys = await cache.get()
      try {
        return await verify(keys)
      } catch (error) {
        // An unknown key id, or a known one with a new key.
        if (!(error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed)) throw error
        const renewed = await cache.renew(keys)
        if (renewed === keys) throw error
        return verify(renewed)
      }
    }
  }
}

function parse (text: string): JWTVerifyGetKey {
  try {
    return createLocalJWKSet(JSON.parse(text) as JSONWebKeySet)
  } catch (error) {
    throw unavailable(error)
  }
}

function unavailable (cause?: unknown): ConsentryError {
  return new ConsentryError('CONSENTRY_ERR_PROVIDER_UNAVAILABLE', { cause })
}
