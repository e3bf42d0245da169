import type { LoginFlow } from '@consentry/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { providerOf, redirectProviderOf, type Context } from './context.ts'
import { setFlowCookie } from './cookies.ts'
import { httpError } from './errors.ts'
import { html } from './html.ts'
import { sessionOf } from './identity.ts'
import { leave } from './leave.ts'
import { sendPage } from './pages.ts'
import { passwordForm, passwordLoginName } from './password-login.ts'
import { limited } from './rate-limit.ts'
import { readReturnTo } from './return-to.ts'

/** What leads to a sign-in: our own links, and a provider that starts one (OpenID Connect Core section 4). */
interface LoginParameters {
  return_to?: string
  /** The issuer that starts the sign-in. */
  iss?: string
  login_hint?: string
  target_link_uri?: string
  /** The oldest sign-in that will do, in seconds, and the ways of signing in: to prove again who is there. */
  max_age?: number
  acr_values?: string
}

const parameters = {
  type: 'object',
  properties: {
    return_to: { type: 'string' },
    iss: { type: 'string', maxLength: 2048 },
    login_hint: { type: 'string', maxLength: 512, pattern: '^[^\\u0000-\\u001f\\u007f]*$' },
    target_link_uri: { type: 'string' },
    max_age: { type: 'integer', minimum: 0, maximum: 31536000 },
    acr_values: { type: 'string', maxLength: 512, pattern: '^[\\u0021-\\u007e]+( [\\u0021-\\u007e]+)*$' }
  }
}

/** Signing in: the choice of a provider, and the way there. */
export function login (app: FastifyInstance, context: Context): void {
  const { settings, flows } = context

  app.get<{ Querystring: LoginParameters }>('/login', { schema: { querystring: parameters }, config: limited }, async (request, reply) => choose(context, reply, request.query))
  app.post<{ Body: LoginParameters | undefined }>('/login', { schema: { body: parameters }, config: limited }, async (request, reply) => choose(context, reply, request.body ?? {}))

  if (settings.login.includes(passwordLoginName)) {
    app.get<{ Querystring: LoginParameters }>(`/login/${passwordLoginName}`, { schema: { querystring: parameters }, config: limited }, async (request, reply) => {
      const { userId } = stepUp(request)
      const body = passwordForm(context, readReturnTo(request.query.return_to, settings), { ...(userId !== undefined && { userId }) })
      return sendPage(context, reply, { title: 'Sign in', mood: 'ask', body })
    })
  }

  app.get<{ Params: { provider: string }, Querystring: LoginParameters }>('/login/:provider', { exposeHeadRoute: false, schema: { querystring: parameters }, config: limited }, async (request, reply) => {
    const { iss, login_hint: loginHint } = request.query
    const returnTo = target(context, request.query)
    const name = request.params.provider
    if (!settings.login.includes(name)) throw httpError('CONSENTRY_ERR_PROVIDER_UNKNOWN')
    const provider = redirectProviderOf(context, name)
    if (iss !== undefined && iss !== provider.issuer) throw httpError('CONSENTRY_ERR_PROVIDER_UNKNOWN')
    const flow = await flows.beginLogin({ provider: name, scopes: provider.defaultScopes, returnTo, ...stepUp(request) })
    const url = await provider.authorizationUrl(loginHint === undefined ? flow : { ...flow, loginHint })
    setFlowCookie(request, reply, flow, settings.clock.now())
    return leave(reply, url.href)
  })
}

/** To prove again who is there it must be the same person. */
function stepUp (request: FastifyRequest<{ Querystring: LoginParameters }>): Pick<LoginFlow, 'maxAge' | 'acrValues' | 'userId'> {
  const { max_age: maxAge, acr_values: acrValues } = request.query
  if (maxAge === undefined && acrValues === undefined) return {}
  const session = sessionOf(request)
  return {
    ...(maxAge !== undefined && { maxAge }),
    ...(acrValues !== undefined && { acrValues: acrValues.split(' ') }),
    ...(session !== null && { userId: session.data.userInfo.userId })
  }
}

/** To the provider that asks for it or is the only one; otherwise the person chooses. */
function choose (context: Context, reply: FastifyReply, query: LoginParameters): FastifyReply {
  const { settings } = context
  const { iss, login_hint: loginHint } = query
  const returnTo = target(context, query)
  const search = new URLSearchParams({ return_to: returnTo, ...(loginHint !== undefined && { login_hint: loginHint }) }).toString()
  const names = settings.login.filter((name) => name !== passwordLoginName && (iss === undefined || providerOf(context, name).issuer === iss))
  const form = iss === undefined && settings.login.includes(passwordLoginName) ? passwordForm(context, returnTo) : undefined
  const links = names.map((name) => ({ label: labelOf(context, name, names), href: `${settings.prefix}/login/${name}?${search}` }))
  const [first, second] = links
  if (first === undefined && form === undefined) throw httpError('CONSENTRY_ERR_PROVIDER_UNKNOWN')
  if (first !== undefined && second === undefined && form === undefined) return leave(reply, first.href)
  return sendPage(context, reply, {
    title: 'Sign in',
    mood: 'ask',
    body: html`${first === undefined ? undefined : html`<p>Choose who signs you in.</p>
<div class="choices">${links.map(({ label, href }) => html`<a class="button quiet" href="${href}">${label}</a>`)}</div>`}
${form}`
  })
}

/** Of two that are called the same, which is which. */
function labelOf (context: Context, name: string, names: readonly string[]): string {
  const { label } = providerOf(context, name)
  return names.some((other) => other !== name && providerOf(context, other).label === label) ? `${label} (${name})` : label
}

/** Where the sign-in leads to; what a provider asks for has a name of its own. */
function target (context: Context, { iss, return_to: returnTo, target_link_uri: uri }: LoginParameters): string {
  return readReturnTo(iss === undefined ? returnTo : ownPath(context, uri), context.settings)
}

/** `target_link_uri` is a whole URL; only one of our own leads anywhere. */
function ownPath ({ settings: { origin } }: Context, uri: string | undefined): string | undefined {
  if (uri === origin) return '/'
  return uri?.startsWith(`${origin}/`) === true ? uri.slice(origin.length) : uri
}
