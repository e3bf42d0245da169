import type { FastifyRequest } from 'fastify'
import type { IncomingHttpHeaders } from 'node:http'
import { sessionCookies } from './cookies.ts'
import type { HttpError } from './errors.ts'

/** A browser sends its cookies along with everything; these headers somebody meant. */
export function isDeliberate ({ authorization, 'x-api-key': apiKey }: IncomingHttpHeaders): boolean {
  return authorization !== undefined || apiKey !== undefined
}

/** Whether all that is wrong is a session that ran out: a browser sends its cookie all the same. */
export function isStaleSession (request: Pick<FastifyRequest, 'headers'>, { code }: Pick<HttpError, 'code'>): boolean {
  return code === 'CONSENTRY_ERR_CREDENTIAL_INVALID' && !isDeliberate(request.headers) && sessionCookies(request).length === 1
}
