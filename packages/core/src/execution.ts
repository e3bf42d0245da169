import type { EventData, NewEvent, PendingConsent } from './events.ts'
import type { Grant } from './grants.ts'
import type { AuthorizeOptions } from './requirement.ts'
import type { Owner } from './grant.ts'

/** `oauth_required` while a person is asked; the last three are final. */
export type ExecutionStatus = 'running' | 'oauth_required' | 'completed' | 'failed' | 'cancelled'

/** A question, and the event that asked it. */
export interface PendingEntry extends PendingConsent {
  seq: number
  time: string
}

/** An execution as it is stored. Times are milliseconds since the epoch. */
export interface ExecutionRecord {
  /** The version of this shape. */
  v: 1
  id: string
  owner: Owner
  /** Names the node that runs it. */
  node: string
  status: ExecutionStatus
  /** The newest event when the record was written; the log may be further. */
  seq: number
  pending: PendingEntry[]
  error?: EventData['failed']
  createdAt: number
  endedAt?: number
}

/** What a client is told when it asks how an execution stands. */
export interface ExecutionDocument {
  executionId: string
  status: ExecutionStatus
  /** The newest event. Read on from here. */
  seq: number
  result?: unknown
  error?: EventData['failed']
  pending?: PendingConsent[]
}

/** One run of application code, as that code sees it. */
export interface Execution {
  readonly id: string
  readonly owner: Owner
  /** Aborted when the execution is cancelled, fails, runs out of time, or the server closes; not when it completes. */
  readonly signal: AbortSignal
  /**
   * The owner's grant at a provider. Resolves at once when a good one is stored; otherwise the owner is asked, and the
   * promise waits for the answer. Rejects with a `ConsentryError`:
   * - `CONSENTRY_ERR_CONSENT_DENIED`, `CONSENTRY_ERR_FLOW_EXPIRED`, `CONSENTRY_ERR_FLOW_CANCELLED`,
   *   `CONSENTRY_ERR_FLOW_SUPERSEDED`, `CONSENTRY_ERR_ACCOUNT_MISMATCH`: how the flow ended
   * - `CONSENTRY_ERR_PROVIDER_*`: the provider failed
   * - `CONSENTRY_ERR_SCOPES_MISSING`: less was granted than was asked for
   * - `CONSENTRY_ERR_EXECUTION_CANCELLED`: the execution is over
   */
  authorize (provider: string, options?: AuthorizeOptions): Promise<Grant>
  /** Tells the owner's clients something, as JSON of at most 64 kB. Throws `CONSENTRY_ERR_RESULT_INVALID`. */
  progress (data: unknown): void
}

/** Whether an execution has ended. */
export function isOver (status: ExecutionStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled'
}

/** The public face of a record. The result is in the log alone, since it may be large. */
export function executionDocument (record: ExecutionRecord, result?: unknown): ExecutionDocument {
  const { id, status, seq, pending, error } = record
  return {
    executionId: id,
    status,
    seq,
    ...(status === 'completed' && { result: result ?? null }),
    ...(error !== undefined && { error }),
    ...(pending.length > 0 && { pending: pending.map(({ seq: _seq, time: _time, ...question }) => question) })
  }
}

/** The record that an event leads to, once it has its place in the log. */
export function after (record: ExecutionRecord, event: NewEvent, seq: number): ExecutionRecord {
  const endedAt = Date.parse(event.time)
  const without = (flowId: string): PendingEntry[] => record.pending.filter((question) => question.flowId !== flowId)
  const asking = (pending: PendingEntry[]): ExecutionRecord => ({ ...record, seq, pending, status: pending.length > 0 ? 'oauth_required' : 'running' })
  switch (event.type) {
    case 'oauth_required': {
      const { flowId, provider, profile, label, host, scopes, connectUrl, expiresAt } = event.data
      return asking(without(flowId).concat({ flowId, provider, profile, label, host, scopes, connectUrl, expiresAt, seq, time: event.time }))
    }
    case 'oauth_resolved': return asking(without(event.data.flowId))
    case 'completed': return { ...record, seq, pending: [], status: 'completed', endedAt }
    case 'failed': return { ...record, seq, pending: [], status: 'failed', error: event.data, endedAt }
    case 'cancelled': return { ...record, seq, pending: [], status: 'cancelled', endedAt }
    default: return { ...record, seq }
  }
}
