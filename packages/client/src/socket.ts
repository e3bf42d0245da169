import { pause } from './backoff.ts'
import type { ClientMessage, ExecutionEvent, ServerMessage } from './contract.ts'
import { ClientError, unreachable } from './errors.ts'
import type { Settings } from './options.ts'
import type { Run } from './run.ts'

/** What is needed of a WebSocket: that of browsers, of Node.js 22, and of the package `ws`. */
export interface WebSocketLike {
  /** Sends a text message. */
  send (data: string): void
  /** Closes the connection. */
  close (): void
  /** It is open, or has failed. */
  addEventListener (type: 'open' | 'error', listener: () => void): void
  /** A message has come. */
  addEventListener (type: 'message', listener: (event: { data: unknown }) => void): void
  /** It is closed, with a code of RFC 6455 section 7.4 or of the server's own. */
  addEventListener (type: 'close', listener: (event: { code: number }) => void): void
}

/** Opens a WebSocket to a URL. */
export type WebSocketConstructor = new (url: string) => WebSocketLike

export interface SocketOptions {
  settings: Settings
  WebSocket: WebSocketConstructor
  /** An event of any execution of the caller. */
  onEvent: (event: ExecutionEvent) => void
  /** Everything that was waiting when the connection was made has been told. */
  onOpen: () => void
  /** `attempts` since it was last open. */
  onLost: (attempts: number) => void
  /** The server does not let this caller in, and trying again would not help. */
  onRefused: (error: ClientError) => void
  /** The run's events do not come this way, or not all of them. */
  onStuck: (run: Run) => void
}

/** One connection for all runs, which comes back by itself. */
export interface Socket {
  /** Asks for the events of a run, if there is a connection. */
  follow (run: Run): void
  /** Finds out whether the connection is alive, or tries again at once. */
  check (): void
  close (): void
}

/** How long the server may take to let a client in or to answer a ping, in milliseconds. */
const answerWithin = 5_000
const pingEvery = 20_000
/** At least after 4429. */
const restAfterFlood = 5_000
/** How many runs are asked for between two pings, with two messages each: a server takes 100 in 10 s. The others are read over HTTP. */
const mostAsked = 24

const refusal = (code: string): ClientError => new ClientError(code, 'The server refuses this caller.')

export function createSocket ({ settings, WebSocket, onEvent, onOpen, onLost, onRefused, onStuck }: SocketOptions): Socket {
  const { socketUrl, backoff, token } = settings
  let socket: WebSocketLike | undefined
  let isOpen = false
  let attempts = 0
  let asked = 0
  let retry: ReturnType<typeof setTimeout> | undefined
  let heartbeat: ReturnType<typeof setInterval> | undefined
  let deadline: ReturnType<typeof setTimeout> | undefined
  /** What is to be done at a pong: the messages before its ping have been dealt with. `failure` is the code of the first that failed. */
  let fences: Array<(failure?: string) => void> = []
  let failure: string | undefined
  const send = (message: ClientMessage): void => { socket?.send(JSON.stringify(message)) }

  function connect (): void {
    clearTimeout(retry)
    const current = socket = new WebSocket(socketUrl)
    const own = <T>(fn: (event: T) => void) => (event: T): void => { if (socket === current) fn(event) }
    expectAnswer()
    current.addEventListener('open', () => { signIn(current).catch(own(lost)) })
    current.addEventListener('message', own(({ data }) => {
      try {
        receive(JSON.parse(data as string) as ServerMessage)
      } catch (error) {
        // Whoever speaks there speaks another language, now and later.
        refuse(unreachable(error))
      }
    }))
    current.addEventListener('close', own(({ code }) => { lost(code) }))
    // A close follows, and says no less.
    current.addEventListener('error', () => {})
  }

  async function signIn (current: WebSocketLike): Promise<void> {
    const credential = await token?.()
    if (socket !== current) return
    if (credential !== undefined) send({ type: 'auth', method: credential.split('.').length === 3 ? 'jwt' : 'api_key', token: credential })
    // Does nothing but tell whether the caller is signed in.
    send({ type: 'unsubscribe', executionId: '-' })
    fence((failure) => {
      if (failure !== undefined) return refuse(refusal(failure))
      isOpen = true
      attempts = asked = 0
      heartbeat = setInterval(check, pingEvery)
      onOpen()
    })
  }

  function fence (done: (failure?: string) => void): void {
    fences.push(done)
    send({ type: 'ping' })
  }

  /**
   * Asks for what came after the run's last event. The server may have sent newer ones of its own accord; if there is a
   * gap when all that was asked for has come, this connection cannot tell what is in it.
   */
  function follow (run: Run): void {
    if (!isOpen) return
    if (++asked > mostAsked) return onStuck(run)
    run.past = Infinity
    send({ type: 'subscribe', executionId: run.id, after: run.log.seq })
    fence((failure) => {
      if (failure !== undefined || run.log.hasGap) onStuck(run)
      else run.caughtUp()
    })
  }

  function receive (message: ServerMessage): void {
    clearTimeout(deadline)
    deadline = undefined
    if (message.type === 'event') onEvent(message.event)
    else if (message.type === 'pong') {
      const code = failure
      failure = undefined
      fences.shift()?.(code)
    } else failure ??= (message.type === 'error' ? message : message.error)?.code
  }

  function expectAnswer (): void {
    deadline ??= setTimeout(lost, answerWithin)
  }

  function check (): void {
    if (isOpen) {
      asked = 0
      expectAnswer()
      fence(() => {})
    } else if (socket === undefined) connect()
  }

  /** By the close codes of the server, or without a close, which a dead connection never gives. */
  function lost (code?: unknown): void {
    // Whose time was over may have a newer credential.
    const mayRenew = isOpen && token !== undefined
    const reason = failure ?? (code === 4403 ? 'CONSENTRY_ERR_FORBIDDEN' : 'CONSENTRY_ERR_AUTHENTICATION_REQUIRED')
    close()
    if ((code === 4401 && !mayRenew) || code === 4403 || code === 4408) return refuse(refusal(reason))
    // The first pause is short, and not for all the same: that is what a restart (1012) asks for.
    retry = setTimeout(connect, Math.max(pause(attempts++, backoff), code === 4429 ? restAfterFlood : 0))
    onLost(attempts)
  }

  function refuse (error: ClientError): void {
    close()
    onRefused(error)
  }

  function close (): void {
    clearTimeout(retry)
    clearInterval(heartbeat)
    clearTimeout(deadline)
    const old = socket
    deadline = socket = undefined
    isOpen = false
    fences = []
    failure = undefined
    old?.close()
  }

  connect()
  return { follow, check, close }
}
