import { ConsentryError, type ConnectFlow, type FormField, type FormProvider } from '@consentry/core'
import type { UserInfo } from '@consentry/user-identity'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { connectUrl, ownerOf, providerOf, type Context } from './context.ts'
import { asHttpError, failureHeaders, httpError, type HttpError } from './errors.ts'
import { html, type Html } from './html.ts'
import { leave } from './leave.ts'
import { sendPage } from './pages.ts'
import { facts } from './question.ts'
import { wantsHtml } from './wants-html.ts'

/** The longest secret that is taken, in characters. */
const longest = 8192

/** Keeps the provider's fields apart from ours. */
const nameOf = ({ name }: FormField): string => `secret.${name}`

/** The page on which a person types a secret, which travels in the body of a form and nowhere else. */
export function sendSecretForm (context: Context, reply: FastifyReply, flow: ConnectFlow, userInfo: UserInfo, token: string, failure?: HttpError): FastifyReply {
  const provider = formProviderOf(context, flow.provider)
  if (failure !== undefined) failureHeaders(reply, failure)
  return sendPage(context, reply, {
    title: `Connect ${provider.label}`,
    mood: 'ask',
    body: html`<p>A run that you started needs ${provider.label} to go on. What you type is stored for you, and sent to ${provider.host} alone.</p>
${facts(flow, provider, userInfo)}
${failure === undefined ? undefined : html`<p class="error" role="alert" id="failure">${failure.message}</p>`}
<form method="post" autocomplete="off">
<input type="hidden" name="_csrf" value="${token}">
${provider.fields.map((field, index) => input(field, index, failure !== undefined))}
${provider.helpUrl === undefined ? undefined : html`<p><a href="${provider.helpUrl}" target="_blank" rel="noopener noreferrer">Where to find it</a></p>`}
<p class="actions"><button class="button" name="answer" value="continue">Connect</button><button class="button quiet" name="answer" value="decline" formnovalidate>Decline</button></p>
</form>`
  })
}

function input (field: FormField, index: number, refused: boolean): Html {
  const { label, hint, secret } = field
  const id = `field-${index}`
  const described = `${hint === undefined ? '' : `${id}-hint`}${refused ? ' failure' : ''}`.trim()
  return html`<p class="field"><label for="${id}">${label}</label>
<input id="${id}" name="${nameOf(field)}" type="${secret ? 'password' : 'text'}" required maxlength="${longest}" autocomplete="${secret ? 'new-password' : 'off'}" autocapitalize="none" spellcheck="false"${described === '' ? undefined : html` aria-describedby="${described}"`}${refused ? html` aria-invalid="true"` : undefined}${index === 0 ? html` autofocus` : undefined}>
${hint === undefined ? undefined : html`<span class="hint" id="${id}-hint">${hint}</span>`}</p>`
}

/** Takes what was typed. What the provider does not accept is asked for again, and not shown. */
export async function submitSecret (context: Context, request: FastifyRequest<{ Body: Record<string, unknown> | undefined }>, reply: FastifyReply, flow: ConnectFlow, userInfo: UserInfo, token: string): Promise<FastifyReply> {
  const { fields } = formProviderOf(context, flow.provider)
  try {
    const values = Object.fromEntries(fields.map((field) => [field.name, readValue(request.body?.[nameOf(field)])]))
    await context.grants.submit(flow.id, ownerOf(context, userInfo), values)
  } catch (error) {
    const failure = asHttpError(error)
    const again = failure?.code === 'CONSENTRY_ERR_SECRET_REFUSED' || failure?.code === 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE'
    if (failure !== undefined && again && wantsHtml(request)) return sendSecretForm(context, reply, flow, userInfo, token, failure)
    throw error
  }
  // Away from the form, so that a reload does not send it again.
  return leave(reply, connectUrl(context.settings, flow.id))
}

/** As it was typed: whether blanks belong to it is for the provider to say. */
function readValue (value: unknown): string {
  if (typeof value !== 'string' || value === '' || value.length > longest) throw new ConsentryError('CONSENTRY_ERR_SECRET_REFUSED')
  return value
}

function formProviderOf (context: Context, name: string): FormProvider {
  const provider = providerOf(context, name)
  if (provider.kind !== 'form') throw httpError('CONSENTRY_ERR_PROVIDER_UNKNOWN')
  return provider
}
