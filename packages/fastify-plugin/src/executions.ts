import type { ErrorCode, Execution, ExecutionDocument, StartOptions } from '@consentry/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ownerOf, type Context } from './context.ts'
import { expectHttpError, httpError, sendProblem } from './errors.ts'
import { authenticationError, sessionOf } from './identity.ts'

/** What a client is told about an execution. */
export interface StatusDocument extends ExecutionDocument {
  statusUrl: string
  eventsUrl: string
}

interface ExecutionParams { id: string }

/** `reply.execution()` and the routes of executions. */
export function executions (app: FastifyInstance, context: Context): void {
  const { executions } = context

  app.get<{ Params: ExecutionParams }>('/:id', { config: { auth: false } }, async (request, reply) => {
    if (request.userInfo === null) throw authenticationError(request)
    const document = await executions.get(ownerOf(context, request.userInfo), request.params.id)
    return reply.header('cache-control', 'no-store').send(statusDocument(context, document))
  })

  app.post<{ Params: ExecutionParams }>('/:id/cancel', { config: { auth: false } }, async (request, reply) => {
    if (request.userInfo === null) throw authenticationError(request)
    const document = await executions.cancel(ownerOf(context, request.userInfo), request.params.id)
    return reply.code(202).send(statusDocument(context, document))
  })
}

/** Runs `fn` for the caller and answers with what comes first: its end, or a question to its owner. */
export async function replyExecution (context: Context, request: FastifyRequest, reply: FastifyReply, fn: (execution: Execution) => unknown, options?: StartOptions): Promise<FastifyReply> {
  try {
    if (request.userInfo === null) throw authenticationError(request)
    const owner = ownerOf(context, request.userInfo)
    const started = await context.executions.start(owner, fn, { byHandle: sessionOf(request) === null, ...options })
    // RFC 7240 section 4.1: a client that would rather follow than wait.
    const followed = /(^|,)\s*respond-async\s*(,|;|$)/i.test(String(request.headers['prefer'] ?? ''))
    if (followed) reply.header('preference-applied', 'respond-async')
    const first = followed ? 'oauth_required' : await started.firstOutcome
    const document = first === 'ended' ? await started.ended : await context.executions.get(owner, started.id)
    return first === 'ended' ? sendEnd(context, reply, document) : sendStatus(context, reply, document)
  } catch (error) {
    return sendProblem(reply, expectHttpError(error))
  }
}

function sendEnd (context: Context, reply: FastifyReply, document: ExecutionDocument): FastifyReply {
  const { statusUrl } = statusDocument(context, document)
  if (document.status === 'completed') return reply.header('link', `<${statusUrl}>; rel="describedby"`).type('application/json').send(JSON.stringify(document.result))
  const failed = document.error?.code as ErrorCode | undefined ?? 'CONSENTRY_ERR_EXECUTION_FAILED'
  return sendProblem(reply, httpError(document.status === 'cancelled' ? 'CONSENTRY_ERR_EXECUTION_CANCELLED' : failed, { members: { executionId: document.executionId, statusUrl } }))
}

function sendStatus (context: Context, reply: FastifyReply, document: ExecutionDocument): FastifyReply {
  const status = statusDocument(context, document)
  return reply.code(202).header('location', status.statusUrl).header('cache-control', 'no-store').send(status)
}

function statusDocument ({ settings }: Context, document: ExecutionDocument): StatusDocument {
  const { executionId, status, seq, ...rest } = document
  const statusUrl = `${settings.origin}${settings.executionsPrefix}/${executionId}`
  return { executionId, status, statusUrl, eventsUrl: `${statusUrl}/events`, seq, ...rest }
}
