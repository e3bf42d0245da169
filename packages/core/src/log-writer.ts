import type { NewEvent } from './events.ts'
import { isOver, type ExecutionRecord } from './execution.ts'
import type { ExecutionRecords } from './execution-records.ts'

/** What is done with a log: an event is written, or what others wrote is looked at, for somebody who waits. */
type Step = NewEvent | { type: 'look', looked: () => void }

/** Writes the log of a run, in the order in which things happened. Others write to it only to end the run. */
export abstract class LogWriter {
  /** As of the newest event that is known. */
  protected record: ExecutionRecord
  readonly #records: Pick<ExecutionRecords, 'current' | 'write'>
  /** What comes after what is being done, while something is. */
  #next: Step[] | undefined

  constructor (record: ExecutionRecord, records: Pick<ExecutionRecords, 'current' | 'write'>) {
    this.record = record
    this.#records = records
  }

  /** The event has its place in the log. */
  protected abstract written (event: NewEvent): void
  /** Someone else ended the run: nothing more is written, whatever was about to be. */
  protected abstract overtaken (end: ExecutionRecord): void
  /** The store could not say that it has the event, or what others wrote. */
  protected abstract failed (error: unknown, event?: NewEvent): void

  protected write (event: NewEvent): void {
    this.#then(event)
  }

  /** Someone else may have ended it. Resolves when it is known. */
  look (): Promise<void> {
    return new Promise((looked) => { this.#then({ type: 'look', looked }) })
  }

  #then (step: Step): void {
    if (this.#next === undefined) void this.#work(step)
    else this.#next.push(step)
  }

  async #work (first: Step): Promise<void> {
    for (let steps = [first]; steps.length > 0; steps = this.#next) {
      this.#next = []
      for (const step of steps) {
        if (!isOver(this.record.status)) {
          try {
            if (step.type === 'look') this.#see(await this.#records.current(this.record))
            else {
              const { record, written } = await this.#records.write(this.record, step)
              if (written) {
                this.record = record
                this.written(step)
              } else this.#see(record)
            }
          } catch (error) {
            this.failed(error, step.type === 'look' ? undefined : step)
          }
        }
        if (step.type === 'look') step.looked()
      }
    }
    this.#next = undefined
  }

  #see (record: ExecutionRecord): void {
    if (!isOver(record.status)) return
    this.record = record
    this.overtaken(record)
  }
}
