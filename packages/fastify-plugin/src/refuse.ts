import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from './context.ts'
import { clearSessionCookie } from './cookies.ts'
import { sendProblem, type HttpError } from './errors.ts'
import { sessionOf } from './identity.ts'
import { leave } from './leave.ts'
import { sendErrorPage } from './pages.ts'
import { loginPath, stepUpPath } from './return-to.ts'
import { wantsHtml } from './wants-html.ts'

/** Ends the request: a person is sent to the sign-in or gets a page, a program gets a problem document. */
export function refuse (context: Context, request: FastifyRequest, reply: FastifyReply, error: HttpError): FastifyReply {
  if (request.ws || !wantsHtml(request)) return sendProblem(reply, error)
  if (error.statusCode !== 401 || context.settings.login.length === 0 || request.method !== 'GET') return sendErrorPage(context, request, reply, error)
  if (error.code === 'CONSENTRY_ERR_CREDENTIAL_INVALID') clearSessionCookie(reply)
  return leave(reply, signInPath(context, request, error))
}

/** Where the person can become who the page asks for. */
function signInPath ({ settings }: Context, request: FastifyRequest, { stepUp }: HttpError): string {
  const provider = sessionOf(request)?.data.provider
  if (stepUp === undefined || provider === undefined || !Object.hasOwn(settings.providers, provider)) return loginPath(settings, request.url)
  return stepUpPath(settings, provider, request.url, stepUp)
}
