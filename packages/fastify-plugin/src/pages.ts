import { randomBytes } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from './context.ts'
import { failureHeaders, problem, sendProblem, type HttpError } from './errors.ts'
import { html, Html } from './html.ts'
import { loginPath } from './return-to.ts'
import { style } from './style.ts'
import { wantsHtml } from './wants-html.ts'

/** A page of ours. */
export interface Page {
  title: string
  /** `ask` while something is expected of the person, otherwise how it went. */
  mood: 'ask' | 'good' | 'bad'
  body: Html
  /** Runs in the page. Holds nothing that came from outside. */
  script?: string
}

/** Nothing may be framed, sniffed, stored or told to the next site (B18), and only what carries the nonce runs. */
export function sendPage ({ settings }: Context, reply: FastifyReply, { title, mood, body, script }: Page): FastifyReply {
  const nonce = randomBytes(16).toString('base64')
  // Chromium holds the redirect that answers a form to this directive too, and it leads to the provider.
  const formAction = settings.origin.startsWith('https:') ? "'self' https:" : "'self' https: http:"
  return reply
    .header('content-security-policy', `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; form-action ${formAction}; base-uri 'none'; frame-ancestors 'none'`)
    .header('referrer-policy', 'no-referrer')
    .header('cache-control', 'no-store')
    .header('x-content-type-options', 'nosniff')
    .header('x-frame-options', 'DENY')
    .type('text/html; charset=utf-8')
    .send(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style nonce="${nonce}">${new Html(style)}</style>
</head>
<body>
<main class="${mood}">
<p class="mark" aria-hidden="true"></p>
<h1>${title}</h1>
${body}
</main>
${script === undefined ? undefined : html`<script nonce="${nonce}">${new Html(script)}</script>`}
</body>
</html>
`.text)
}

/** The failure as a page for people, with the code for those whom they ask. */
export function sendErrorPage (context: Context, request: FastifyRequest, reply: FastifyReply, error: HttpError): FastifyReply {
  failureHeaders(reply, error)
  const { title, code } = problem(error)
  return sendPage(context, reply, {
    title: headings[error.statusCode] ?? 'Something went wrong',
    mood: 'bad',
    body: html`<p role="alert">${title}</p>
${actions(context, request, error)}
<p class="detail"><code>${code}</code></p>`
  })
}

/** The failure in the form that the client asked for. */
export function sendFailure (context: Context, request: FastifyRequest, reply: FastifyReply, error: HttpError): FastifyReply {
  reply.header('referrer-policy', 'no-referrer')
  return wantsHtml(request) ? sendErrorPage(context, request, reply, error) : sendProblem(reply, error)
}

const headings: Record<number, string> = {
  400: 'That did not work',
  401: 'Sign in first',
  403: 'Not allowed',
  404: 'Nothing here',
  409: 'Another account',
  410: 'Too late',
  429: 'Too much at once',
  502: 'The provider said no',
  503: 'Not now'
}

function actions ({ settings }: Context, request: FastifyRequest, error: HttpError): Html {
  const back = html`<a class="button quiet" href="/">Back to the application</a>`
  const { tryAgain } = error
  if (error.statusCode === 401 && settings.login.length > 0) {
    const path = tryAgain ?? (request.method === 'GET' ? request.url : '/')
    return html`<p class="actions"><a class="button" href="${loginPath(settings, path)}">Sign in</a>${back}</p>`
  }
  if (tryAgain !== undefined) return html`<p class="actions"><a class="button" href="${tryAgain}">Try again</a>${back}</p>`
  return html`<p class="actions">${back}</p>`
}
