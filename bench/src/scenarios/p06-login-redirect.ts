import Fastify from 'fastify'
import type { Row, Surroundings, Variant } from '../row.ts'
import { always, leadsTo, listen, overHttp, peer } from './http.ts'

const login = (issuer: string) => ({ requests: always({}, '/login'), check: leadsTo(`${issuer}/authorize?`) })

/** As fast as a redirect gets here. */
const bareRedirect: Variant = {
  name: 'limit',
  label: 'bare Fastify, 302',
  role: 'limit',
  async start ({ issuer }: Surroundings) {
    const app = Fastify()
    const url = `${issuer}/authorize?response_type=code&client_id=bench&scope=openid`
    app.get('/login', async (_request, reply) => reply.header('set-cookie', 'state=1').redirect(url, 302))
    return listen(app, login(issuer))
  }
}

export const row: Row = {
  id: 'P6',
  title: 'The redirect that begins a sign-in',
  method: 'State, nonce and PKCE are made, remembered, and bound to the browser by a cookie, as far as each way does that: arctic, @fastify/oauth2, passport and better-auth send no nonce.',
  services: ['issuer'],
  metrics: overHttp,
  variants: [
    bareRedirect,
    peer('by-hand', 'a record and a signed cookie, by hand', async ({ issuer }) => {
      const { byHand } = await import('../logins/by-hand.ts')
      return listen((await byHand(issuer, async () => '')).app, login(issuer))
    }),
    peer('arctic', 'arctic', async ({ issuer }) => {
      const { arctic } = await import('../logins/arctic.ts')
      return listen((await arctic(issuer)).app, login(issuer))
    }),
    peer('oauth2', '@fastify/oauth2', async ({ issuer }) => {
      const { fastifyOauth2 } = await import('../logins/fastify-oauth2.ts')
      return listen((await fastifyOauth2(issuer, { idToken: false })).app, login(issuer))
    }),
    peer('openid-client', 'openid-client', async ({ issuer }) => {
      const { openidClient } = await import('../logins/openid-client.ts')
      return listen((await openidClient(issuer)).app, login(issuer))
    }),
    peer('passport', '@fastify/passport, passport-oauth2', async ({ issuer }) => {
      const { passport } = await import('../logins/passport.ts')
      return listen(await passport(issuer), login(issuer))
    }),
    peer('better-auth', 'better-auth', async ({ issuer }) => {
      const { betterAuthLogin } = await import('../logins/better-auth.ts')
      return listen(await betterAuthLogin(issuer), login(issuer))
    }),
    {
      name: 'ours',
      label: '@consentry/fastify-plugin',
      role: 'ours',
      async start (surroundings) {
        const { application } = await import('./ours.ts')
        const ours = await application(surroundings)
        return ours.listen({ requests: always({}, '/auth/login/corp'), check: leadsTo(`${surroundings.issuer}/authorize?`) })
      }
    }
  ],
  goals: [{ metric: 'rate', to: 'limit', atLeast: 0.3 }]
}
