import cookie from '@fastify/cookie'
import Fastify from 'fastify'
import * as openid from 'openid-client'
import { client } from '../issuer.ts'
import { Records, redirectUri, Sessions, type Login } from './login.ts'

/** openid-client, which leaves record, cookie and session to the application. */
export async function openidClient (issuer: string): Promise<Login> {
  // It leaves signatures of ID tokens that come from the token endpoint over TLS unchecked, unless it is told.
  const execute = [openid.allowInsecureRequests, openid.enableNonRepudiationChecks]
  const configuration = await openid.discovery(new URL(issuer), client.id, { client_secret: client.secret, id_token_signed_response_alg: 'ES256' }, undefined, { execute })
  const app = Fastify()
  await app.register(cookie, { secret: 'a secret of the bench that is long enough' })
  const records = new Records()
  const sessions = new Sessions()

  app.get('/login', async (_request, reply) => {
    const record = { state: openid.randomState(), nonce: openid.randomNonce(), codeVerifier: openid.randomPKCECodeVerifier() }
    records.remember(reply, record)
    const url = openid.buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope: 'openid profile email',
      state: record.state,
      nonce: record.nonce,
      code_challenge: await openid.calculatePKCECodeChallenge(record.codeVerifier),
      code_challenge_method: 'S256'
    })
    return reply.redirect(url.href, 302)
  })

  app.get('/callback', async (request, reply) => {
    const { state, nonce, codeVerifier } = records.take(request)
    const url = new URL(request.url, redirectUri)
    const tokens = await openid.authorizationCodeGrant(configuration, url, { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: codeVerifier, idTokenExpected: true })
    return sessions.begin(reply, tokens.claims()?.sub ?? '')
  })

  return { app, callback: '/callback' }
}
