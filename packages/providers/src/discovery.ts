import { cached } from '@consentry/core'
import { discoveryRequest, processDiscoveryResponse } from 'oauth4webapi'
import type { AuthorizationServer } from 'oauth4webapi'
import type { Context } from './context.ts'
import { endpoint } from './endpoint.ts'
import { attempt, responseInvalid } from './errors.ts'

/** The metadata of an OpenID provider, as far as we use it; its endpoints were checked. */
export interface OpenIdServer extends AuthorizationServer {
  readonly authorization_endpoint: string
  readonly token_endpoint: string
  readonly jwks_uri: string
}

export interface DiscoveryOptions {
  /** Where the document is: below this. */
  issuer: string
  /** The issuer that the document must name. Default: the same. */
  documentIssuer?: string
  /** Signature algorithms that are accepted, whatever the document lists. */
  algorithms: readonly string[]
  /** Takes the place of the document's. */
  authorizationEndpoint?: string | undefined
}

type EndpointName = 'authorization_endpoint' | 'token_endpoint' | 'jwks_uri' | 'userinfo_endpoint' | 'revocation_endpoint' | 'end_session_endpoint' |
  'pushed_authorization_request_endpoint' | 'device_authorization_endpoint'

const hour = 3_600_000

/**
 * The provider's metadata (OpenID Connect Discovery 1.0), loaded at the first use, renewed every hour, and used for
 * up to a day while it cannot be renewed.
 */
export function discovery (context: Context, options: DiscoveryOptions): () => Promise<OpenIdServer> {
  const cache = cached(() => attempt('discovery', () => discover(context, options)), {
    freshFor: hour, staleFor: 24 * hour, failureCooldown: 1000, renewCooldown: 0, clock: context.clock
  })
  return () => cache.get()
}

async function discover (context: Context, options: DiscoveryOptions): Promise<OpenIdServer> {
  const { algorithms, authorizationEndpoint, documentIssuer: issuer = options.issuer } = options
  const document = await loadDocument(context, options.issuer, { issuer })
  refusePlainPkce(document)
  const { required, optional } = endpointsOf(context, document)

  // Only what is named here goes on; the rest of the document is never looked at.
  return Object.freeze({
    issuer,
    authorization_endpoint: authorizationEndpoint ?? required('authorization_endpoint'),
    token_endpoint: required('token_endpoint'),
    jwks_uri: required('jwks_uri'),
    ...optional('userinfo_endpoint'),
    ...optional('revocation_endpoint'),
    ...optional('end_session_endpoint'),
    ...optional('pushed_authorization_request_endpoint'),
    ...optional('device_authorization_endpoint'),
    require_pushed_authorization_requests: document.require_pushed_authorization_requests === true,
    authorization_response_iss_parameter_supported: document.authorization_response_iss_parameter_supported === true,
    id_token_signing_alg_values_supported: [...algorithms],
    userinfo_signing_alg_values_supported: [...algorithms]
  })
}

/** Where the document is: OpenID Connect Discovery 1.0 section 4, or RFC 8414 section 3. */
export type DiscoveryMethod = 'oidc' | 'oauth2'

/** The metadata document below `where`, which must name `issuer`. */
export async function loadDocument (context: Context, where: string, { issuer, method = 'oidc' }: { issuer: string, method?: DiscoveryMethod }): Promise<AuthorizationServer> {
  const answer = await discoveryRequest(new URL(where), { algorithm: method, ...context.http })
  const document = await processDiscoveryResponse(new URL(issuer), answer)
  // Section 4.3 wants them identical; the library compares what URL parsing makes of them.
  if (document.issuer !== issuer) throw responseInvalid('The issuer of the discovery document is not the configured one')
  return document
}

/** Reads endpoints out of a document; each is checked for where it leads. */
export function endpointsOf (context: Context, document: AuthorizationServer): {
  required: (name: EndpointName) => string
  optional: (name: EndpointName) => { readonly [name: string]: string } | false
} {
  const required = (name: EndpointName): string => {
    try {
      return endpoint(name, document[name], context.reach).href
    } catch (error) {
      throw responseInvalid(error instanceof TypeError ? error.message : name)
    }
  }
  return { required, optional: (name) => document[name] !== undefined && { [name]: required(name) } }
}

/** A provider that lists methods without S256 would be talked down to `plain` (RFC 9700 section 2.1.1). */
function refusePlainPkce ({ code_challenge_methods_supported: methods }: AuthorizationServer): void {
  if (Array.isArray(methods) && methods.length > 0 && !methods.includes('S256')) throw responseInvalid('The provider does not support the PKCE method S256')
}
