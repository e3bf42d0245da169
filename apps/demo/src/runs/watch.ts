import { authorize } from '@consentry/fastify-plugin'
import { readEvents, reading, type CalendarEvent } from '../calendar.ts'
import { step } from '../step.ts'

/** How often it looks, and how long it waits in between, in milliseconds. */
const looks = 20
const pause = 2_000

/** The result of a run. */
export interface Watched {
  looks: number
  events: CalendarEvent[]
}

/**
 * Looks at the calendar again and again, with one grant. It is longer than an access token lives: the grant renews it on
 * the way. When the person disconnects the calendar, the run ends at once: `authorize()` has handed the grant out, so
 * there is no question left that could say no.
 */
export async function watchCalendar (eventsUrl: string): Promise<Watched> {
  const grant = await authorize('calendar', { profile: 'work', scopes: reading })
  let events: CalendarEvent[] = []
  for (let done = 0; done < looks; done++) {
    events = await readEvents(grant, eventsUrl)
    await step('Watching your work calendar', pause, { done: done + 1, of: looks })
  }
  return { looks, events }
}
