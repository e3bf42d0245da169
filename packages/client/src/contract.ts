// What the server says and understands. Declared here so that this package stands alone; a test holds it against the server's own types.

/** How a question ended. */
export type FlowOutcome = 'granted' | 'denied' | 'cancelled' | 'expired' | 'superseded' | 'account_mismatch' | 'provider_error'

/** A question that waits for its answer. */
export interface PendingConsent {
  flowId: string
  provider: string
  profile: string
  /** For people: what the provider is called. */
  label: string
  /** For people: the host on which they will be asked. What is typed is asked for on the server's own. */
  host: string
  scopes: string[]
  /** On the server's own origin; leads to the provider once the right person is there. */
  connectUrl: string
  /** ISO 8601. */
  expiresAt: string
}

/** The `data` of each type of event. */
export interface EventData {
  running: Record<string, never>
  progress: unknown
  oauth_required: PendingConsent
  oauth_resolved: { flowId: string, provider: string, profile: string, outcome: FlowOutcome }
  completed: { result: unknown }
  failed: { code: string, message: string }
  cancelled: { reason: string }
}

/** One thing that happened in an execution. */
export type ExecutionEvent = { [Type in keyof EventData]: {
  type: Type
  executionId: string
  /** Counts from 1 within an execution. */
  seq: number
  /** ISO 8601. */
  time: string
  data: EventData[Type]
} }[keyof EventData]

/** The last three are final. */
export type ExecutionStatus = 'running' | 'oauth_required' | 'completed' | 'failed' | 'cancelled'

/** How an execution stands. */
export interface StatusDocument {
  executionId: string
  status: ExecutionStatus
  statusUrl: string
  eventsUrl: string
  /** The newest event. */
  seq: number
  result?: unknown
  error?: { code: string, message: string }
  pending?: PendingConsent[]
}

/** A failure over HTTP (RFC 9457). */
export interface Problem {
  type: string
  title: string
  status: number
  code: string
  retryable: boolean
  [member: string]: unknown
}

/** Says over the WebSocket who this is. */
export interface AuthMessage {
  type: 'auth'
  method: 'jwt' | 'api_key' | 'basic'
  token?: string
  username?: string
  password?: string
}

/** What a client may say over the WebSocket. */
export type ClientMessage =
  | AuthMessage
  | { type: 'subscribe', executionId: string, after?: number }
  | { type: 'unsubscribe' | 'cancel', executionId: string }
  | { type: 'ping', id?: string | number }

/** What the server says over the WebSocket. */
export type ServerMessage =
  | { type: 'auth_result', status: 'success' | 'error', userId?: string, error?: { code: string, message: string } }
  | { type: 'event', event: ExecutionEvent }
  | { type: 'pong', id?: string | number }
  | { type: 'error', code: string, message: string }

/** Whether nothing comes after an event of this type, or a status. */
export function isLast (type: string): type is 'completed' | 'failed' | 'cancelled' {
  return /^(completed|failed|cancelled)$/.test(type)
}
