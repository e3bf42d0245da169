import type { ErrorCode } from '@consentry/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from './context.ts'
import { clearSessionCookie } from './cookies.ts'
import { sendProblem, type HttpError } from './errors.ts'
import { sessionOf } from './identity.ts'
import { leave } from './leave.ts'
import { sendErrorPage } from './pages.ts'
import { passwordLoginName } from './password-login.ts'
import { loginPath, stepUpPath } from './return-to.ts'
import { wantsHtml } from './wants-html.ts'

/** What a sign-in mends. Any other refusal would be the same afterwards, and lead here in a circle. */
const mendable: ReadonlySet<ErrorCode> = new Set(['CONSENTRY_ERR_AUTHENTICATION_REQUIRED', 'CONSENTRY_ERR_STEP_UP_REQUIRED'])

/** Ends the request: a person is sent to the sign-in or gets a page, a program gets a problem document. */
export function refuse (context: Context, request: FastifyRequest, reply: FastifyReply, error: HttpError): FastifyReply {
  if (request.ws || !wantsHtml(request)) return sendProblem(reply, error)
  const isMendable = error.statusCode === 401 && (error.staleSession !== undefined || mendable.has(error.code))
  if (!isMendable || context.settings.login.length === 0 || request.method !== 'GET') return sendErrorPage(context, request, reply, error)
  if (error.staleSession === 'over') clearSessionCookie(reply)
  return leave(reply, signInPath(context, request, error))
}

/** Where the person can become who the page asks for. */
function signInPath ({ settings }: Context, request: FastifyRequest, { stepUp }: HttpError): string {
  const provider = sessionOf(request)?.data.provider
  const isThere = provider === passwordLoginName || (provider !== undefined && Object.hasOwn(settings.providers, provider))
  return stepUp === undefined || !isThere ? loginPath(settings, request.url) : stepUpPath(settings, provider, request.url, stepUp)
}
