import { isLast, isOver, type ExecutionEvent } from '@consentry/core'
import type { FastifyInstance } from 'fastify'
import { Readable } from 'node:stream'
import { callerOf, watchCaller } from './caller.ts'
import { ownerOf, type Context } from './context.ts'
import { httpError, loggable } from './errors.ts'
import { authenticationError } from './identity.ts'

/** Server-Sent Events (HTML Standard section 9.2): an execution's events, resumed after `Last-Event-ID`. */
export function sse (app: FastifyInstance, context: Context): { close: () => void } {
  const { executions, settings } = context
  const streams = new Set<EventStream>()

  app.get<{ Params: { id: string } }>('/:id/events', { exposeHeadRoute: false, config: { auth: false } }, async (request, reply) => {
    const { userInfo } = request
    if (userInfo === null) throw authenticationError(request)
    const owner = ownerOf(context, userInfo)
    const after = readLastEventId(request.headers['last-event-id'])
    const { status, seq } = await executions.get(owner, request.params.id)
    // Nothing more will come: this tells an event source not to ask again.
    if (isOver(status) && after >= seq) return reply.code(204).send()
    const stream = new EventStream()
    const feed = executions.feed(owner, async (event) => {
      await stream.write(frame(event))
      if (isLast(event.type)) stream.push(null)
    })
    const stopWatching = watchCaller(context, callerOf(context, request, userInfo), () => { stream.push(null) })
    const keepAlive = setInterval(() => { stream.beat() }, settings.websocket.heartbeat).unref()
    streams.add(stream)
    stream.once('close', () => {
      streams.delete(stream)
      clearInterval(keepAlive)
      stopWatching()
      feed.close()
    })
    // Not awaited: a long log is read as fast as the client reads it. That the execution is there and the caller's own is known.
    feed.subscribe(request.params.id, after).catch((error: unknown) => {
      request.log.warn(loggable(error), 'event stream failed')
      stream.destroy()
    })
    return reply
      .header('content-type', 'text/event-stream')
      .header('cache-control', 'no-store')
      // Asks nginx not to hold events back: https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering
      .header('x-accel-buffering', 'no')
      .send(stream)
  })

  return { close: () => { for (const stream of streams) stream.push(null) } }
}

/** Takes the next event when the last one was read: a client that does not read holds one, and the log the rest (R11). */
class EventStream extends Readable {
  #drained: (() => void) | undefined
  #stalled = false

  override _read (): void {
    this.#drained?.()
    this.#drained = undefined
    this.#stalled = false
  }

  write (text: string): Promise<void> | void {
    if (this.push(text) || this.destroyed) return
    return new Promise((resolve) => { this.#drained = resolve })
  }

  /** Who read nothing since the last beat is cut off, and resumes after what was read. */
  beat (): void {
    if (this.#stalled) this.destroy()
    else if (this.#drained === undefined) this.push(': keep-alive\n\n')
    else this.#stalled = true
  }
}

function frame (event: ExecutionEvent): string {
  return `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}

function readLastEventId (value: string | string[] | undefined): number {
  if (value === undefined || value === '') return 0
  if (typeof value !== 'string' || !/^\d{1,15}$/.test(value)) throw httpError('CONSENTRY_ERR_MESSAGE_INVALID')
  return Number(value)
}
