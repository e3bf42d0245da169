import cookie from '@fastify/cookie'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { authorizationUrl, random, Records, Sessions, type Login, type Remembered } from './login.ts'

/** Exchanges the code of a callback, checks what comes, and tells who that is. */
export type Exchange = (request: FastifyRequest, record: Remembered) => Promise<string>

/** An application that does by hand what is no protocol: a record of each sign-in, a signed cookie, a session. */
export async function byHand (issuer: string, exchange: Exchange): Promise<Login> {
  const app: FastifyInstance = Fastify()
  await app.register(cookie, { secret: 'a secret of the bench that is long enough' })
  const records = new Records()
  const sessions = new Sessions()

  app.get('/login', async (_request, reply) => {
    const record = { state: random(), nonce: random(), codeVerifier: random() }
    records.remember(reply, record)
    return reply.redirect(authorizationUrl(issuer, record), 302)
  })

  app.get('/callback', async (request, reply) => sessions.begin(reply, await exchange(request, records.take(request))))

  return { app, callback: '/callback' }
}
