import { flowIdOf, outcomeError, type AuthorizationResponse, type ClaimedFlow, type ConnectFlow, type ConsentryError, type Flow, type LoginFlow, type MatchedFlow } from '@consentry/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { sessionNames } from './backchannel-logout.ts'
import { beginSession } from './begin-session.ts'
import { connectUrl, ownerOf, redirectProviderOf, sessionUserInfo, type Context } from './context.ts'
import { clearFlowCookie, flowCookie } from './cookies.ts'
import { asHttpError, httpError, loggable, type HttpError } from './errors.ts'
import { parkAnswer } from './handle.ts'
import { authenticationError } from './identity.ts'
import { leave } from './leave.ts'
import { sendOutcome } from './outcome.ts'
import { limited } from './rate-limit.ts'

/** The one redirect URI of each provider, for logins and connects. */
export function callback (app: FastifyInstance, context: Context): void {
  const { flows } = context

  app.get<{ Params: { provider: string } }>('/callback/:provider', { exposeHeadRoute: false, config: limited, logSerializers: { req: withoutQuery } }, async (request, reply) => {
    const name = request.params.provider
    const provider = redirectProviderOf(context, name)
    // From the raw URL, since a parsed query hides what is there twice.
    const parameters = new URL(request.raw.url ?? '', context.settings.origin).searchParams
    const state = parameters.get('state') ?? ''
    const flow = await match(context, request, name, state)
    const response = await provider.authorizationResponse(parameters, { state: flow.state })
    if (flow.purpose === 'relay') return parkAnswer(context, request, reply, flow, response, parameters)
    const claimed = await flows.claim<LoginFlow | ConnectFlow>(flow)
    // Someone was faster with the same answer: a second tab, or a reload. It gets the same page.
    if (claimed === undefined) return finish(context, request, reply, await flows.ended(flow))
    return claimed.purpose === 'login'
      ? signIn(context, request, reply, claimed, response)
      : connect(context, request, reply, claimed, response)
  })
}

/** Any other spelling of a redirect URI finds nothing, and leaves what it carries out of the log (B17). */
export function elsewhere (app: FastifyInstance): void {
  app.all('/*', { config: { auth: false }, logSerializers: { req: withoutQuery } }, async () => { throw httpError('CONSENTRY_ERR_NOT_FOUND') })
}

/** A request as it is logged, without the code and the state in its URL. */
function withoutQuery ({ method, url, host, ip }: FastifyRequest): object {
  return { method, url: url.split('?', 1)[0], host, remoteAddress: ip }
}

/** The flow that the answer belongs to: same browser, same person, same provider (B3 to B5, B9). */
async function match (context: Context, request: FastifyRequest, provider: string, state: string): Promise<MatchedFlow> {
  const { userInfo } = request
  try {
    return await context.flows.match({
      state,
      provider,
      binding: (flowId) => flowCookie(request, flowId),
      owner: userInfo === null ? undefined : ownerOf(context, userInfo)
    })
  } catch (error) {
    const failure = asHttpError(error)
    if (failure?.code === 'CONSENTRY_ERR_OWNER_MISMATCH') request.log.warn({ code: failure.code, provider, userId: userInfo?.userId }, 'consent answered by another person')
    if (failure?.code !== 'CONSENTRY_ERR_AUTHENTICATION_REQUIRED') throw error
    // Back to the question, not here: the answer must not travel along in a URL.
    throw Object.assign(authenticationError(request), { tryAgain: `${context.settings.prefix}/connect/${flowIdOf(state) ?? ''}` })
  }
}

async function connect (context: Context, request: FastifyRequest, reply: FastifyReply, flow: ClaimedFlow<ConnectFlow>, response: AuthorizationResponse): Promise<FastifyReply> {
  const { outcome, error } = await context.grants.complete(flow, response)
  return finish(context, request, reply, { ...flow, status: 'settled', outcome, ...(error !== undefined && { error }) })
}

async function signIn (context: Context, request: FastifyRequest, reply: FastifyReply, flow: ClaimedFlow<LoginFlow>, response: AuthorizationResponse): Promise<FastifyReply> {
  const { flows } = context
  const provider = redirectProviderOf(context, flow.provider)
  try {
    if (response.type === 'error') throw refusal(response.error)
    const tokens = await provider.exchange(response, flow)
    const account = await provider.userInfo(tokens)
    if (account === undefined) throw httpError('CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID')
    const userInfo = sessionUserInfo(context, account)
    if (flow.userId !== undefined && flow.userId !== userInfo.userId) throw httpError('CONSENTRY_ERR_ACCOUNT_MISMATCH')
    // Asking again for what the provider cannot give would ask for ever.
    const { acr, auth_time: signedInAt } = userInfo.claims
    if (flow.maxAge !== undefined && typeof signedInAt !== 'number') throw httpError('CONSENTRY_ERR_STEP_UP_REQUIRED')
    if (flow.acrValues !== undefined && !(typeof acr === 'string' && flow.acrValues.includes(acr))) throw httpError('CONSENTRY_ERR_STEP_UP_REQUIRED')
    const names = sessionNames(account.issuer, account.subject, tokens.account?.claims['sid'])
    await beginSession(context, request, reply, { userInfo, provider: flow.provider }, { names, tokens })
  } catch (error) {
    const failure = loginFailure(context, flow, error)
    const denied = failure.code === 'CONSENTRY_ERR_CONSENT_DENIED'
    request.log.warn({ code: failure.code, provider: flow.provider }, 'sign-in failed')
    await flows.settle(flow, denied ? 'denied' : 'provider_error', denied ? undefined : failure.code)
    throw failure
  }
  // Who is signed in is not told otherwise: a flow that cannot be settled ends by itself.
  await flows.settle(flow, 'granted').catch((error: unknown) => { request.log.warn(loggable(error), 'settling a sign-in failed') })
  return finish(context, request, reply, { ...flow, outcome: 'granted' })
}

/** RFC 6749 section 4.1.2.1: only `access_denied` is the person's own answer, and two of the others are an outage. */
function refusal (error: string): ConsentryError {
  if (error === 'access_denied') return outcomeError('denied')
  return outcomeError('provider_error', error === 'temporarily_unavailable' || error === 'server_error' ? 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE' : undefined)
}

/** Where the browser goes when the flow is over: away from the URL that holds the code. */
function finish (context: Context, request: FastifyRequest, reply: FastifyReply, flow: LoginFlow | ConnectFlow): FastifyReply {
  if (flow.purpose === 'connect' && flow.outcome !== 'granted') return sendOutcome(context, request, reply, flow)
  if (flow.outcome !== 'granted') throw loginFailure(context, flow, outcomeError(flow.outcome ?? 'expired', flow.error))
  if (flow.purpose === 'connect') return leave(reply, connectUrl(context.settings, flow.id))
  clearFlowCookie(reply, flow.id)
  return leave(reply, flow.returnTo)
}

function loginFailure ({ settings }: Context, flow: Flow, cause: unknown): HttpError {
  const failure = asHttpError(cause) ?? httpError('CONSENTRY_ERR_PROVIDER_UNAVAILABLE', { cause })
  return Object.assign(failure, { tryAgain: `${settings.prefix}/login/${flow.provider}` })
}
