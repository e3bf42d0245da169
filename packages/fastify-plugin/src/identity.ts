import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { IncomingHttpHeaders } from 'node:http'
import { RequestClient } from './client.ts'
import type { BrowserSession, Context } from './context.ts'
import { sessionCookies } from './cookies.ts'
import { asHttpError, httpError, type HttpError } from './errors.ts'
import { requirementOf } from './guard.ts'
import { refuse } from './refuse.ts'

const kSession: unique symbol = Symbol('consentry.session')
const kRefusal: unique symbol = Symbol('consentry.refusal')

declare module 'fastify' {
  interface FastifyRequest {
    [kSession]: BrowserSession | null
    [kRefusal]: HttpError | null
  }
}

/** Tells who is calling on every request and upgrade, before anything else looks at it. */
export function identify (app: FastifyInstance, context: Context): void {
  app.decorateRequest('userInfo', null)
  app.decorateRequest(kSession, null)
  app.decorateRequest(kRefusal, null)

  // Of these hooks only what has to wait is asynchronous: they run for every request.
  app.addHook('onRequest', (request, reply, done) => {
    // A context that was created before this plugin does not have the decorators, but it has the hooks.
    request.userInfo ??= null
    request[kSession] ??= null
    request[kRefusal] ??= null
    const { headers } = request
    const isMeant = isDeliberate(headers)
    if (!isMeant && headers.cookie === undefined) return done()
    const remembered = isMeant ? context.identity.recall(request.raw) : undefined
    if (remembered === undefined) return readCaller(context, request, reply)
    request.userInfo = remembered
    done()
  })
}

async function readCaller (context: Context, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  try {
    const caller = await context.identity.identify(request.raw, new RequestClient(request))
    request.userInfo = caller?.userInfo ?? null
    request[kSession] = caller?.session ?? null
  } catch (error) {
    const refusal = asHttpError(error) ?? httpError('CONSENTRY_ERR_STORE_UNAVAILABLE', { cause: error })
    const stale = staleSession(request, refusal)
    if (stale !== undefined) refusal.staleSession = await context.sessions.hasMoved(stale).catch(() => true) ? 'moved' : 'over'
    request[kRefusal] = refusal
    if (isFinal(request, refusal, requirementOf(request, context.settings.defaultAuth) === false)) return refuse(context, request, reply, refusal)
  }
}

/**
 * Whether the request ends here. A public route does not ask who is calling; a browser whose session ran out is simply
 * signed out; but who presents a credential on purpose is told that it was not accepted.
 */
function isFinal (request: FastifyRequest, refusal: HttpError, isPublic: boolean): boolean {
  if (isPublic) return false
  return refusal.code !== 'CONSENTRY_ERR_CREDENTIAL_INVALID' || isDeliberate(request.headers)
}

const ended = new WeakSet<FastifyRequest>()

/** The credential of an upgrade is over: its connection may do nothing any more, though it may not be closed yet. */
export function endCaller (request: FastifyRequest): void {
  ended.add(request)
}

export function hasEnded (request: FastifyRequest): boolean {
  return ended.has(request)
}

/** A browser sends its cookies along with everything; these headers somebody meant. */
function isDeliberate (headers: IncomingHttpHeaders): boolean {
  return headers.authorization !== undefined || headers['x-api-key'] !== undefined
}

/** The secret of a session that is over, when that is all that is wrong. */
function staleSession (request: FastifyRequest, { code }: HttpError): string | undefined {
  if (code !== 'CONSENTRY_ERR_CREDENTIAL_INVALID' || isDeliberate(request.headers)) return undefined
  const secrets = sessionCookies(request)
  return secrets.length === 1 ? secrets[0] : undefined
}

/** The session that the caller is known by. */
export function sessionOf (request: FastifyRequest): BrowserSession | null {
  return request[kSession]
}

/** Why the credential that came with the request was not accepted. */
export function refusalOf (request: FastifyRequest): HttpError | null {
  return request[kRefusal]
}

/** Answers on behalf of a route that needs to know who is calling. */
export function authenticationError (request: FastifyRequest): HttpError {
  return refusalOf(request) ?? httpError('CONSENTRY_ERR_AUTHENTICATION_REQUIRED')
}
