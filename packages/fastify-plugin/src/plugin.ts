import { setImmediate } from 'node:timers/promises'
import { ConsentryError, type AuthorizeOptions, type Execution, type Grant, type StartOptions } from '@consentry/core'
import cookie from '@fastify/cookie'
import formbody from '@fastify/formbody'
import websocketPlugin from '@fastify/websocket'
import { Ajv } from 'ajv'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { backchannelLogout } from './backchannel-logout.ts'
import { callback, elsewhere } from './callback.ts'
import { announceBasic } from './challenges.ts'
import { connect } from './connect.ts'
import { connections } from './connections.ts'
import type { ConsentryOptions } from './consentry-options.ts'
import { connectUrl, createContext, ownerOf, type Context } from './context.ts'
import { asHttpError, expectHttpError, httpError, sendProblem, type HttpError } from './errors.ts'
import { executions, replyExecution } from './executions.ts'
import { guard } from './guard.ts'
import { guardSockets } from './guarded-sockets.ts'
import { handle } from './handle.ts'
import { authenticationError, identify, sessionOf } from './identity.ts'
import { login } from './login.ts'
import { logout } from './logout.ts'
import { readOptions } from './options.ts'
import { sendFailure } from './pages.ts'
import { passwordLogin, passwordSessionName } from './password-login.ts'
import { rateLimit } from './rate-limit.ts'
import { refresh } from './refresh.ts'
import { sse } from './sse.ts'
import { websocket } from './websocket.ts'
import { whoami } from './whoami.ts'

async function plugin (app: FastifyInstance, options: ConsentryOptions): Promise<void> {
  const settings = readOptions(options, app.prefix)
  const context = createContext(settings, app.log)
  await context.wakeups.ready().catch((error: unknown) => { throw cannotStart(error) })
  const closing: Array<() => void> = []
  // Before the WebSocket plugin's own, which would close the sockets without a reason.
  app.addHook('preClose', async () => {
    await context.executions.close()
    // The last events are on their way to who listens.
    await setImmediate()
    for (const close of closing) close()
  })
  if (!app.hasPlugin('@fastify/cookie')) await app.register(cookie)
  if (!app.hasPlugin('@fastify/websocket')) {
    await app.register(websocketPlugin, {
      // Above our own limit, which closes with a reason; beyond this one the protocol does.
      options: { maxPayload: settings.websocket.maxPayload * 2 },
      errorHandler: (err, socket, request) => {
        request.log.info({ err }, 'websocket failed')
        socket.terminate()
      }
    })
  }

  const { executions: runs, grants, sessions } = context
  app.decorate('consentry', Object.freeze({ executions: runs, grants, sessions, providers: settings.providers, forget: (userId: string) => forget(context, userId) }))
  app.decorateRequest('authorize', function (this: FastifyRequest, provider: string, options?: AuthorizeOptions) {
    return authorizeRequest(context, this, provider, options)
  })
  app.decorateRequest('csrfToken', function (this: FastifyRequest) {
    const session = sessionOf(this)
    return session === null ? null : context.csrf.create(session)
  })
  app.decorateReply('execution', function (this: FastifyReply, fn: (execution: Execution) => unknown, options?: StartOptions) {
    return replyExecution(context, this.request, this, fn, options)
  })
  announceBasic(app, settings.identity.basic?.realm)
  identify(app, context)
  guard(app, context)
  guardSockets(app, context)

  await app.register(async (scope) => {
    scope.setErrorHandler((error, request, reply) => sendFailure(context, request, reply, codedError(error, request)))
    ownValidation(scope)
    if (!scope.hasContentTypeParser('application/x-www-form-urlencoded')) await scope.register(formbody, { bodyLimit: 16 * 1024 })
    await rateLimit(scope, context)
    elsewhere(scope)
    for (const routes of [login, passwordLogin, callback, connect, handle, logout, backchannelLogout, refresh, connections, whoami]) routes(scope, context)
  }, { prefix: settings.prefix.slice(app.prefix.length) })
  await app.register(async (scope) => {
    scope.setErrorHandler((error, request, reply) => sendProblem(reply, codedError(error, request)))
    ownValidation(scope)
    executions(scope, context)
    closing.push(sse(scope, context).close, websocket(scope, context).close)
  }, { prefix: settings.executionsPrefix.slice(app.prefix.length) })

  // Last, since our own routes answer for themselves.
  problems(app)

  app.addHook('onClose', async () => {
    context.deadlines.close()
    context.flows.close()
    await context.wakeups.close()
    // Only what was made here; what was passed in belongs to the application.
    if (options.stateStore === undefined) await settings.stateStore.close?.()
    if (options.tokenStore === undefined) await settings.tokenStore.close?.()
  })
}

/** A store that is away at the start is named in words: whoever starts the server reads the message alone. */
function cannotStart (error: unknown): unknown {
  if (!ConsentryError.is(error, 'CONSENTRY_ERR_STORE_UNAVAILABLE')) return error
  const reason = error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return Object.assign(new ConsentryError(error.code, { cause: error.cause }), { message: `Consentry: the state store cannot be reached${reason}.` })
}

/** Whose key or password was withdrawn is checked again, everywhere. */
async function forget ({ identity, sessions }: Context, userId: string): Promise<void> {
  identity.forget(userId)
  await sessions.revokeNamed(passwordSessionName(userId))
}

/** Our schemas are JSON Schema, whatever compiler the application has for its own. */
function ownValidation (scope: FastifyInstance): void {
  const ajv = new Ajv({ coerceTypes: true })
  scope.setValidatorCompiler(({ schema }) => ajv.compile(schema as object))
}

/** A grant within one request: there is nobody to wait for, so what is missing is said. */
async function authorizeRequest (context: Context, request: FastifyRequest, provider: string, options?: AuthorizeOptions): Promise<Grant> {
  try {
    if (request.userInfo === null) throw authenticationError(request)
    const { key, requirement } = context.grants.requirement(ownerOf(context, request.userInfo), provider, options)
    const grant = await context.grants.available(key, requirement)
    if (grant !== undefined) return grant
    const flow = await context.grants.prepare(key, requirement)
    const { id: flowId, scopes } = flow
    throw httpError('CONSENTRY_ERR_AUTHORIZATION_REQUIRED', { members: { flowId, provider, profile: key.profile, scopes, connectUrl: connectUrl(context.settings, flowId) } })
  } catch (error) {
    throw expectHttpError(error)
  }
}

/** Failures of ours on the application's own routes become problem documents; all others go on to its error handler. */
function problems (app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    route.errorHandler ??= (error, _request, reply) => {
      const failure = asHttpError(error)
      void (failure === undefined ? reply.send(error) : sendProblem(reply, failure))
    }
  })
}

/** On our own routes every failure has a code, and the message of an unknown one stays here. */
function codedError (error: unknown, request: FastifyRequest): HttpError {
  const failure = asHttpError(error)
  if (failure !== undefined) return failure
  const { statusCode = 500 } = error as FastifyError
  if (statusCode >= 500) {
    request.log.error({ err: error }, 'request failed')
    return httpError('CONSENTRY_ERR_INTERNAL', { cause: error })
  }
  return Object.assign(httpError('CONSENTRY_ERR_MESSAGE_INVALID', { cause: error }), { statusCode })
}

/** Registers login, guards, grants and executions on the application. */
const consentry: typeof plugin = fp(plugin, { name: '@consentry/fastify-plugin', fastify: '5.x' })

export default consentry
