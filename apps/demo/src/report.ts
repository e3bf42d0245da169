import type { Execution } from '@consentry/fastify-plugin'
import { setTimeout as delay } from 'node:timers/promises'
import { readCalendar, type CalendarEvent } from './calendar.ts'

/** The result of a run. */
export interface Report {
  /** The person whose calendar it is about. */
  owner: string
  events: CalendarEvent[]
}

/** Writes a report about the calendar of the run's owner, and says what it is doing. */
export async function writeReport (execution: Execution, eventsUrl: string): Promise<Report> {
  const step = async (text: string, milliseconds: number): Promise<void> => {
    execution.progress({ step: text })
    // So that a person can follow. Real work takes its time by itself.
    await delay(milliseconds, undefined, { signal: execution.signal })
  }
  await step('Looking at your calendar', 500)
  const events = await readCalendar(eventsUrl)
  await step(`Reading ${events.length} ${events.length === 1 ? 'event' : 'events'}`, 600)
  await step('Writing the report', 700)
  return { owner: execution.owner.userId, events }
}
