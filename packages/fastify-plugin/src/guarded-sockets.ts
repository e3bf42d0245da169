import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { WebSocket } from 'ws'
import { callerOf, watchCaller } from './caller.ts'
import { closeCodes } from './close-codes.ts'
import type { Context } from './context.ts'
import { requirementOf } from './guard.ts'
import { endCaller } from './identity.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A WebSocket of ours, which ends with its caller's credential by itself. */
    watchesItself?: boolean
  }
}

/** How long a client may take to answer a close before it is cut off, in milliseconds. */
const closeGrace = 1_000

/** Ends the application's own WebSockets with the credential that let them in (B20); public ones stay open, for nobody. */
export function guardSockets (app: FastifyInstance, context: Context): void {
  const upgrades = new WeakMap<IncomingMessage, FastifyRequest>()

  // After the guard, so that only who passed is remembered.
  app.addHook('preHandler', (request, _reply, done) => {
    if (request.ws && request.userInfo !== null && request.routeOptions.config.watchesItself !== true) upgrades.set(request.raw, request)
    done()
  })

  app.websocketServer.on('connection', (socket: WebSocket, raw: IncomingMessage) => {
    const request = upgrades.get(raw)
    if (request === undefined || request.userInfo === null) return
    const isGuarded = (requirementOf(request, context.settings.defaultAuth) ?? false) !== false
    const stop = watchCaller(context, callerOf(context, request, request.userInfo), () => {
      endCaller(request)
      if (isGuarded) closeSoon(context, socket, closeCodes.notAuthenticated, 'signed out')
    })
    socket.once('close', stop)
  })
}

/** Closes, and does not wait long for a client that does not answer. */
export function closeSoon ({ deadlines }: Context, socket: WebSocket, code: number, reason: string): void {
  socket.close(code, reason)
  const deadline = deadlines.add(closeGrace, () => { socket.terminate() }, undefined)
  socket.once('close', () => { deadline.cancel() })
}
