import type { FastifyInstance } from 'fastify'
import { providerOf, type Context } from './context.ts'
import { setFlowCookie } from './cookies.ts'
import { httpError } from './errors.ts'
import { html } from './html.ts'
import { sendPage } from './pages.ts'
import { limited } from './rate-limit.ts'
import { readReturnTo } from './return-to.ts'

interface LoginQuery { return_to?: string }

const schema = { querystring: { type: 'object', properties: { return_to: { type: 'string' } } } }

/** Signing in: the choice of a provider, and the way there. */
export function login (app: FastifyInstance, context: Context): void {
  const { settings, flows } = context

  app.get<{ Querystring: LoginQuery }>('/login', { schema, config: { auth: false } }, async (request, reply) => {
    const returnTo = readReturnTo(request.query.return_to, settings)
    const [only, ...others] = settings.login
    if (only === undefined) throw httpError('CONSENTRY_ERR_PROVIDER_UNKNOWN')
    const links = settings.login.map((name) => ({ name, href: `${settings.prefix}/login/${name}?${new URLSearchParams({ return_to: returnTo }).toString()}` }))
    if (others.length === 0) return reply.header('cache-control', 'no-store').redirect(links[0]?.href as string, 303)
    return sendPage(context, reply, {
      title: 'Sign in',
      mood: 'ask',
      body: html`<p>Choose who signs you in.</p>
<div class="choices">${links.map(({ name, href }) => html`<a class="button quiet" href="${href}">${providerOf(context, name).label}</a>`)}</div>`
    })
  })

  app.get<{ Params: { provider: string }, Querystring: LoginQuery }>('/login/:provider', { exposeHeadRoute: false, schema, config: limited }, async (request, reply) => {
    const returnTo = readReturnTo(request.query.return_to, settings)
    const name = request.params.provider
    if (!settings.login.includes(name)) throw httpError('CONSENTRY_ERR_PROVIDER_UNKNOWN')
    const provider = providerOf(context, name)
    const flow = await flows.open(await flows.beginLogin({ provider: name, scopes: provider.defaultScopes, returnTo }))
    const url = await provider.authorizationUrl(flow)
    setFlowCookie(request, reply, flow, settings.clock.now())
    return reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer').redirect(url.href, 303)
  })
}
