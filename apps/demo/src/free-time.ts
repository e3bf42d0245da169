import type { CalendarEvent } from './calendar.ts'

/** A stretch of time that nothing stands in. RFC 3339. */
export interface Slot {
  start: string
  end: string
}

/** The working week that the calendars and the forecast of the demo are about. */
const week: readonly string[] = ['2026-01-12', '2026-01-13', '2026-01-14', '2026-01-15', '2026-01-16']

const firstHour = 9
const lastHour = 17

/** The free slots of so many whole hours in the week, the earliest first. */
export function freeSlots (events: readonly Pick<CalendarEvent, 'start' | 'end'>[], hours: number): Slot[] {
  const slots = week.flatMap((date) => {
    const starts = Array.from({ length: lastHour - hours - firstHour + 1 }, (_, index) => firstHour + index)
    return starts.map((hour) => ({ start: at(date, hour), end: at(date, hour + hours) }))
  })
  return slots.filter(({ start, end }) => events.every((event) => Date.parse(event.end) <= Date.parse(start) || Date.parse(event.start) >= Date.parse(end)))
}

function at (date: string, hour: number): string {
  return `${date}T${String(hour).padStart(2, '0')}:00:00Z`
}
