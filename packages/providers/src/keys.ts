import { cached } from '@consentry/core'
import { compactVerify, createLocalJWKSet, errors } from 'jose'
import type { CompactJWSHeaderParameters, JSONWebKeySet } from 'jose'
import type { Context } from './context.ts'
import { attempt, unavailable, ProviderFault } from './errors.ts'
import type { IssuerRules } from './issuer-rules.ts'

/** Checks signatures with the provider's keys. */
export interface Keys {
  /** The protected header of the JWT, once its signature by a key that may sign for `issuer` is verified. */
  verify (jwt: string, issuer: string): Promise<CompactJWSHeaderParameters>
}

type KeySet = (issuer: string) => ReturnType<typeof createLocalJWKSet>

export interface KeysOptions extends Pick<IssuerRules, 'signs'> {
  /** Signature algorithms that are accepted. */
  algorithms: readonly string[]
  jwksUri: () => Promise<string>
}

const minute = 60_000

/**
 * The provider's keys (RFC 7517 section 5), loaded at the first use and kept for ten minutes, for up to an hour while they
 * cannot be renewed. A signature that none of them made asks for newer ones, one request per cooldown (R15). They are cached
 * here and not by jose's remote set, because that counts its cooldown from the last success and serves nothing stale.
 */
export function keysOf (context: Context, { algorithms, jwksUri, signs }: KeysOptions): Keys {
  const cache = cached(() => attempt('keys', async () => load(context, await jwksUri(), signs)), {
    freshFor: 10 * minute, staleFor: 60 * minute, failureCooldown: 1000, renewCooldown: 10_000, clock: context.clock
  })
  // Keys named in the token itself (`jku`, `jwk`, `x5u`) are not looked at; `crit` is refused.
  const verifyWith = async (keys: KeySet, jwt: string, issuer: string) => (await compactVerify(jwt, keys(issuer), { algorithms: [...algorithms] })).protectedHeader

  return {
    async verify (jwt, issuer) {
      const keys = await cache.get()
      try {
        return await verifyWith(keys, jwt, issuer)
      } catch (error) {
        // An unknown key id, or a known one with a new key.
        if (!(error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed)) throw error
        const renewed = await cache.renew(keys)
        if (renewed === keys) throw error
        return verifyWith(renewed, jwt, issuer)
      }
    }
  }
}

async function load (context: Context, jwksUri: string, signs: IssuerRules['signs']): Promise<KeySet> {
  const response = await context.fetch(jwksUri, { method: 'GET', redirect: 'manual', headers: { accept: 'application/json, application/jwk-set+json' } })
  if (response.status !== 200) throw unavailable(new ProviderFault('The keys could not be loaded', { status: response.status }))
  const body = await response.json().catch(() => { throw unavailable(new ProviderFault('The keys are not JSON')) }) as JSONWebKeySet
  return keySet(body, signs)
}

/** The keys that may sign for each issuer; those that serve the same keys share one set, which remembers what it imported. */
function keySet (all: JSONWebKeySet, signs: IssuerRules['signs']): KeySet {
  const everything = createLocalJWKSet(all)
  const sets = new Map<string, typeof everything>()
  return (issuer) => {
    const fitting = [...all.keys.entries()].filter(([, key]) => signs(key, issuer))
    if (fitting.length === all.keys.length) return everything
    const name = fitting.map(([index]) => index).join()
    const set = sets.get(name) ?? createLocalJWKSet({ keys: fitting.map(([, key]) => key) })
    sets.set(name, set)
    return set
  }
}
