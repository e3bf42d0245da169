import { ConsentryError, type ConnectFlow, type RedirectProvider, type RelayFlow } from '@consentry/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { providerOf, redirectProviderOf, type Context } from './context.ts'
import { setFlowCookie } from './cookies.ts'
import { isOwnPage } from './csrf.ts'
import { httpError } from './errors.ts'
import { sendHandleQuestion, sendLeft } from './handle.ts'
import { authenticationError, sessionOf } from './identity.ts'
import { leave } from './leave.ts'
import { sendOutcome } from './outcome.ts'
import { flowByHandle, ownFlow, type FlowParams } from './own-flow.ts'
import { sendQuestion } from './question.ts'
import { limited } from './rate-limit.ts'
import { refuse } from './refuse.ts'
import { sendSecretForm, submitSecret } from './secret-form.ts'

/** Answering a flow: who comes from elsewhere is asked first, and only the flow's owner gets to the provider. */
export function connect (app: FastifyInstance, context: Context): void {
  const { csrf, flows, settings } = context

  app.get<{ Params: FlowParams }>('/connect/:flowId', { exposeHeadRoute: false, config: limited }, async (request, reply) => {
    const stray = await flowByHandle(context, request)
    if (stray !== undefined) request.log.info({ flowId: stray.id, userId: request.userInfo?.userId }, 'consent of an owner without a session opened')
    if (stray !== undefined) return sendHandleQuestion(context, request, reply, stray, csrf.create(sessionOf(request), stray.id))
    if (request.userInfo === null) return refuse(context, request, reply, authenticationError(request))
    const flow = await ownFlow(context, request, request.userInfo)
    if (flow.status !== 'pending') return sendOutcome(context, request, reply, await flows.ended(flow))
    if (flow.expiresAt <= settings.clock.now()) throw httpError('CONSENTRY_ERR_FLOW_EXPIRED')
    const token = csrf.create(sessionOf(request), flow.id)
    if (providerOf(context, flow.provider).kind === 'form') return sendSecretForm(context, reply, flow, request.userInfo, token)
    if (isFromOwnPage(request)) return sendToProvider(context, request, reply, await flows.open(flow))
    return sendQuestion(context, reply, flow, request.userInfo, token)
  })

  app.post<{ Params: FlowParams, Body: Record<string, unknown> | undefined }>('/connect/:flowId', { config: limited }, async (request, reply) => {
    const stray = await flowByHandle(context, request)
    if (stray !== undefined) {
      if (!isOwnPage(request, settings.allowedOrigins)) throw httpError('CONSENTRY_ERR_CROSS_ORIGIN')
      csrf.verify(request, stray.id)
      return request.body?.['answer'] === 'continue' ? sendToProvider(context, request, reply, await flows.beginRelay(await flows.open(stray))) : sendLeft(context, reply, stray)
    }
    if (request.userInfo === null) throw authenticationError(request)
    const flow = await ownFlow(context, request, request.userInfo)
    csrf.verify(request, flow.id)
    if (flow.status !== 'pending') return sendOutcome(context, request, reply, await flows.ended(flow))
    if (request.body?.['answer'] === 'continue') {
      return providerOf(context, flow.provider).kind === 'form'
        ? submitSecret(context, request, reply, flow, request.userInfo, csrf.create(sessionOf(request), flow.id))
        : sendToProvider(context, request, reply, await flows.open(flow))
    }
    await flows.withdraw(flow.id, 'denied')
    return sendOutcome(context, request, reply, await flows.ended(flow))
  })
}

/** A click in a page of ours says what it leads to; a link in a mail or a chat says nothing. */
function isFromOwnPage ({ headers }: FastifyRequest): boolean {
  return headers['sec-fetch-site'] === 'same-origin' && headers['sec-fetch-mode'] === 'navigate'
}

async function sendToProvider (context: Context, request: FastifyRequest, reply: FastifyReply, flow: ConnectFlow | RelayFlow): Promise<FastifyReply> {
  const provider = redirectProviderOf(context, flow.provider)
  const url = await authorizationUrl(context, provider, flow)
  setFlowCookie(request, reply, flow, context.settings.clock.now())
  return leave(reply, url.href)
}

/** A question that cannot be asked is withdrawn, or it would stand in the way of others until it expires. */
async function authorizationUrl ({ flows }: Context, provider: RedirectProvider, flow: ConnectFlow | RelayFlow): Promise<URL> {
  try {
    return await provider.authorizationUrl(flow)
  } catch (error) {
    if (ConsentryError.is(error, 'CONSENTRY_ERR_OPTIONS_INVALID')) await flows.withdraw(flow.purpose === 'relay' ? flow.flowId : flow.id, 'cancelled')
    throw error
  }
}
