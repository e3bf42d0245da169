import { ConsentryError } from './errors.ts'
import type { EventData, NewEvent } from './events.ts'
import { isOver, type ExecutionRecord } from './execution.ts'
import type { ExecutionRecords } from './execution-records.ts'
import type { Lease } from './lease.ts'
import type { Clock } from './ports.ts'
import { failure } from './failure.ts'
import type { Wakeups } from './wakeups.ts'

export interface RemoteEndOptions {
  records: ExecutionRecords
  lease: Lease
  wakeups: Wakeups
  clock: Clock
  /** How long a log is kept after its end, in milliseconds. */
  retention: number
  /** Whether it runs in this process. */
  isHere: (id: string) => boolean
  /** Hears of every execution that was ended from here. */
  onEnd: (id: string) => void
}

/** What others than the node that runs an execution may do to it: end it. */
export interface RemoteEnd {
  end (record: ExecutionRecord, type: 'failed' | 'cancelled', data: EventData['failed'] | EventData['cancelled']): Promise<ExecutionRecord>
  /** The record, which is ended when its node is gone. Rejects with `CONSENTRY_ERR_EXECUTION_NOT_FOUND` when it ended long ago. */
  alive (record: ExecutionRecord): Promise<ExecutionRecord>
  /** Ends it once more where the store has forgotten that it ended here. */
  ensureEnd (id: string): Promise<void>
}

/** Where the node that runs an execution hears that it was ended from elsewhere. */
export const endedTopic = 'ended'

export function createRemoteEnd ({ records, lease, wakeups, clock, retention, isHere, onEnd }: RemoteEndOptions): RemoteEnd {
  async function end (record: ExecutionRecord, type: 'failed' | 'cancelled', data: EventData['failed'] | EventData['cancelled']): Promise<ExecutionRecord> {
    const time = new Date(clock.now()).toISOString()
    let known = await records.current(record)
    // What a node that is gone asked can still be answered.
    const withdrawn = type === 'cancelled' ? known.pending : []
    const resolved = withdrawn.map(({ flowId, provider, profile }): NewEvent => ({ type: 'oauth_resolved', time, data: { flowId, provider, profile, outcome: 'cancelled' } }))
    for (const event of [...resolved, { type, time, data } as NewEvent]) {
      if (!isOver(known.status)) known = (await records.write(known, event)).record
    }
    // Who wrote the end may have died before the rest was done.
    await records.settle(known)
    onEnd(record.id)
    wakeups.wake(endedTopic, record.id)
    return known
  }

  async function alive (record: ExecutionRecord): Promise<ExecutionRecord> {
    if (isOver(record.status) || isHere(record.id)) return record
    // What began here and is not here any more ended while the store was away.
    const gone = record.node === lease.node || await lease.isGone(record.node)
    if (!gone) return record
    // Its end was written, and is kept for a shorter time than a record that does not know of it.
    if (await records.forget(record)) throw new ConsentryError('CONSENTRY_ERR_EXECUTION_NOT_FOUND')
    return end(record, 'failed', failure('CONSENTRY_ERR_NODE_LOST'))
  }

  return {
    end,
    alive,

    async ensureEnd (id) {
      const record = await records.find(id)
      if (record === undefined) return
      const known = await alive(record).catch((error: unknown) => {
        if (!ConsentryError.is(error, 'CONSENTRY_ERR_EXECUTION_NOT_FOUND')) throw error
      })
      if (known === undefined) return
      const [last] = await records.read(id, known.seq - 1, 1)
      // One that goes by its own time may go before the record does.
      if (last !== undefined || clock.now() - (known.endedAt ?? 0) > retention / 2) return
      // The record has the end and the log has not; a result was in the log alone.
      const { seq, status, error = failure('CONSENTRY_ERR_NODE_LOST') } = known
      const reopened: ExecutionRecord = { ...known, seq: seq - 1, status: 'running' }
      await (status === 'cancelled' ? end(reopened, 'cancelled', { reason: status }) : end(reopened, 'failed', error))
    }
  }
}
