import type { ErrorCode } from './errors.ts'
import type { ConnectFlow, FlowOutcome } from './flow.ts'
import type { Account, GrantKey } from './grant.ts'
import type { Clock } from './ports.ts'

/** What happens to grants, for a record that outlives logs. Holds no secret. */
export interface AuditEntry extends GrantKey {
  /**
   * - `started`: a person is about to be asked
   * - `granted`: what they gave is stored
   * - `denied`: they declined
   * - `failed`: a flow ended otherwise, or a grant could not be renewed
   * - `refreshed`: new tokens are stored
   * - `revoked`: the grant was disconnected
   */
  type: 'started' | 'granted' | 'denied' | 'failed' | 'refreshed' | 'revoked'
  /** ISO 8601. */
  time: string
  /** Asked for, until something was granted; then what was granted. */
  scopes: readonly string[]
  /** The flow, when there is one. */
  flowId?: string
  /** The executions that wait for it. */
  executionIds?: readonly string[]
  /** Whose account at the provider, when it is known. */
  account?: Pick<Account, 'issuer' | 'subject'>
  /** How the flow ended, for `failed`. */
  outcome?: FlowOutcome
  /** Why, for `failed`, and for `revoked` when the provider did not confirm it. */
  code?: ErrorCode
  /** Whether the provider confirmed the end of the tokens, for `revoked`. */
  confirmed?: boolean
}

/** Takes an entry. What it throws is logged and changes nothing. */
export type Audit = (key: GrantKey, entry: Omit<AuditEntry, keyof GrantKey | 'time'>) => void

/** Where entries go, and by which clock. */
export interface AuditOptions {
  /** For the time of an entry. */
  clock: Pick<Clock, 'now'>
  /** Takes the entries; without it there are none. */
  onAudit: ((entry: AuditEntry) => void) | undefined
  /** Hears of what `onAudit` throws. */
  onError: (error: unknown, doing: string) => void
}

/** What gives the entries their time and hands them on. It never throws. */
export function createAudit ({ clock, onAudit, onError }: AuditOptions): Audit {
  return ({ tenant, userId, provider, profile }, entry) => {
    if (onAudit === undefined) return
    try {
      onAudit({ ...entry, time: new Date(clock.now()).toISOString(), tenant, userId, provider, profile })
    } catch (error) {
      onError(error, 'auditing')
    }
  }
}

/** What flows add to it: their begin, and every end but that of a grant, of which more is known when it is stored. */
export function auditFlows (audit: Audit): (flow: ConnectFlow) => void {
  return ({ id: flowId, key, scopes, status, outcome, error, waiters }) => {
    if (outcome === 'granted') return
    const executionIds = waiters.flatMap(({ executionId }) => executionId ?? [])
    const entry = { flowId, scopes, ...(executionIds.length > 0 && { executionIds }) }
    if (status === 'pending') audit(key, { ...entry, type: 'started' })
    else if (outcome === 'denied') audit(key, { ...entry, type: 'denied' })
    else if (outcome !== undefined) audit(key, { ...entry, type: 'failed', outcome, ...(error !== undefined && { code: error }) })
  }
}
