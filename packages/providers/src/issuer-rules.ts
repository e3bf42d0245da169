import type { Claims } from '@consentry/core'

/** Which issuers belong to one OpenID provider. Usually there is one; a provider with tenants has one for each. */
export interface IssuerRules {
  /** What stands in the discovery document. */
  readonly document: string
  /**
   * The issuer that an ID token with these claims must name, for a provider with several. The signature over the claims
   * is checked afterwards. Throws `CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID` when the claims name none that is accepted.
   */
  readonly expected?: (claims: Claims) => string
  /** Whether `iss` of an authorization response is the provider's. */
  readonly accepts: (iss: string) => boolean
  /** Whether a key of the provider may sign for this issuer. */
  readonly signs: (key: object & { issuer?: unknown }, issuer: string) => boolean
}

/** The rules of OpenID Connect Core: one issuer, which all keys sign for. */
export function oneIssuer (issuer: string): IssuerRules {
  return { document: issuer, accepts: (iss) => iss === issuer, signs: () => true }
}
