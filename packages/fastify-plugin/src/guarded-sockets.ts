import type { FastifyInstance } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { WebSocket } from 'ws'
import { watchCaller, type Caller } from './caller.ts'
import { closeCodes } from './close-codes.ts'
import type { Context } from './context.ts'
import { requirementOf } from './guard.ts'
import { sessionOf } from './identity.ts'

/** Closes the application's own guarded WebSockets when the credential ends that let them in (B20). */
export function guardSockets (app: FastifyInstance, context: Context): void {
  const callers = new WeakMap<IncomingMessage, Caller>()

  // After the guard, so that only who passed is remembered.
  app.addHook('preHandler', async (request) => {
    const { userInfo } = request
    if (!request.ws || userInfo === null || (requirementOf(request, context.settings.defaultAuth) ?? false) === false) return
    callers.set(request.raw, { userInfo, session: sessionOf(request) })
  })

  app.websocketServer.on('connection', (socket: WebSocket, request: IncomingMessage) => {
    const caller = callers.get(request)
    if (caller === undefined) return
    socket.once('close', watchCaller(context, caller, () => { socket.close(closeCodes.notAuthenticated, 'signed out') }))
  })
}
