import type { FlowOutcome } from './flow.ts'

/** A question that waits for its answer. */
export interface PendingConsent {
  flowId: string
  provider: string
  profile: string
  /** For people: what the provider is called. */
  label: string
  /** For people: the host on which they will be asked. What is typed is asked for on our own. */
  host: string
  scopes: string[]
  /** On our own origin; leads to the provider once the right person is there. */
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

/** The kinds of events of a run. */
export type EventType = keyof EventData

/** One envelope for the log, the WebSocket and Server-Sent Events. */
export type ExecutionEvent = { [Type in EventType]: {
  type: Type
  executionId: string
  /** Counts from 1 within an execution. */
  seq: number
  /** ISO 8601. */
  time: string
  data: EventData[Type]
} }[EventType]

/** An event before the log has given it its place. */
export type NewEvent = ExecutionEvent extends infer Event ? Event extends ExecutionEvent ? Pick<Event, 'type' | 'time' | 'data'> : never : never

/** Whether nothing comes after an event of this type. */
export function isLast (type: EventType): type is 'completed' | 'failed' | 'cancelled' {
  return type === 'completed' || type === 'failed' || type === 'cancelled'
}
