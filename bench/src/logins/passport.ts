import { Authenticator } from '@fastify/passport'
import secureSession from '@fastify/secure-session'
import Fastify from 'fastify'
import { randomBytes } from 'node:crypto'
import { Strategy } from 'passport-oauth2'
import { client } from '../issuer.ts'
import { redirectUri } from './login.ts'

/** @fastify/passport with passport-oauth2; state and verifier are in the session, which @fastify/secure-session keeps in a cookie. */
export async function passport (issuer: string): Promise<ReturnType<typeof Fastify>> {
  const app = Fastify()
  await app.register(secureSession, { key: randomBytes(32), cookie: { path: '/', httpOnly: true } })
  const authenticator = new Authenticator()
  await app.register(authenticator.initialize())
  await app.register(authenticator.secureSession())
  authenticator.use('corp', new Strategy({
    authorizationURL: `${issuer}/authorize`,
    tokenURL: `${issuer}/token`,
    clientID: client.id,
    clientSecret: client.secret,
    callbackURL: redirectUri,
    scope: ['openid', 'profile', 'email'],
    state: true,
    pkce: true
  }, (_accessToken: string, _refreshToken: string, _profile: unknown, done: (error: null, user: object) => void) => { done(null, {}) }) as never)
  app.get('/login', { preValidation: authenticator.authenticate('corp', { authInfo: false }) }, async () => {})
  return app
}
