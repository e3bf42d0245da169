import consentry, { type ConsentryOptions } from '@consentry/fastify-plugin'
import { oidc } from '@consentry/providers'
import { freePort } from '@consentry/testing'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Server, Surroundings } from '../row.ts'
import { client, codeFor } from '../issuer.ts'
import { cookiesOf, listen, type Service } from './http.ts'

/** An application with the plugin, set up as by its README: nothing of it is replaced. */
export interface Application {
  app: FastifyInstance
  baseUrl: string
  listen (service: Service): Promise<Server>
}

/** Who is calling is told at `/`, to those who are somebody. */
export async function application ({ issuer }: Pick<Surroundings, 'issuer'>, options: Partial<ConsentryOptions> = {}): Promise<Application> {
  const port = await freePort()
  const baseUrl = `http://127.0.0.1:${port}`
  const app = Fastify()
  await app.register(consentry, {
    baseUrl,
    secret: 'a secret of the bench that is long enough',
    providers: { corp: oidc({ issuer, clientId: client.id, clientSecret: client.secret, signingAlgorithms: ['ES256'], allowInsecureLoopback: true }) },
    login: ['corp'],
    // All requests come from one address.
    rateLimit: false,
    ...options
  })
  app.get('/', { config: { auth: true } }, async ({ userInfo }) => ({ userId: userInfo?.userId }))
  return { app, baseUrl, listen: (service) => listen(app, service, port) }
}

/** A sign-in that has come back from the issuer with its answer: what the browser sends next. */
export async function answeredLogin ({ app }: Pick<Application, 'app'>, subject: string): Promise<{ path: string, headers: { cookie: string } }> {
  const begun = await app.inject('/auth/login/corp')
  const { searchParams } = new URL(begun.headers.location ?? '')
  const query = new URLSearchParams({ state: searchParams.get('state') ?? '', code: codeFor({ subject, nonce: searchParams.get('nonce') ?? '' }) })
  return { path: `/auth/callback/corp?${query.toString()}`, headers: { cookie: cookiesOf(begun) } }
}

/** The session cookie of somebody who signed in. */
export async function signIn (application: Pick<Application, 'app'>, subject: string): Promise<string> {
  const { path, headers } = await answeredLogin(application, subject)
  const answer = await application.app.inject({ url: path, headers })
  const session = answer.cookies.find(({ name }) => name === '__Host-consentry-session')
  if (session === undefined) throw new Error(`nobody is signed in: ${answer.statusCode} ${answer.body}`)
  return `${session.name}=${session.value}`
}
