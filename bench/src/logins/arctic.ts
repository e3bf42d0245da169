import cookie from '@fastify/cookie'
import { CodeChallengeMethod, decodeIdToken, generateCodeVerifier, generateState, OAuth2Client } from 'arctic'
import Fastify from 'fastify'
import { client } from '../issuer.ts'
import { redirectUri, Sessions, type Login } from './login.ts'

/** As arctic's guide has it: state and verifier in cookies. It reads ID tokens and does not verify them. */
export async function arctic (issuer: string): Promise<Login> {
  const oauth = new OAuth2Client(client.id, client.secret, redirectUri)
  const app = Fastify()
  await app.register(cookie)
  const sessions = new Sessions()
  const attributes = { httpOnly: true, secure: true, sameSite: 'lax', path: '/', maxAge: 600 } as const

  app.get('/login', async (_request, reply) => {
    const state = generateState()
    const codeVerifier = generateCodeVerifier()
    const url = oauth.createAuthorizationURLWithPKCE(`${issuer}/authorize`, state, CodeChallengeMethod.S256, codeVerifier, ['openid', 'profile', 'email'])
    return reply.setCookie('state', state, attributes).setCookie('verifier', codeVerifier, attributes).redirect(url.href, 302)
  })

  app.get('/callback', async ({ query, cookies }, reply) => {
    const { state = '', code = '' } = query as { state?: string, code?: string }
    if (state !== cookies['state']) throw new Error('another browser')
    const tokens = await oauth.validateAuthorizationCode(`${issuer}/token`, code, cookies['verifier'] ?? '')
    const { sub } = decodeIdToken(tokens.idToken()) as { sub: string }
    return sessions.begin(reply, sub)
  })

  return { app, callback: '/callback' }
}
