import { cached } from '@consentry/core'
import { compactVerify, createLocalJWKSet, errors } from 'jose'
import type { CompactJWSHeaderParameters, JSONWebKeySet } from 'jose'
import type { Context } from './context.ts'
import { attempt, unavailable, ProviderFault } from './errors.ts'

/** Checks signatures with the provider's keys. */
export interface Keys {
  /** The protected header of the JWT, once its signature is verified. */
  verify (jwt: string): Promise<CompactJWSHeaderParameters>
}

type KeySet = ReturnType<typeof createLocalJWKSet>

const minute = 60_000

/**
 * The provider's keys (RFC 7517 section 5), loaded at the first use and kept for ten minutes, for up to an hour while they
 * cannot be renewed. A signature that none of them made asks for newer ones, one request per cooldown (R15). They are cached
 * here and not by jose's remote set, because that counts its cooldown from the last success and serves nothing stale.
 */
export function keysOf (context: Context, algorithms: readonly string[], jwksUri: () => Promise<string>): Keys {
  const cache = cached(() => attempt('keys', async () => load(context, await jwksUri())), {
    freshFor: 10 * minute, staleFor: 60 * minute, failureCooldown: 1000, renewCooldown: 10_000, clock: context.clock
  })
  // Keys named in the token itself (`jku`, `jwk`, `x5u`) are not looked at; `crit` is refused.
  const verifyWith = async (keys: KeySet, jwt: string) => (await compactVerify(jwt, keys, { algorithms: [...algorithms] })).protectedHeader

  return {
    async verify (jwt) {
      const keys = await cache.get()
      try {
        return await verifyWith(keys, jwt)
      } catch (error) {
        // An unknown key id, or a known one with a new key.
        if (!(error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed)) throw error
        const renewed = await cache.renew(keys)
        if (renewed === keys) throw error
        return verifyWith(renewed, jwt)
      }
    }
  }
}

async function load (context: Context, jwksUri: string): Promise<KeySet> {
  const response = await context.fetch(jwksUri, { method: 'GET', redirect: 'manual', headers: { accept: 'application/json, application/jwk-set+json' } })
  if (response.status !== 200) throw unavailable(new ProviderFault('The keys could not be loaded', { status: response.status }))
  const body = await response.json().catch(() => { throw unavailable(new ProviderFault('The keys are not JSON')) }) as JSONWebKeySet
  return createLocalJWKSet(body)
}
