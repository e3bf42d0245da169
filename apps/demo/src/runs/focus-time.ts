import { ConsentryError } from '@consentry/fastify-plugin'
import { addEvent, readCalendar, type CalendarEvent } from '../calendar.ts'
import { freeSlots, type Slot } from '../free-time.ts'
import { step } from '../step.ts'

/** The result of a run: what was booked, or the slot that could not be. */
export interface FocusTime {
  slot: Slot | undefined
  booked: CalendarEvent | undefined
  /** What the person left out on the consent page, and so could not be done. */
  missingScopes: readonly string[]
}

/**
 * Finds two free hours, and books them. Reading is what the report does; writing is new, and asked for when the code comes
 * to it. Declined, it ends this run and takes nothing from the report. Left out, half of the work is still of use.
 */
export async function bookFocusTime (eventsUrl: string): Promise<FocusTime> {
  await step('Looking for two free hours', 500)
  const { events } = await readCalendar(eventsUrl, 'work')
  const [slot] = freeSlots(events, 2)
  if (slot === undefined) return { slot, booked: undefined, missingScopes: [] }
  await step('Putting them into your calendar', 400)
  try {
    const booked = await addEvent(eventsUrl, 'work', { title: 'Focus time', ...slot })
    return { slot, booked, missingScopes: [] }
  } catch (error) {
    if (!ConsentryError.is(error, 'CONSENTRY_ERR_SCOPES_MISSING')) throw error
    return { slot, booked: undefined, missingScopes: error.missingScopes ?? [] }
  }
}
