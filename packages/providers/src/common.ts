import type { RedirectProvider } from '@consentry/core'
import type { AuthorizationServer } from 'oauth4webapi'
import { authorizationRequest } from './authorization-request.ts'
import { authorizationResponses } from './authorization-response.ts'
import type { AuthorizationResponses } from './authorization-response.ts'
import type { Context } from './context.ts'
import { dpopResourceRequest } from './dpop.ts'
import type { IssuerRules } from './issuer-rules.ts'
import { pushAuthorizationRequest } from './pushed-authorization-request.ts'
import { revoke } from './revocation.ts'

export interface CommonOptions {
  /** Metadata of the server; loaded when it is first needed. */
  server: () => Promise<AuthorizationServer & { readonly authorization_endpoint: string }>
  /** For a provider with several issuers. */
  rules?: IssuerRules
  /** Whether requests are OpenID Connect's: with the scope `openid` and a nonce. */
  openid: boolean
  /** Whether authorization requests are pushed (RFC 9126). */
  pushes: (server: AuthorizationServer) => boolean
}

/** The part of a provider that is the same with and without OpenID Connect. */
export function common (context: Context, { server, rules, openid, pushes }: CommonOptions): {
  methods: Pick<RedirectProvider, 'authorizationUrl' | 'authorizationResponse' | 'revoke' | 'resourceRequest' | 'close'>
  responses: AuthorizationResponses
} {
  const responses = authorizationResponses(context, rules)
  return {
    responses,
    methods: {
      async authorizationUrl (request) {
        const metadata = await server()
        const url = authorizationRequest(context, metadata.authorization_endpoint, request, { openid })
        // RFC 9449 section 10: the code is bound to the key too.
        if (context.dpop !== undefined) url.searchParams.set('dpop_jkt', await context.dpop.calculateThumbprint())
        return pushes(metadata) ? pushAuthorizationRequest(context, metadata, url) : url
      },
      authorizationResponse: async (parameters, check) => responses.check(await server(), parameters, check),
      revoke: async (tokens) => revoke(context, await server(), tokens),
      ...context.dpop !== undefined && { resourceRequest: dpopResourceRequest(context.dpop) },
      close: () => context.close()
    }
  }
}
