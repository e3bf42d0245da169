import type { ExecutionEvent } from './contract.ts'
import { ClientError } from './errors.ts'
import { createHandle, type RunHandle } from './handle.ts'
import { createHttp } from './http.ts'
import { createListeners } from './listeners.ts'
import { readOptions, type ClientOptions } from './options.ts'
import { createQuestions, type QuestionListener } from './questions.ts'
import { readRun } from './reader.ts'
import { createRun, type Run } from './run.ts'
import { createSocket, type Socket } from './socket.ts'
import { startRun, type RunOptions } from './start-run.ts'
import { onWake } from './wake.ts'

/** `connecting` for the first time, `open`, `lost` and tried again, `closed` until something is followed again. */
export type ConnectionState = 'connecting' | 'open' | 'lost' | 'closed'

export type ConnectionListener = (state: ConnectionState, error?: ClientError) => void

/** What `createClient` returns: a person's runs, and their questions. */
export interface Client {
  /**
   * Starts a run: posts `body` as JSON to a route that answers with `reply.execution()`. Never sent twice: when the
   * connection drops before the answer, `result` rejects with `CONSENTRY_CLIENT_UNREACHABLE`.
   */
  run<Result = unknown> (path: string, body?: unknown, options?: RunOptions): RunHandle<Result>
  /** Follows a run that was started elsewhere or before a reload, from its first event on. */
  follow<Result = unknown> (executionId: string, options?: { signal?: AbortSignal }): RunHandle<Result>
  /**
   * Hears of each question that is open and each that comes: of all of the caller's runs over a WebSocket, otherwise
   * of those that are followed. Called again with the same `flowId` when a question asks for more. Returns what ends it.
   */
  onOauthRequired (listener: QuestionListener): () => void
  /** Hears how the WebSocket is, at once and at each change; `error` says why it was closed. Returns what ends it. */
  onConnection (listener: ConnectionListener): () => void
  /** Ends everything that is followed with `CONSENTRY_CLIENT_CLOSED`. The runs themselves go on. */
  close (): void
}

/** Follows a person's runs and their questions. Throws a `TypeError` when `baseUrl` or `connectOrigin` is no URL. */
export function createClient (options: ClientOptions = {}): Client {
  const settings = readOptions(options)
  const { WebSocket } = settings
  const http = createHttp(settings)
  const questions = createQuestions(settings)
  const runs = new Map<string, Run>()
  const life = new AbortController()
  const listeners = createListeners<Parameters<ConnectionListener>>()
  let state: ConnectionState = 'closed'
  let socket: Socket | undefined
  /** Whether runs are followed without a WebSocket. */
  let without = !WebSocket

  function tell (next: ConnectionState, error?: ClientError): void {
    if (state === next) return
    state = next
    listeners.tell(state, error)
  }

  function connect (): void {
    if (life.signal.aborted || !WebSocket || socket !== undefined) return
    tell('connecting')
    without = false
    socket = createSocket({ settings, WebSocket, onEvent, onOpen, onLost, onRefused: disconnect, onStuck: read })
  }

  /** There is a connection as long as somebody needs it. */
  function rest (): void {
    if (!questions.heard && runs.size === 0) disconnect()
  }

  /** What is followed goes on over HTTP, which says for each whether it may. */
  function disconnect (error?: ClientError): void {
    socket?.close()
    socket = undefined
    without = true
    runs.forEach(read)
    questions.drop(({ executionId }) => !runs.has(executionId))
    tell('closed', error)
  }

  function onEvent (event: ExecutionEvent): void {
    const run = runs.get(event.executionId)
    if (run === undefined) return questions.take(event)
    run.log.take(event)
    // The server's log is shorter than its connection is behind.
    if (run.past < Infinity && run.log.hasGap) read(run)
  }

  function onOpen (): void {
    without = false
    // What was open before and was not told again has been answered meanwhile.
    questions.drop(({ flowId, executionId }) => !questions.told.has(flowId) && !runs.has(executionId))
    runs.forEach(stopReading)
    tell('open')
    runs.forEach(subscribe)
  }

  function onLost (attempts: number): void {
    questions.told.clear()
    tell('lost')
    // One that was there comes back at once, as a rule.
    without = attempts > 1
    if (without) runs.forEach(read)
    // A browser does not say why it could not connect.
    if (without && runs.size === 0) http.status('-', life.signal).catch((error: ClientError) => { if (error.status === 401) disconnect(error) })
  }

  function read (run: Run): void {
    // Nobody may hold it any more.
    if (runs.get(run.id) !== run || run.reader !== undefined) return
    run.reader = new AbortController()
    void readRun(run, http, settings, run.reader.signal)
  }

  function subscribe (run: Run): void {
    socket?.follow(run)
  }

  function forget (run: Run): void {
    stopReading(run)
    if (runs.get(run.id) === run) runs.delete(run.id)
    rest()
  }

  onWake(() => { socket?.check() }, life.signal)

  const shared = {
    follow (executionId: string): Run {
      life.signal.throwIfAborted()
      const run = runs.get(executionId) ?? createRun(executionId, questions, () => { forget(run) })
      if (run.holders++ > 0) return run
      runs.set(executionId, run)
      connect()
      if (without) read(run)
      else subscribe(run)
      return run
    },
    release (run: Run): void {
      if (--run.holders === 0) forget(run)
    },
    cancel: http.cancel
  }

  return {
    run: (path, body, options = {}) => createHandle(startRun(http, path, body, options), shared, options.signal),
    follow: (executionId, { signal } = {}) => createHandle(Promise.resolve({ executionId }), shared, signal),

    onOauthRequired (listener) {
      const stop = questions.listen(listener)
      connect()
      return () => {
        stop()
        rest()
      }
    },

    onConnection: (listener) => listeners.add(listener, [[state]]),

    close () {
      life.abort(new ClientError('CONSENTRY_CLIENT_CLOSED', 'The client was closed.'))
      for (const run of runs.values()) run.fail(life.signal.reason)
      disconnect()
    }
  }
}

function stopReading (run: Run): void {
  run.reader?.abort()
  run.reader = undefined
}
