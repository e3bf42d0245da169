import type { EventFeed, ExecutionEvent } from '@consentry/core'
import { readAuthMessage, type Client, type UserInfo } from '@consentry/user-identity'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { WebSocket } from 'ws'
import { asKnown, callerOf, watchCaller, type Caller } from './caller.ts'
import { ConnectionClient } from './client.ts'
import { closeCodes } from './close-codes.ts'
import { ownerOf, type Context } from './context.ts'
import { asHttpError, httpError, loggable, type HttpError } from './errors.ts'
import { closeSoon } from './guarded-sockets.ts'
import { refusalOf } from './identity.ts'
import { readMessage, type ClientMessage } from './messages.ts'
import { refuse } from './refuse.ts'

/** Messages are counted over this long, in milliseconds. */
const countedOver = 10_000

/** The WebSocket of executions: a user's events, pushed. */
export function websocket (app: FastifyInstance, context: Context): { close: () => void } {
  const { settings } = context
  const connections = new Set<Connection>()
  const heartbeat = setInterval(() => { for (const connection of connections) connection.beat() }, settings.websocket.heartbeat).unref()

  app.get('/ws', {
    websocket: true,
    config: { auth: false, watchesItself: true },
    // Before the upgrade, so that a refusal is an HTTP answer and no socket was ever open (B20).
    preValidation: async (request, reply) => {
      const { origin } = request.headers
      if (origin !== undefined && !settings.allowedOrigins.has(origin)) return refuse(context, request, reply, httpError('CONSENTRY_ERR_CROSS_ORIGIN'))
      const refusal = refusalOf(request)
      if (refusal !== null) return refuse(context, request, reply, refusal)
    }
  }, (socket, request) => {
    const connection = new Connection(context, socket, request, connections)
    connections.add(connection)
  })

  return {
    close () {
      clearInterval(heartbeat)
      for (const connection of connections) connection.close(closeCodes.restart, 'restart')
    }
  }
}

/** One client. Nothing is sent to it before it is known who it is. */
class Connection {
  readonly #context: Context
  readonly #socket: WebSocket
  readonly #client: Client
  #feed: EventFeed | undefined
  #userInfo: UserInfo | undefined
  #stopWatching: (() => void) | undefined
  #authDeadline: { cancel (): void } | undefined
  #alive = true
  /** Whether events wait for the client to read. */
  #blocked = false
  #messages = 0
  #countedSince = 0
  #work: Promise<void> = Promise.resolve()

  constructor (context: Context, socket: WebSocket, request: FastifyRequest, others: Set<Connection>) {
    this.#context = context
    this.#socket = socket
    this.#client = new ConnectionClient(request)
    // Before anything is awaited: what arrives meanwhile must not be lost.
    socket.on('message', (data, isBinary) => { this.#receive(data as Buffer, isBinary) })
    socket.on('pong', () => { this.#alive = true })
    socket.on('close', () => {
      others.delete(this)
      this.#release()
    })
    const { userInfo } = request
    if (userInfo !== null) this.#queue(() => this.#signIn(callerOf(context, request, userInfo)))
    else this.#authDeadline = context.deadlines.add(context.settings.websocket.authTimeout, () => this.close(closeCodes.authTimeout, 'sign in first'), undefined)
  }

  close (code: number, reason: string): void {
    this.#socket.close(code, reason)
  }

  /** A client that did not answer the last ping is gone; one that takes nothing is cut off, and resumes after what it read (R11). */
  beat (): void {
    if (!this.#alive && this.#blocked) return this.close(closeCodes.tooLarge, 'too slow')
    if (!this.#alive) return this.#socket.terminate()
    this.#alive = false
    this.#socket.ping()
  }

  #release (): void {
    this.#authDeadline?.cancel()
    this.#stopWatching?.()
    this.#feed?.close()
  }

  #receive (data: Buffer, isBinary: boolean): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return
    if (this.#isFlooding()) return this.close(closeCodes.tooMany, 'too many messages')
    if (data.length > this.#context.settings.websocket.maxPayload) return this.close(closeCodes.tooLarge, 'message too large')
    const message = isBinary ? undefined : readMessage(data.toString())
    if (message === undefined) return this.#sendError(httpError('CONSENTRY_ERR_MESSAGE_INVALID'))
    this.#queue(() => this.#handle(message))
  }

  /** One message after the other, each failure its own. */
  #queue (step: () => Promise<void>): void {
    this.#work = this.#work.then(step).catch((error: unknown) => {
      const failure = asHttpError(error)
      if (failure === undefined) this.#context.log.warn(loggable(error), 'websocket message failed')
      this.#sendError(failure ?? httpError('CONSENTRY_ERR_STORE_UNAVAILABLE'))
      // Who may have no events has nothing to wait for.
      if (failure?.code === 'CONSENTRY_ERR_FORBIDDEN') this.close(closeCodes.notAllowed, 'not allowed')
    })
  }

  async #handle (message: ClientMessage): Promise<void> {
    if (message.type === 'ping') return this.#send({ type: 'pong', ...(message.id !== undefined && { id: message.id }) })
    if (message.type === 'auth') return this.#authenticate(message)
    const feed = this.#feed
    const userInfo = this.#userInfo
    if (feed === undefined || userInfo === undefined) throw httpError('CONSENTRY_ERR_AUTHENTICATION_REQUIRED')
    switch (message.type) {
      case 'subscribe': return feed.subscribe(message.executionId, message.after)
      case 'unsubscribe': return feed.unsubscribe(message.executionId)
      case 'cancel': await this.#context.executions.cancel(ownerOf(this.#context, userInfo), message.executionId)
    }
  }

  async #authenticate (message: Extract<ClientMessage, { type: 'auth' }>): Promise<void> {
    try {
      // A proxy verifies headers; what is said in a frame nobody has verified.
      if (this.#context.settings.identity.trust !== undefined) throw httpError('CONSENTRY_ERR_CREDENTIAL_INVALID')
      const { identity } = this.#context
      const credential = readAuthMessage(message)
      const userInfo = await identity.authenticate(credential, this.#client)
      const verify = (): Promise<UserInfo> => identity.authenticate(credential, asKnown(this.#client))
      await this.#signIn({ userInfo, session: null, verify }, () => this.#send({ type: 'auth_result', status: 'success', userId: userInfo.userId }))
    } catch (error) {
      const { code, message } = asHttpError(error) ?? httpError('CONSENTRY_ERR_CREDENTIAL_INVALID')
      this.#send({ type: 'auth_result', status: 'error', error: { code, message } })
      if (code === 'CONSENTRY_ERR_FORBIDDEN') this.close(closeCodes.notAllowed, 'not allowed')
      if (code === 'CONSENTRY_ERR_TOO_MANY_REQUESTS') this.close(closeCodes.tooMany, 'too many failed')
    }
  }

  /** A later sign-in replaces the earlier one, with all that was subscribed under it. */
  async #signIn (caller: Caller, tell?: () => void): Promise<void> {
    if (this.#socket.readyState !== this.#socket.OPEN) return
    const owner = ownerOf(this.#context, caller.userInfo)
    this.#release()
    this.#userInfo = caller.userInfo
    this.#stopWatching = watchCaller(this.#context, caller, () => {
      // Nothing that comes from now on is done, whether or not the client answers the close.
      this.#release()
      this.#feed = undefined
      this.#userInfo = undefined
      closeSoon(this.#context, this.#socket, closeCodes.notAuthenticated, 'signed out')
    })
    this.#feed = this.#context.executions.feed(owner, (event) => this.#deliver(event))
    tell?.()
    await this.#feed.subscribeAll()
  }

  /** The next event waits while too much is on its way. */
  #deliver (event: ExecutionEvent): Promise<void> | void {
    if (this.#socket.bufferedAmount <= this.#context.settings.websocket.maxBuffered) return this.#send({ type: 'event', event })
    this.#blocked = true
    return new Promise((resolve) => {
      // Called back when all before it has been taken, or the socket is gone.
      this.#socket.send(JSON.stringify({ type: 'event', event }), () => {
        this.#blocked = false
        resolve()
      })
    })
  }

  #send (message: object): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(message))
  }

  #sendError ({ code, message }: HttpError): void {
    this.#send({ type: 'error', code, message })
  }

  #isFlooding (): boolean {
    const now = this.#context.settings.clock.monotonic()
    if (now - this.#countedSince > countedOver) {
      this.#countedSince = now
      this.#messages = 0
    }
    return ++this.#messages > this.#context.settings.websocket.maxMessages
  }
}
