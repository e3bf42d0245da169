import type { AuthorizationResponse, ConnectFlow, MatchedFlow, RelayFlow } from '@consentry/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { connectUrl, ownerOf, providerOf, redirectProviderOf, type Context } from './context.ts'
import { httpError } from './errors.ts'
import { html } from './html.ts'
import { authenticationError } from './identity.ts'
import { sendOutcome } from './outcome.ts'
import { ownFlow, type FlowParams } from './own-flow.ts'
import { sendPage } from './pages.ts'
import { facts } from './question.ts'
import { limited } from './rate-limit.ts'
import { loginPath } from './return-to.ts'

/** Owners who have a program and no session: any browser may bring the answer, and the program hands in what only that browser learnt (B6). */
export function handle (app: FastifyInstance, context: Context): void {
  const { csrf, flows, grants } = context

  app.post<{ Params: FlowParams, Body: { handle?: unknown } | undefined }>('/connect/:flowId/complete', { config: limited }, async (request, reply) => {
    if (request.userInfo === null) throw authenticationError(request)
    const flow = await ownFlow(context, request, request.userInfo)
    csrf.verify(request)
    const given = request.body?.handle
    if (typeof given !== 'string') throw httpError('CONSENTRY_ERR_MESSAGE_INVALID')
    if (flow.status !== 'pending') return sendOutcome(context, request, reply, await flows.ended(flow))
    const { relay, parameters } = await flows.unpark(flow.id, given.trim())
    const matched = await flows.matchOwn(flow.id, ownerOf(context, request.userInfo))
    const response = await redirectProviderOf(context, flow.provider).authorizationResponse(parameters, { state: relay.state })
    const claimed = await flows.claim(matched)
    if (claimed === undefined) return sendOutcome(context, request, reply, await flows.ended(flow))
    const { outcome, error } = await grants.complete(claimed, response, relay)
    return sendOutcome(context, request, reply, { ...claimed, status: 'settled', outcome, ...(error !== undefined && { error }) })
  })
}

/** Asks a person who is not signed in as the owner. Says nothing of who that is. */
export function sendHandleQuestion (context: Context, request: FastifyRequest, reply: FastifyReply, flow: ConnectFlow, token: string): FastifyReply {
  const provider = providerOf(context, flow.provider)
  return sendPage(context, reply, {
    title: `Connect ${provider.label}?`,
    mood: 'ask',
    body: html`<p>A program needs your consent to go on. Continue only if you started it yourself, a moment ago. At the end you get a handle to give to it.</p>
${facts(flow, provider)}
<form method="post">
<input type="hidden" name="_csrf" value="${token}">
<p class="actions"><button class="button" name="answer" value="continue">Continue to ${provider.host}</button><button class="button quiet" name="answer" value="decline">Decline</button></p>
</form>
${context.settings.login.length === 0 || request.userInfo !== null ? undefined : html`<p class="detail"><a href="${loginPath(context.settings, request.url)}">Sign in instead</a></p>`}`
  })
}

/** What a browser that is nobody's in particular did with the question. The owner's program decides what that means. */
export function sendLeft (context: Context, reply: FastifyReply, flow: ConnectFlow): FastifyReply {
  return sendPage(context, reply, {
    title: 'Declined',
    mood: 'bad',
    body: html`<p role="status">${providerOf(context, flow.provider).label} was not connected. Tell your program to stop waiting. You can close this window.</p>`
  })
}

/** The answer came to the browser that took it away: it waits for the owner, and the browser is told its handle. */
export async function parkAnswer (context: Context, request: FastifyRequest, reply: FastifyReply, relay: MatchedFlow<RelayFlow>, response: AuthorizationResponse, parameters: URLSearchParams): Promise<FastifyReply> {
  const { flows } = context
  const flow = await flows.find(relay.flowId)
  if (flow?.purpose !== 'connect') throw httpError('CONSENTRY_ERR_FLOW_NOT_FOUND')
  if (flow.status !== 'pending') return sendOutcome(context, request, reply, await flows.ended(flow))
  if (response.type === 'code') return sendHandle(context, reply, flow, await flows.park(relay, parameters))
  if (response.error === 'access_denied') return sendLeft(context, reply, flow)
  throw httpError('CONSENTRY_ERR_PROVIDER_REFUSED')
}

function sendHandle (context: Context, reply: FastifyReply, flow: ConnectFlow, handle: string): FastifyReply {
  return sendPage(context, reply, {
    title: 'One step left',
    mood: 'good',
    body: html`<p>Give this handle to the program that waits for ${providerOf(context, flow.provider).label}. It works once.</p>
<p class="handle"><code id="handle">${handle}</code></p>
<p class="actions"><button class="button" id="copy" type="button" hidden>Copy</button></p>
<p class="detail">Only your own program needs it. Whoever asks you for it by mail, chat or phone wants what you have just allowed.</p>`,
    // The code leaves the address bar, and a reload leads to the question again.
    script: `history.replaceState(null, '', ${JSON.stringify(connectUrl(context.settings, flow.id))})
const copy = document.getElementById('copy')
copy.hidden = navigator.clipboard === undefined
copy.onclick = async () => { await navigator.clipboard.writeText(document.getElementById('handle').textContent); copy.textContent = 'Copied' }`
  })
}
