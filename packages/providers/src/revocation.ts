import type { TokenSet } from '@consentry/core'
import { processRevocationResponse, revocationRequest } from 'oauth4webapi'
import type { AuthorizationServer } from 'oauth4webapi'
import type { Context } from './context.ts'
import { ProviderFault, attempt } from './errors.ts'

/**
 * Token revocation (RFC 7009): the refresh token first, as most providers end the access token with it. Both are tried,
 * whatever becomes of the first. Resolves to `false` when the provider has no endpoint for it, or not for these tokens.
 */
export async function revoke (context: Context, server: AuthorizationServer, tokens: Pick<TokenSet, 'accessToken' | 'refreshToken'>): Promise<boolean> {
  if (server.revocation_endpoint === undefined) return false
  const hinted = [[tokens.refreshToken, 'refresh_token'], [tokens.accessToken, 'access_token']] as const
  let revoked = false
  const failures: unknown[] = []
  for (const [token, hint] of hinted) {
    if (token === undefined || token === '') continue
    try {
      await attempt('revocation', async () => processRevocationResponse(await revocationRequest(server, context.client, context.authentication, token, {
        additionalParameters: { token_type_hint: hint }, ...context.http
      })))
      revoked = true
    } catch (error) {
      const refusal = refusalOf(error)
      // What is over already cannot be ended; RFC 7009 section 2.2 wants no error then, and some send one.
      if (refusal === 'invalid_token') revoked = true
      // Section 2.2.1: this kind of token cannot be revoked here.
      else if (refusal !== 'unsupported_token_type') failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
  return revoked
}

function refusalOf (error: unknown): string | undefined {
  return error instanceof Error && error.cause instanceof ProviderFault ? error.cause.error : undefined
}
