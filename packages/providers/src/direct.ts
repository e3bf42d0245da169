import { cached } from '@consentry/core'
import type { DirectProvider, DirectRequest } from '@consentry/core'
import type { AuthorizationServer, TokenEndpointResponse } from 'oauth4webapi'
import { createContext } from './context.ts'
import type { Context } from './context.ts'
import { endpointsOf, loadDocument } from './discovery.ts'
import type { DiscoveryMethod } from './discovery.ts'
import { withNonce } from './dpop.ts'
import { attempt, optionsInvalid } from './errors.ts'
import { endpointOption, reachOf } from './options.ts'
import type { ClientOptions } from './options.ts'
import { revoke } from './revocation.ts'
import { regular, tokenSet } from './token-response.ts'

/** What a provider is that gives tokens without asking a person. */
export interface DirectOptions extends Omit<ClientOptions, 'authorizationParameters'> {
  /** The issuer identifier; endpoints are found by discovery. This or `tokenEndpoint` is needed. */
  issuer?: string
  /** Where the metadata of `issuer` is: as an OpenID provider's (`oidc`, the default), or as RFC 8414 has it (`oauth2`). */
  discovery?: DiscoveryMethod
  /** RFC 6749 section 3.2. Takes the place of discovery. */
  tokenEndpoint?: string
  /** RFC 7009 section 2, beside `tokenEndpoint`. Without it, nothing can be revoked. */
  revocationEndpoint?: string
  /** Whom the tokens are for, by names that the provider knows. */
  audience?: string | readonly string[]
  /** Whom the tokens are for, by absolute URIs (RFC 8707). */
  resource?: string | readonly string[]
}

/** The one request that makes tokens, and what `subject` it starts from. */
export interface DirectGrant {
  readonly subject?: NonNullable<DirectProvider['subject']>
  readonly request: (context: Context, server: AuthorizationServer, parameters: URLSearchParams, subjectToken: string | undefined) => Promise<Response>
  readonly process: (context: Context, server: AuthorizationServer, answer: Response) => Promise<TokenEndpointResponse>
}

const hour = 3_600_000

/** A provider that answers one token request with tokens. A refresh token that comes along is left out: the request can be made again. */
export function directProvider (options: DirectOptions, grant: DirectGrant): DirectProvider {
  const reach = reachOf(options)
  const { discovery: method = 'oidc' } = options
  if (method !== 'oidc' && method !== 'oauth2') throw optionsInvalid('discovery is neither oidc nor oauth2')
  const configured = options.tokenEndpoint === undefined ? undefined : {
    token_endpoint: endpointOption('tokenEndpoint', options.tokenEndpoint, reach),
    ...options.revocationEndpoint !== undefined && { revocation_endpoint: endpointOption('revocationEndpoint', options.revocationEndpoint, reach) }
  }
  if (configured === undefined && options.revocationEndpoint !== undefined) throw optionsInvalid('revocationEndpoint is given without tokenEndpoint')
  const issuer = options.issuer === undefined && configured !== undefined ? new URL(configured.token_endpoint).origin : endpointOption('issuer', options.issuer ?? '', reach)
  const context = createContext(options, {
    scopes: [], scopeSeparator: ' ', audience: options.issuer === undefined ? configured?.token_endpoint : undefined
  })
  const targets = [...list('audience', options.audience), ...list('resource', options.resource)]
  const metadata = cached(() => attempt('discovery', async () => {
    const document = await loadDocument(context, issuer, { issuer, method })
    const { required, optional } = endpointsOf(context, document)
    return { issuer, token_endpoint: required('token_endpoint'), ...optional('revocation_endpoint') }
  }), { freshFor: hour, staleFor: 24 * hour, failureCooldown: 1000, renewCooldown: 0, clock: context.clock })
  const server = async (): Promise<AuthorizationServer> => configured === undefined ? metadata.get() : { issuer, ...configured }
  const { host } = new URL(configured?.token_endpoint ?? issuer)

  return Object.freeze({
    kind: 'direct',
    label: options.label ?? host,
    host,
    issuer,
    defaultScopes: context.scopes,
    ...context.facts,
    ...grant.subject !== undefined && { subject: grant.subject },

    async obtain ({ scopes, subjectToken }: DirectRequest) {
      const parameters = new URLSearchParams(targets)
      if (scopes.length > 0) parameters.set('scope', scopes.join(' '))
      return attempt('obtain', async () => {
        const authorizationServer = await server()
        const body = await withNonce(async () => {
          const answer = await grant.request(context, authorizationServer, parameters, subjectToken)
          return grant.process(context, authorizationServer, await regular(answer, { idToken: false }))
        })
        const { refreshToken: _unneeded, ...tokens } = tokenSet(body, context)
        return tokens
      }, context)
    },

    userInfo: async ({ account }) => account,
    revoke: async ({ accessToken }) => revoke(context, await server(), { accessToken }),
    close: () => context.close()
  } satisfies DirectProvider)
}

function list (name: 'audience' | 'resource', given: string | readonly string[] = []): Array<[string, string]> {
  const values = [given].flat()
  for (const value of values) {
    if (typeof value !== 'string' || value === '') throw optionsInvalid(`${name} holds one that is empty`)
    // RFC 8707 section 2.
    if (name === 'resource' && (!URL.canParse(value) || value.includes('#'))) throw optionsInvalid('resource holds one that is not an absolute URI')
  }
  return values.map((value) => [name, value])
}
