import { isLast, type ExecutionEvent, type NewEvent } from './events.ts'
import { after, executionDocument, isOver, type ExecutionDocument, type ExecutionRecord } from './execution.ts'
import { eventsHint, eventsTopic } from './feed.ts'
import type { OwnerIndex } from './owner-index.ts'
import type { StateStore } from './ports.ts'
import type { Wakeups } from './wakeups.ts'

/** What became of an event: whether it has its place in the log, and the record as it then is. */
export interface Written {
  record: ExecutionRecord
  /** `false`: someone else had ended the execution before. */
  written: boolean
}

/**
 * What can happen to the record and the log of an execution. The log decides: an event goes where its writer thinks the
 * end is, or nowhere. So of several that end an execution one does, and after the end nothing comes.
 */
export interface ExecutionRecords {
  /** The record as it was last written; the log may be further. */
  find (id: string): Promise<ExecutionRecord | undefined>
  /** The record as the log has it by now. */
  current (record: ExecutionRecord): Promise<ExecutionRecord>
  read (id: string, after: number, limit?: number): Promise<ExecutionEvent[]>
  write (record: ExecutionRecord, event: NewEvent): Promise<Written>
  /** Writes down an end that the log has. */
  settle (record: ExecutionRecord): Promise<void>
  /** Removes the record, unless there is a log. `false` when there is. */
  forget (record: ExecutionRecord): Promise<boolean>
  document (record: ExecutionRecord): Promise<ExecutionDocument>
}

export interface ExecutionRecordsOptions {
  state: StateStore
  wakeups: Wakeups
  /** The executions that count against their owners. */
  index: OwnerIndex
  /** Milliseconds. */
  maxAge: number
  /** Milliseconds. */
  retention: number
  maxEvents: number
}

const recordKey = (id: string): string => `execution:${id}`
const logKey = (id: string): string => `events:${id}`

export function createExecutionRecords ({ state, wakeups, index, maxAge, retention, maxEvents }: ExecutionRecordsOptions): ExecutionRecords {
  // What was said since the record was written must still be in the log.
  const recordEvery = Math.max(1, Math.floor(maxEvents / 2))
  const store = (record: ExecutionRecord): Promise<void> =>
    state.set(recordKey(record.id), JSON.stringify(record), isOver(record.status) ? retention : maxAge + retention)

  async function read (id: string, after: number, limit?: number): Promise<ExecutionEvent[]> {
    const entries = await state.read(logKey(id), after, limit)
    return entries.map(({ seq, value }) => {
      const { type, time, data } = JSON.parse(value) as NewEvent
      return { type, executionId: id, seq, time, data } as ExecutionEvent
    })
  }

  async function current (record: ExecutionRecord): Promise<ExecutionRecord> {
    if (isOver(record.status)) return record
    // With the newest that is known, which is there unless the store forgot it: then others could not number after it.
    const found = await read(record.id, record.seq - 1)
    const newer = found.length > 0 ? found.filter(({ seq }) => seq > record.seq) : (await read(record.id, 0)).filter(({ type }) => isLast(type))
    return newer.reduce((known, event) => after(known, event, event.seq), record)
  }

  async function settle (record: ExecutionRecord): Promise<void> {
    await store(record)
    await index.remove(record.owner, record.id)
  }

  /**
   * The log first: it is what clients resume from, and it counts. The record follows at the beginning, at the end, and
   * before the log forgets what it needs; who reads it in between reads the log too.
   */
  async function write (record: ExecutionRecord, event: NewEvent): Promise<Written> {
    const last = isLast(event.type)
    const ttl = last ? retention : maxAge + retention
    const seq = await state.append(logKey(record.id), JSON.stringify(event), { ttl, limit: maxEvents, after: record.seq, last })
    if (seq === 0) {
      const known = await current(record)
      // An event of our own, of which the store could not say that it has it.
      if (!isOver(known.status)) return write(known, event)
      await settle(known)
      return { record: known, written: false }
    }
    const next = after(record, event, seq)
    if (last || seq === 1 || seq % recordEvery === 0) await store(next)
    const { type, time, data } = event
    wakeups.wake(eventsTopic(record.owner), eventsHint(record), { type, executionId: record.id, seq, time, data } as ExecutionEvent)
    if (last) await index.remove(record.owner, record.id)
    return { record: next, written: true }
  }

  return {
    read,
    current,
    write,
    settle,

    async forget (record) {
      if ((await read(record.id, 0, 1)).length > 0) return false
      await state.take(recordKey(record.id))
      await index.remove(record.owner, record.id)
      return true
    },

    async find (id) {
      const json = await state.get(recordKey(id))
      return json === undefined ? undefined : JSON.parse(json) as ExecutionRecord
    },

    async document (record) {
      const known = await current(record)
      const [last] = known.status === 'completed' ? await read(known.id, known.seq - 1, 1) : []
      return executionDocument(known, last?.type === 'completed' ? last.data.result : undefined)
    }
  }
}
