import oauth2 from '@fastify/oauth2'
import Fastify, { type FastifyRequest } from 'fastify'
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose'
import { client } from '../issuer.ts'
import { redirectUri, Sessions, type Login } from './login.ts'

interface OAuth {
  getAccessTokenFromAuthorizationCodeFlow: (request: FastifyRequest) => Promise<{ token: { access_token: string, id_token?: string } }>
}

/** With or without a look at the ID token, which is jose's. */
export async function fastifyOauth2 (issuer: string, { idToken }: { idToken: boolean }): Promise<Login> {
  const keys = createLocalJWKSet(await (await fetch(`${issuer}/jwks`)).json() as JSONWebKeySet)
  const app = Fastify()
  await app.register(oauth2, {
    name: 'corp',
    scope: ['openid', 'profile', 'email'],
    credentials: { client, auth: { authorizeHost: issuer, authorizePath: '/authorize', tokenHost: issuer, tokenPath: '/token' } },
    startRedirectPath: '/login',
    callbackUri: redirectUri,
    pkce: 'S256'
  })
  const { corp } = app as unknown as { corp: OAuth }
  const sessions = new Sessions()

  app.get('/callback', async (request, reply) => {
    const { token } = await corp.getAccessTokenFromAuthorizationCodeFlow(request)
    if (!idToken) return sessions.begin(reply, token.access_token)
    const { payload } = await jwtVerify(token.id_token ?? '', keys, { issuer, audience: client.id, algorithms: ['ES256'] })
    return sessions.begin(reply, payload.sub ?? '')
  })

  return { app, callback: '/callback' }
}
