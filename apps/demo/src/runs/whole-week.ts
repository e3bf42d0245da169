import { readCalendar, type Calendar } from '../calendar.ts'
import { step } from '../step.ts'

/** The result of a run. */
export interface WholeWeek {
  calendars: Calendar[]
}

/**
 * Reads two calendars of one person: two profiles, each a grant with an account of its own. One after the other, since
 * who has connected one account and is asked for another profile may choose the account on the provider's page.
 */
export async function readWholeWeek (eventsUrl: string): Promise<WholeWeek> {
  await step('Looking at your work calendar', 400)
  const work = await readCalendar(eventsUrl, 'work')
  await step('Looking at your private calendar', 400)
  const home = await readCalendar(eventsUrl, 'private')
  await step('Laying them side by side', 500)
  return { calendars: [work, home] }
}
