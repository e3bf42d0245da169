import type { RequiredGrant } from '@consentry/core'
import { readCalendar, reading } from '../calendar.ts'
import { freeSlots, type Slot } from '../free-time.ts'
import { step } from '../step.ts'
import { readForecast, type Day } from '../weather.ts'

/** The result of a run. */
export interface Walk {
  best: { slot: Slot, day: Day } | undefined
}

/** What it cannot begin without: both are asked for at once, and the code runs when both are there. */
export const walkRequires: readonly RequiredGrant[] = [{ provider: 'calendar', profile: 'work', scopes: reading }, 'weather']

/** Finds the free hour with the least rain. */
export async function planWalk (eventsUrl: string, weekUrl: string): Promise<Walk> {
  await step('Looking at your calendar and at the sky', 600)
  const [{ events }, days] = await Promise.all([readCalendar(eventsUrl, 'work'), readForecast(weekUrl)])
  await step('Looking for a dry hour', 500)
  const choices = freeSlots(events, 1).flatMap((slot) => {
    const day = days.find(({ date }) => slot.start.startsWith(date))
    return day === undefined ? [] : [{ slot, day }]
  })
  const [best] = choices.toSorted((a, b) => a.day.rain - b.day.rain || a.slot.start.localeCompare(b.slot.start))
  return { best }
}
