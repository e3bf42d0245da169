import type { ProviderBase } from '@consentry/core'
import { DPoP, WWWAuthenticateChallengeError, allowInsecureRequests, customFetch, isDPoPNonceError, protectedResourceRequest } from 'oauth4webapi'
import type { Client, CryptoKeyPair, DPoPHandle } from 'oauth4webapi'
import { hostKind } from './addresses.ts'
import { optionsInvalid } from './errors.ts'

/**
 * What signs the proofs (RFC 9449 section 4), and remembers the nonces of each server.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`
 */
export function dpopHandle (client: Client, keys: CryptoKeyPair): DPoPHandle {
  try {
    return DPoP(client, keys)
  } catch {
    throw optionsInvalid('dpop is not a pair of a private key and an extractable public key')
  }
}

/** Runs a request with the check of its answer, and once more when the server wants its nonce in the proof (RFC 9449 section 8). */
export async function withNonce<T> (run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (!isDPoPNonceError(error)) throw error
    return run()
  }
}

/** Sends requests of the application with a proof (RFC 9449 section 7); a token from before there was a key goes as it did. */
export function dpopResourceRequest (handle: DPoPHandle): NonNullable<ProviderBase['resourceRequest']> {
  return async ({ accessToken, tokenType }, url, init, fetch) => {
    const options = {
      ...tokenType === 'dpop' && { DPoP: handle },
      // What may be sent in the clear is decided before; a proof adds no secret.
      [allowInsecureRequests]: hostKind(url) === 'loopback',
      // The body does not go through the library, which takes fewer kinds than fetch does.
      [customFetch]: (target: string, { headers }: { headers: Record<string, string> }) => fetch(target, { ...init, headers })
    }
    const headers = new Headers(init.headers)
    // The library sets both, and refuses to replace one.
    for (const name of ['authorization', 'dpop']) headers.delete(name)
    const send = () => protectedResourceRequest(accessToken, init.method ?? 'GET', url, headers, null, options)
    try {
      return await (canBeSentAgain(init.body) ? withNonce(send) : send())
    } catch (error) {
      // A challenge is an answer like any other to the application.
      if (error instanceof WWWAuthenticateChallengeError) return error.response
      throw error
    }
  }
}

/** A stream or an iterator gives what it holds once. */
function canBeSentAgain (body: RequestInit['body']): boolean {
  return typeof body !== 'object' || body === null || !(Symbol.asyncIterator in body || 'next' in body)
}
