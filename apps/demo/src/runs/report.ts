import type { Execution } from '@consentry/fastify-plugin'
import { readCalendar, type CalendarEvent } from '../calendar.ts'
import { step } from '../step.ts'

/** The result of a run. */
export interface Report {
  /** The person whose calendar it is about. */
  owner: string
  events: CalendarEvent[]
}

/** Writes a report about the work calendar of the run's owner, and says what it is doing. */
export async function writeReport (execution: Execution, eventsUrl: string): Promise<Report> {
  await step('Looking at your calendar', 500)
  const { events } = await readCalendar(eventsUrl, 'work')
  await step(`Reading ${events.length} ${events.length === 1 ? 'event' : 'events'}`, 600)
  await step('Writing the report', 700)
  return { owner: execution.owner.userId, events }
}
