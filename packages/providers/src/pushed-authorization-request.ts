import { processPushedAuthorizationResponse, pushedAuthorizationRequest } from 'oauth4webapi'
import type { AuthorizationServer } from 'oauth4webapi'
import type { Context } from './context.ts'
import { withNonce } from './dpop.ts'
import { attempt } from './errors.ts'

/**
 * Sends the parameters of an authorization request ahead (RFC 9126), so that the browser carries none that it could read
 * or change. `request` is the URL with all of them; the one that is returned names the client and the request alone.
 */
export async function pushAuthorizationRequest (context: Context, server: AuthorizationServer & { readonly authorization_endpoint: string }, request: URL): Promise<URL> {
  const { client, authentication, proving } = context
  const url = new URL(server.authorization_endpoint)
  // What stands in the endpoint itself (RFC 6749 section 3.1) stays there.
  const parameters = [...request.searchParams].filter(([name]) => !url.searchParams.has(name) || url.searchParams.get(name) !== request.searchParams.get(name))
  const { request_uri: requestUri } = await attempt('pushed authorization', () => withNonce(async () =>
    processPushedAuthorizationResponse(server, client, await pushedAuthorizationRequest(server, client, authentication, parameters, proving))), context)
  for (const [name] of parameters) url.searchParams.delete(name)
  url.searchParams.set('client_id', client.client_id)
  url.searchParams.set('request_uri', requestUri)
  return url
}
