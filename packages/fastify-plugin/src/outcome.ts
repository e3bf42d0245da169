import { outcomeError, type ConnectFlow } from '@consentry/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { providerOf, type Context } from './context.ts'
import { asHttpError, failureHeaders } from './errors.ts'
import { html } from './html.ts'
import { sendPage } from './pages.ts'
import { wantsHtml } from './wants-html.ts'

/** How a connect ended: the same page however often it is loaded (R7). Throws the error of any outcome that is not the person's own. */
export function sendOutcome (context: Context, request: FastifyRequest, reply: FastifyReply, flow: ConnectFlow): FastifyReply {
  const { outcome = 'expired' } = flow
  const failure = outcome === 'granted' ? undefined : asHttpError(outcomeError(outcome, flow.error))
  if (failure !== undefined && (outcome !== 'denied' || !wantsHtml(request))) throw failure
  if (!wantsHtml(request)) {
    return reply.header('cache-control', 'no-store').send({ flowId: flow.id, provider: flow.provider, profile: flow.key.profile, outcome })
  }
  const { label } = providerOf(context, flow.provider)
  if (failure !== undefined) failureHeaders(reply, failure)
  return sendPage(context, reply, {
    title: failure === undefined ? 'Connected' : 'Declined',
    mood: failure === undefined ? 'good' : 'bad',
    body: html`<p role="status">${failure === undefined ? `${label} is connected. The run that waits for it goes on.` : `${label} was not connected. Nothing was stored.`} You can close this window.</p>
<p class="actions"><a class="button quiet" href="/">Back to the application</a></p>
${failure === undefined ? undefined : html`<p class="detail"><code>${failure.code}</code></p>`}`,
    script: closeScript(context)
  })
}

/** Closes a window that a page of ours opened, and tells that page; in any other window it does nothing. */
function closeScript ({ settings }: Context): string {
  return `if (window.opener) { try { window.opener.postMessage({ type: 'consentry:answered' }, ${JSON.stringify(settings.origin)}) } catch {} window.close() }`
}
