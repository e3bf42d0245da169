import type { RedirectProvider } from '@consentry/core'
import type { AuthorizationServer } from 'oauth4webapi'
import { authorizationRequest } from './authorization-request.ts'
import { authorizationResponses } from './authorization-response.ts'
import type { AuthorizationResponses } from './authorization-response.ts'
import type { Context } from './context.ts'
import { revoke } from './revocation.ts'

export interface CommonOptions {
  /** Metadata of the server; loaded when it is first needed. */
  server: () => Promise<AuthorizationServer & { readonly authorization_endpoint: string }>
  /** Whether requests are OpenID Connect's: with the scope `openid` and a nonce. */
  openid: boolean
}

/** The part of a provider that is the same with and without OpenID Connect. */
export function common (context: Context, { server, openid }: CommonOptions): {
  methods: Pick<RedirectProvider, 'authorizationUrl' | 'authorizationResponse' | 'revoke' | 'close'>
  responses: AuthorizationResponses
} {
  const responses = authorizationResponses(context)
  return {
    responses,
    methods: {
      async authorizationUrl ({ nonce, scopes, ...request }) {
        const { authorization_endpoint: endpoint } = await server()
        if (!openid) return authorizationRequest(context, endpoint, { ...request, scopes })
        return authorizationRequest(context, endpoint, { ...request, nonce, scopes: scopes.includes('openid') ? scopes : ['openid', ...scopes] })
      },
      authorizationResponse: async (parameters, check) => responses.check(await server(), parameters, check),
      revoke: async (tokens) => revoke(context, await server(), tokens),
      close: () => context.close()
    }
  }
}
