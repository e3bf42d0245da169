import { pause } from './backoff.ts'
import type { ClientMessage, ExecutionEvent, ServerMessage } from './contract.ts'
import { ClientError } from './errors.ts'
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
  /** `attempts` since it was last open; 0 when another credential is tried. */
  onLost: (attempts: number) => void
  /** The server does not let this caller in, and trying again would not help. */
  onRefused: (error: ClientError) => void
  /** The run's events do not come this way, or not all of them. */
  onStuck: (run: Run) => void
}

/** One connection for all runs, which comes back by itself. */
export interface Socket {
  /** Asks for the events of runs, if there is a connection. */
  follow (runs: readonly Run[]): void
  /** Finds out whether the connection is alive, or tries again at once. */
  check (): void
  close (): void
}

/** How long the server may take to let a client in or to answer a ping, in milliseconds. */
const answerWithin = 5_000
const pingEvery = 20_000
/** At least after 4429. */
const restAfterFlood = 5_000
/** How many runs are asked for at once: a server takes 100 messages in 10 s. The others are read over HTTP. */
const mostAtOnce = 60

const notSignedIn = 'CONSENTRY_ERR_AUTHENTICATION_REQUIRED'

export function createSocket ({ settings, WebSocket, onEvent, onOpen, onLost, onRefused, onStuck }: SocketOptions): Socket {
  const { socketUrl, backoff, token } = settings
  let socket: WebSocketLike | undefined
  let isOpen = false
  let renewed = false
  let attempts = 0
  let retry: ReturnType<typeof setTimeout> | undefined
  let heartbeat: ReturnType<typeof setInterval> | undefined
  let deadline: ReturnType<typeof setTimeout> | undefined
  /** What is to be done at a pong: the messages before its ping have been dealt with. `codes` are the failures among them. */
  let fences: Array<(codes: string[]) => void> = []
  let codes: string[] = []
  const send = (message: ClientMessage): void => { socket?.send(JSON.stringify(message)) }

  function connect (): void {
    clearTimeout(retry)
    const current = socket = new WebSocket(socketUrl)
    const own = <T>(fn: (event: T) => void) => (event: T): void => { if (socket === current) fn(event) }
    expectAnswer()
    const broken = own(() => { lost(1006) })
    current.addEventListener('open', () => { signIn(current).catch(broken) })
    current.addEventListener('message', own(({ data }) => { receive(JSON.parse(data as string) as ServerMessage) }))
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
    fence((codes) => {
      if (codes.includes(notSignedIn)) return refuse()
      isOpen = true
      attempts = 0
      heartbeat = setInterval(check, pingEvery)
      onOpen()
    })
  }

  function fence (done: (codes: string[]) => void): void {
    fences.push(done)
    send({ type: 'ping' })
  }

  /**
   * Asks for what came after the last event of each. The server may have sent newer ones of its own accord; if there is
   * a gap when all that was asked for has come, this connection cannot tell what is in it.
   */
  function follow (runs: readonly Run[]): void {
    if (!isOpen || runs.length === 0) return
    const some = runs.slice(0, mostAtOnce)
    runs.slice(mostAtOnce).forEach(onStuck)
    for (const run of some) {
      run.live = false
      send({ type: 'subscribe', executionId: run.id, after: run.log.seq })
    }
    fence((codes) => {
      for (const run of some) {
        if (codes.length > 0 || run.log.hasGap) onStuck(run)
        else run.caughtUp()
      }
    })
  }

  function receive (message: ServerMessage): void {
    clearTimeout(deadline)
    deadline = undefined
    if (message.type === 'event') onEvent(message.event)
    else if (message.type === 'error') codes.push(message.code)
    else if (message.type === 'auth_result' && message.error !== undefined) refuse(message.error.code)
    else if (message.type === 'pong') {
      const failures = codes
      codes = []
      fences.shift()?.(failures)
    }
  }

  function expectAnswer (): void {
    deadline ??= setTimeout(() => { lost(1006) }, answerWithin)
  }

  function check (): void {
    if (isOpen) {
      expectAnswer()
      fence(() => { renewed = false })
    } else if (socket === undefined) connect()
  }

  /** By the close codes of the server, or without a close, which a dead connection never gives. */
  function lost (code: number): void {
    const wasOpen = isOpen
    close()
    if (code === 4401 && wasOpen && settings.renews && !renewed) {
      // Its time was over; there may be a newer one.
      renewed = true
      onLost(0)
      return connect()
    }
    if ([4401, 4403, 4408].includes(code)) return refuse(code === 4403 ? 'CONSENTRY_ERR_FORBIDDEN' : undefined)
    // The first pause is short, and not for all the same: that is what a restart (1012) asks for.
    retry = setTimeout(connect, Math.max(pause(attempts++, backoff), code === 4429 ? restAfterFlood : 0))
    onLost(attempts)
  }

  function refuse (code = notSignedIn): void {
    close()
    onRefused(new ClientError(code, 'The caller was refused.'))
  }

  function close (): void {
    clearTimeout(retry)
    clearInterval(heartbeat)
    clearTimeout(deadline)
    const old = socket
    deadline = socket = undefined
    isOpen = false
    fences = []
    codes = []
    old?.close()
  }

  connect()
  return { follow, check, close }
}
