import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { genericOAuth } from 'better-auth/plugins'
import Fastify from 'fastify'
import { client } from '../issuer.ts'

/** better-auth with its generic OAuth plugin; what it remembers is in memory. */
export async function betterAuthLogin (issuer: string): Promise<ReturnType<typeof Fastify>> {
  const auth = betterAuth({
    baseURL: 'http://127.0.0.1',
    secret: 'a secret of the bench that is long enough',
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: { disabled: true },
    plugins: [genericOAuth({
      config: [{ providerId: 'corp', clientId: client.id, clientSecret: client.secret, authorizationUrl: `${issuer}/authorize`, tokenUrl: `${issuer}/token`, scopes: ['openid', 'profile', 'email'], pkce: true }]
    })]
  })
  const app = Fastify()
  app.get('/login', async (_request, reply) => {
    const { headers, response } = await auth.api.signInSocial({ body: { provider: 'corp', callbackURL: '/' }, returnHeaders: true })
    return reply.header('set-cookie', headers.getSetCookie()).redirect(response.url ?? '', 302)
  })
  return app
}
