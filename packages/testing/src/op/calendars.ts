import type { Account, LocalEvent } from './accounts.ts'

/** An event of a calendar. Times are RFC 3339, in UTC. */
export interface CalendarEvent extends LocalEvent {
  id: string
}

/** How many events one calendar holds. */
const most = 1000

const event = (title: string, start: string, end: string): LocalEvent => ({ title, start, end })

const alice: readonly LocalEvent[] = [
  event('Planning for the quarter', '2026-01-12T09:00:00Z', '2026-01-12T10:30:00Z'),
  event('Lunch with Priya', '2026-01-13T12:00:00Z', '2026-01-13T13:00:00Z'),
  event('Budget review', '2026-01-14T14:00:00Z', '2026-01-14T15:00:00Z'),
  event('Interview: platform engineer', '2026-01-15T10:00:00Z', '2026-01-15T11:00:00Z'),
  event('Dentist', '2026-01-16T08:15:00Z', '2026-01-16T08:45:00Z')
]

const bob: readonly LocalEvent[] = [
  event('Stand-up', '2026-01-12T08:30:00Z', '2026-01-12T08:45:00Z'),
  event('Release 4.2 go or no-go', '2026-01-13T15:00:00Z', '2026-01-13T15:30:00Z'),
  event('Pairing on the importer', '2026-01-14T09:30:00Z', '2026-01-14T11:30:00Z'),
  event('Football', '2026-01-15T17:00:00Z', '2026-01-15T18:30:00Z')
]

const everyone: readonly LocalEvent[] = [
  event('Team meeting', '2026-01-12T13:00:00Z', '2026-01-12T14:00:00Z'),
  event('Focus time', '2026-01-14T09:00:00Z', '2026-01-14T12:00:00Z'),
  event('Demo day', '2026-01-16T13:00:00Z', '2026-01-16T14:00:00Z')
]

const builtIn: ReadonlyMap<string, readonly LocalEvent[]> = new Map([['alice', alice], ['bob', bob]])

/** The calendars of one local provider: what is added is there until it closes. */
export class Calendars {
  readonly #byName = new Map<string, CalendarEvent[]>()

  eventsOf (account: Account): readonly CalendarEvent[] {
    const { username, events } = account
    let calendar = this.#byName.get(username)
    if (calendar === undefined) {
      const own = events.length > 0 ? events : builtIn.get(username) ?? everyone
      calendar = own.map((given, index) => ({ id: `${username}-${index + 1}`, ...given }))
      this.#byName.set(username, calendar)
    }
    return calendar
  }

  /** `undefined` when the calendar is full. */
  add (account: Account, { title, start, end }: LocalEvent): CalendarEvent | undefined {
    const calendar = this.eventsOf(account)
    if (calendar.length >= most) return undefined
    const added = { id: `${account.username}-${calendar.length + 1}`, title, start, end }
    this.#byName.set(account.username, [...calendar, added])
    return added
  }
}
