import type { ConnectFlow, Provider } from '@consentry/core'
import type { UserInfo } from '@consentry/user-identity'
import type { FastifyReply } from 'fastify'
import { providerOf, type Context } from './context.ts'
import { html, type Html } from './html.ts'
import { sendPage } from './pages.ts'

/** What a person must know before they answer: which run, who started it, which provider, and what it asks for. */
export function facts (flow: ConnectFlow, { label, host }: Provider, userInfo?: UserInfo): Html {
  const executions = flow.waiters.flatMap(({ executionId }) => executionId ?? [])
  return html`<dl>
<div><dt>Run</dt><dd>${executions.length === 0 ? 'a request of yours' : html`<code>${executions.join(', ')}</code>`}</dd></div>
${userInfo === undefined ? undefined : html`<div><dt>Started by</dt><dd>${userInfo.name ?? userInfo.email ?? userInfo.subject}</dd></div>`}
<div><dt>Provider</dt><dd>${label} <span class="host">(${host})</span></dd></div>
${flow.scopes.length === 0 ? undefined : html`<div><dt>Asks for</dt><dd><ul>${flow.scopes.map((scope) => html`<li><code>${scope}</code></li>`)}</ul></dd></div>`}
</dl>`
}

/** Asks whoever came from elsewhere before they are sent to the provider. */
export function sendQuestion (context: Context, reply: FastifyReply, flow: ConnectFlow, userInfo: UserInfo, token: string): FastifyReply {
  const provider = providerOf(context, flow.provider)
  return sendPage(context, reply, {
    title: `Connect ${provider.label}?`,
    mood: 'ask',
    body: html`<p>A run that you started needs your consent to go on. Continue only if you expected this question.</p>
${facts(flow, provider, userInfo)}
<form method="post">
<input type="hidden" name="_csrf" value="${token}">
<p class="actions"><button class="button" name="answer" value="continue">Continue to ${provider.host}</button><button class="button quiet" name="answer" value="decline">Decline</button></p>
</form>`
  })
}
